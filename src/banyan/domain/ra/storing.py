"""Files handed in: named by the SM3 of their content, sealed at rest below ``home.files``."""

import base64
import os
import secrets
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import Final

from django.conf import settings

from banyan import gm, sealing
from banyan.domain.prepared import new
from banyan.domain.ra.errors import MaterialRefused
from banyan.domain.ra.models import Material
from banyan.domain.ra.values import NewMaterial
from banyan.kernel.errors import N_

LARGEST: Final = 50 * 1024 * 1024
_FOLDER: Final = "materials"


def digest_of(material: NewMaterial) -> str:
    """SM3 (hex) of a file's content."""
    return material.stored[0] if material.stored else gm.sm3(material.content).hex()


def keep_files(materials: Sequence[NewMaterial]) -> None:
    """Write files that are not kept yet; before the transaction, since a file too many does no harm.

    Raises MaterialRefused for an empty or too large file.
    """
    for material in materials:
        if material.stored is None:
            keep(material.content, material.name)


def keep(content: bytes, name: str) -> tuple[str, int, str]:
    """Keep one file sealed; (SM3 hex, size, path below home.files). The same content is kept once."""
    if not content:
        raise MaterialRefused(name=name, reason=N_("文件是空的"))
    if len(content) > LARGEST:
        raise MaterialRefused(name=name, reason=N_("超过 50 MB"))
    sm3 = gm.sm3(content).hex()
    relative = f"{_FOLDER}/{sm3[:2]}/{sm3}"
    place: Path = settings.HOME.files / relative
    if not place.exists():
        place.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        sealed = _ring().fields.seal(base64.b64encode(content).decode(), _context(sm3))
        _write(place, sealed)
    return sm3, len(content), relative


def read(material: Material) -> bytes:
    """The content of a kept file. Raises sealing.SealBroken when it was changed."""
    return read_kept(material.sm3, material.path)


def read_kept(sm3: str, path: str) -> bytes:
    """The content of a kept file by its digest and place. Raises sealing.SealBroken when it was changed."""
    sealed = (settings.HOME.files / path).read_bytes()
    return base64.b64decode(_ring().fields.open(sealed, _context(sm3)))


def row(request_id: int, material: NewMaterial, added_by: int, now: datetime) -> Material:
    """The row of a kept file."""
    sm3 = digest_of(material)
    size = material.stored[1] if material.stored else len(material.content)
    path = material.stored[2] if material.stored else f"{_FOLDER}/{sm3[:2]}/{sm3}"
    return new(
        Material,
        request_id=request_id,
        code=material.code,
        name=material.name[:200],
        sm3=sm3,
        size=size,
        media_type=material.media_type[:100],
        path=path,
        added_by=added_by,
        added_at=now,
    )


def _write(place: Path, data: bytes) -> None:
    beside = place.with_name(f"{place.name}.{secrets.token_hex(4)}")
    handle = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(handle, "wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
    beside.replace(place)


def _context(sm3: str) -> tuple[str, str]:
    return "ra_material", sm3


def _ring() -> sealing.Keyring:
    return sealing.keyring(settings.HOME)
