"""Files are decoded in a confined process: good ones give pages, bad ones a reason, and the process can reach nothing."""

import os
import socket
import threading
from pathlib import Path

import pytest

from banyan.adapters.intake_files import kinds
from banyan.adapters.intake_files.clamd import Clamd
from banyan.adapters.intake_files.decoding import ChildDecoder
from banyan.domain.ra.errors import FileUnusable
from banyan.domain.ra.ports import PageImage, ScannerDown
from support import scans


def pages_of(content: bytes, **how: float) -> tuple[list[PageImage], tuple[str, ...]]:
    decoder, pages = ChildDecoder(**how), list[PageImage]()  # type: ignore[arg-type]  # seconds
    notes = decoder.decode(decoder.media_type(content[:64]), [content], pages.append)
    return pages, notes


@pytest.mark.parametrize(
    ("content", "count"),
    [(scans.photo(), 1), (scans.photo(form="PNG"), 1), (scans.tiff(3), 3), (scans.pdf(4), 4)],
    ids=["jpg", "png", "tiff", "pdf"],
)
def test_every_page_of_what_is_taken_is_drawn(content: bytes, count: int) -> None:
    pages, _notes = pages_of(content)
    assert [one.number for one in pages] == list(range(1, count + 1))
    assert all(one.image.startswith(b"\xff\xd8\xff") and one.thumbnail.startswith(b"\xff\xd8\xff") for one in pages)


@pytest.mark.parametrize(
    ("content", "note"),
    [
        (scans.pdf_with_script(), "script"), (scans.pdf_that_launches(), "launch"),
        (scans.pdf_with_attachment(), "attachment"),
    ],
    ids=["script", "launch", "attachment"],
)  # fmt: skip
def test_what_a_pdf_would_do_is_noted_and_only_its_picture_kept(content: bytes, note: str) -> None:
    pages, notes = pages_of(content)
    assert note in notes
    assert b"JavaScript" not in pages[0].image


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (scans.pixel_bomb(), "5000 万像素"), (scans.pdf(201), "200 页"), (scans.locked_pdf(), "打开口令"),
        (scans.photo()[:900], "损坏"), (scans.pdf_bomb(), ""),
    ],
    ids=["pixels", "pages", "locked", "cut off", "deflate bomb"],
)  # fmt: skip
def test_what_cannot_be_drawn_is_refused_with_its_reason(content: bytes, reason: str) -> None:
    with pytest.raises(FileUnusable) as refused:
        pages_of(content)
    assert reason in refused.value.fields["reason"]


def test_a_type_is_told_by_content_only() -> None:
    assert kinds.media_type(b"<html><script>") == ""
    with pytest.raises(FileUnusable):
        ChildDecoder().media_type(b"MZ\x90")


def test_a_process_that_takes_too_long_is_ended() -> None:
    with pytest.raises(FileUnusable):
        pages_of(scans.pdf(150), patience_s=0.01)


class Listening:
    """A socket that answers once as a scanner would, or with whatever it is told to."""

    def __init__(self, place: Path, answer: bytes) -> None:
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.bind(os.fspath(place))
        self.socket.listen(1)
        self.answer = answer
        threading.Thread(target=self._run, daemon=True).start()

    def _run(self) -> None:
        peer, _from = self.socket.accept()
        with self.socket, peer:
            came = b""
            while not came.endswith(b"x\x00\x00\x00\x00"):
                came += peer.recv(65536)
            peer.sendall(self.answer)


def test_a_scanner_that_is_away_or_says_nonsense_is_down(tmp_path: Path) -> None:
    with pytest.raises(ScannerDown):
        Clamd(f"unix:{tmp_path / 'none'}").scan([b"x"])
    Listening(tmp_path / "s", b"hello\x00")
    with pytest.raises(ScannerDown):
        Clamd(f"unix:{tmp_path / 's'}").scan([b"x"])


def test_what_a_scanner_says_is_read(tmp_path: Path) -> None:
    Listening(tmp_path / "a", b"stream: OK\x00")
    assert Clamd(f"unix:{tmp_path / 'a'}").scan([b"x"]).is_clean
    Listening(tmp_path / "b", b"stream: Banyan.Test FOUND\x00")
    assert Clamd(f"unix:{tmp_path / 'b'}").scan([b"x"]).found == "Banyan.Test"
