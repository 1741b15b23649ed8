"""Pages of a kept file as clean images, each sealed to the file, its place and its size: none can stand for another."""

import os
import shutil
from pathlib import Path
from typing import Literal

from django.conf import settings

from banyan import sealing
from banyan.domain.ra import quarantine
from banyan.domain.ra.models import Material
from banyan.domain.ra.ports import PageImage

Size = Literal["page", "thumb"]


class Album:
    """Pages of a file while they are made, in quarantine."""

    def __init__(self, arrived: quarantine.Arrived) -> None:
        self._arrived = arrived
        self._place = quarantine.pages_place(arrived.mark)
        self.count = 0
        shutil.rmtree(self._place, ignore_errors=True)  # of a try before this one
        with quarantine.told_when_full(arrived.name):
            self._place.mkdir(parents=True, mode=0o700)

    def add(self, page: PageImage) -> None:
        """The next page. Raises StorageFull."""
        self._write(page.number, "page", page.image)
        self._write(page.number, "thumb", page.thumbnail)
        self.count = page.number

    def settle(self) -> str:
        """Keep the pages for good; their folder below ``home.files``. Raises StorageFull."""
        relative = quarantine.kept_path(self._arrived.sm3) + quarantine.PAGES
        place: Path = settings.HOME.files / relative
        with quarantine.told_when_full(self._arrived.name):
            place.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            try:
                self._place.rename(place)
            except OSError:
                if not place.is_dir():
                    raise
                shutil.rmtree(self._place, ignore_errors=True)  # the same file came before: the same pages
        return relative

    def _write(self, number: int, size: Size, data: bytes) -> None:
        sealed = sealing.keyring(settings.HOME).fields.seal_bytes(data, _context(self._arrived.sm3, number, size))
        with quarantine.told_when_full(self._arrived.name):
            handle = os.open(self._place / _name(number, size), os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            with os.fdopen(handle, "wb") as file:
                file.write(sealed)
                file.flush()
                os.fsync(file.fileno())


def page_of(material: Material, number: int, size: Size) -> bytes:
    """The JPEG of a page. Raises sealing.SealBroken, FileNotFoundError; LookupError for a page that there is not."""
    if not 1 <= number <= material.page_count:
        raise LookupError(number)
    sealed = (settings.HOME.files / material.previews / _name(number, size)).read_bytes()
    return sealing.keyring(settings.HOME).fields.open_bytes(sealed, _context(material.sm3, number, size))


def _name(number: int, size: Size) -> str:
    return f"{number:04d}.{size}"


def _context(sm3: str, number: int, size: Size) -> tuple[str, str, int, str]:
    return "ra_material_page", sm3, number, size
