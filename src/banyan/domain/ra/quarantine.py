"""Where files from outside lie until they are known to be good: below ``home.files``, sealed as they come in.

Nothing of a file is ever on the disk in clear. A file leaves by ``settle`` (it becomes what is kept), by ``discard``, or, when
a process ended in between, by the tidying round.
"""

import errno
import os
import re
import secrets
import shutil
import unicodedata
from collections.abc import Collection, Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Final

from django.conf import settings

from banyan import sealing
from banyan.domain.ra.errors import FileTooLarge, MaterialRefused, StorageFull
from banyan.kernel.errors import N_

FOLDER: Final = "quarantine"
KEPT: Final = "materials"
PAGES: Final = ".pages"
_LEFT_AFTER: Final = timedelta(hours=6)
_START_BYTES: Final = 64
_LONGEST_NAME: Final = 120
_FULL: Final = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})
_NO_NAME: Final = frozenset({"", ".", ".."})


@dataclass(frozen=True, slots=True)
class Arrived:
    """A file that came in whole: ``mark`` names it in quarantine, ``sm3`` is over its bytes."""

    mark: str
    name: str
    sm3: str
    size: int


class Incoming:
    """A file while it comes in: sealed to the disk piece by piece, refused as soon as it is too large."""

    def __init__(self, name: str, limit: int) -> None:
        self.name, self._limit = clean_name(name), limit
        self.mark = secrets.token_hex(16)
        folder().mkdir(parents=True, exist_ok=True, mode=0o700)
        with told_when_full(self.name):
            handle = os.open(_place(self.mark), os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            self._file = os.fdopen(handle, "wb")
            self._writer = sealing.keyring(settings.HOME).files.writer(self._file)

    def write(self, data: bytes) -> None:
        """The next bytes. Raises MaterialRefused for too many, StorageFull; nothing is kept then."""
        if self._writer.size + len(data) > self._limit:
            self.discard()
            raise FileTooLarge(name=self.name, megabytes=self._limit >> 20)
        try:
            with told_when_full(self.name):
                self._writer.write(data)
        except BaseException:
            self.discard()
            raise

    def finish(self) -> Arrived:
        """It is all there. Raises MaterialRefused for an empty file, StorageFull."""
        if not self._writer.size:
            self.discard()
            raise MaterialRefused(name=self.name, reason=N_("文件是空的"))
        try:
            with told_when_full(self.name), self._file:
                sm3 = self._writer.finish()
                self._file.flush()
                os.fsync(self._file.fileno())
        except BaseException:
            self.discard()
            raise
        return Arrived(self.mark, self.name, sm3, self._writer.size)

    def discard(self) -> None:
        """Nothing of it is kept."""
        with suppress(OSError):  # the disk may be full still: what was not written does not matter
            self._file.close()
        _place(self.mark).unlink(missing_ok=True)


def receive(name: str, chunks: Iterable[bytes], limit: int) -> Arrived:
    """Take in a file from wherever it is read. Raises MaterialRefused, StorageFull."""
    coming = Incoming(name, limit)
    try:
        for chunk in chunks:
            coming.write(chunk)
    except BaseException:
        coming.discard()
        raise
    return coming.finish()


def chunks(arrived: Arrived) -> Iterator[bytes]:
    """The file's bytes in clear, piece by piece. Raises sealing.SealBroken, FileNotFoundError."""
    place = _place(arrived.mark)
    with (place if place.exists() else settings.HOME.files / kept_path(arrived.sm3)).open("rb") as file:
        yield from sealing.keyring(settings.HOME).files.reader(file, FOLDER).chunks()


def start_of(arrived: Arrived) -> bytes:
    """How the file begins."""
    return next(chunks(arrived), b"")[:_START_BYTES]


def settle(arrived: Arrived) -> str:
    """Keep the file for good; its path below ``home.files``. The same content is kept once. Raises StorageFull."""
    relative = kept_path(arrived.sm3)
    place = settings.HOME.files / relative
    with told_when_full(arrived.name):
        place.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        if place.exists():
            discard(arrived)
        else:
            _place(arrived.mark).replace(place)
            _sync(place.parent)
    return relative


def discard(arrived: Arrived) -> None:
    """Nothing of it, nor of pages made of it, stays in quarantine."""
    _place(arrived.mark).unlink(missing_ok=True)
    shutil.rmtree(pages_place(arrived.mark), ignore_errors=True)


def tidy(now: datetime, waiting: Collection[str]) -> int:
    """Remove what a process left behind when it ended; files that wait for the scanner stay. How many went."""
    if not folder().exists():
        return 0
    gone = 0
    for place in list(folder().iterdir()):
        if place.name not in waiting and _is_left(place, now):
            _remove(place)
            gone += 1
    return gone


def _is_left(place: Path, now: datetime) -> bool:
    try:
        return place.stat().st_mtime < (now - _LEFT_AFTER).timestamp()
    except FileNotFoundError:  # whoever it belonged to has just taken it away
        return False


def _remove(place: Path) -> None:
    if place.is_dir():
        shutil.rmtree(place, ignore_errors=True)
    else:
        place.unlink(missing_ok=True)


def clean_name(name: str) -> str:
    """A file's name as it is shown and sent back: no folders, nothing invisible that could turn or hide a part of it."""
    last = re.split(r"[/\\]", name)[-1]
    seen = "".join(one for one in last if unicodedata.category(one)[0] != "C").strip()
    if seen in _NO_NAME:
        return "file"
    if len(seen) <= _LONGEST_NAME:
        return seen
    stem, dot, suffix = seen.rpartition(".")
    return f"{stem[: _LONGEST_NAME - 12]}…{dot}{suffix[:10]}" if dot else seen[:_LONGEST_NAME]


def kept_path(sm3: str) -> str:
    """Where a file of that content is kept, below ``home.files``."""
    return f"{KEPT}/{sm3[:2]}/{sm3}"


def folder() -> Path:
    """The quarantine."""
    place: Path = settings.HOME.files / FOLDER
    return place


def pages_place(mark: str) -> Path:
    """Where pages lie while they are made."""
    return folder() / f"{mark}{PAGES}"


@contextmanager
def told_when_full(name: str) -> Iterator[None]:
    """A full disk as an error that people understand."""
    try:
        yield
    except OSError as error:
        if error.errno in _FULL:
            raise StorageFull(name=name) from error
        raise


def _place(mark: str) -> Path:
    return folder() / mark


def _sync(place: Path) -> None:
    handle = os.open(place, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
