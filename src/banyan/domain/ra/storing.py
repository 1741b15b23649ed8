"""Files handed in: named by the SM3 of their content, sealed at rest below ``home.files``."""

import base64
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from typing import Final

from django.conf import settings

from banyan import gm, sealing
from banyan.domain.prepared import new
from banyan.domain.ra import quarantine
from banyan.domain.ra.models import Material
from banyan.domain.ra.values import NewMaterial
from banyan.sealing.files import MAGIC

LARGEST: Final = 50 * 1024 * 1024


def digest_of(material: NewMaterial) -> str:
    """SM3 (hex) of a file's content."""
    return material.stored[0] if material.stored else gm.sm3(material.content).hex()


def keep_files(materials: Sequence[NewMaterial]) -> None:
    """Write files that are not kept yet; before the transaction, since a file too many does no harm.

    Raises MaterialRefused for an empty or too large file, StorageFull.
    """
    for material in materials:
        if material.stored is None:
            keep(material.content, material.name)


def keep(content: bytes, name: str) -> tuple[str, int, str]:
    """Keep one file sealed; (SM3 hex, size, path below home.files). The same content is kept once."""
    arrived = quarantine.receive(name, [content], LARGEST)
    return arrived.sm3, arrived.size, quarantine.settle(arrived)


def read(material: Material) -> bytes:
    """The content of a kept file. Raises sealing.SealBroken when it was changed."""
    return read_kept(material.sm3, material.path)


def read_kept(sm3: str, path: str) -> bytes:
    """The content of a kept file by its digest and place. Raises sealing.SealBroken when it was changed."""
    with opened_kept(sm3, path) as (_size, chunks):
        return b"".join(chunks)


def pieces(material: Material) -> Iterator[bytes]:
    """The bytes of a kept file, piece by piece. Raises sealing.SealBroken, FileNotFoundError."""
    with opened_kept(material.sm3, material.path) as (_size, chunks):
        yield from chunks


@contextmanager
def opened_kept(sm3: str, path: str) -> Iterator[tuple[int, Iterator[bytes]]]:
    """A kept file: its size and its bytes, piece by piece. Raises sealing.SealBroken when it is not what was kept."""
    with (settings.HOME.files / path).open("rb") as file:
        if file.read(len(MAGIC)) != MAGIC:  # kept by an earlier release
            content = _read_whole(sm3, path)
            yield len(content), iter((content,))
            return
        reader = _ring().files.reader(file, _context(sm3)[0])
        if reader.sm3 != sm3:
            raise sealing.SealBroken(context=".".join(_context(sm3)))
        yield reader.size, reader.chunks()


def row(request_id: int, material: NewMaterial, added_by: int, now: datetime) -> Material:
    """The row of a kept file."""
    sm3 = digest_of(material)
    size = material.stored[1] if material.stored else len(material.content)
    path = material.stored[2] if material.stored else quarantine.kept_path(sm3)
    return new(
        Material,
        request_id=request_id,
        code=material.code,
        name=quarantine.clean_name(material.name),
        sm3=sm3,
        size=size,
        media_type=material.media_type[:100],
        path=path,
        page_count=material.page_count,
        previews=material.previews,
        notes=material.notes[:60],
        scan=material.scan,
        added_by=added_by,
        added_at=now,
    )


def _read_whole(sm3: str, path: str) -> bytes:
    sealed = (settings.HOME.files / path).read_bytes()
    return base64.b64decode(_ring().fields.open(sealed, _context(sm3)))


def _context(sm3: str) -> tuple[str, str]:
    return "ra_material", sm3


def _ring() -> sealing.Keyring:
    return sealing.keyring(settings.HOME)
