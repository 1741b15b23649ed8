"""The process that makes pages of one file: it comes in at the standard input, frames go out.

A frame is one letter, the length in four bytes, the bytes: P a page, T its thumbnail, N the notes at the end.
"""

import sys
from collections.abc import Iterable
from typing import BinaryIO, Final

from PIL import Image, JpegImagePlugin, MpoImagePlugin, PngImagePlugin, TiffImagePlugin

from banyan.adapters.intake_files import images, papers
from banyan.adapters.intake_files.images import Ending, Unreadable
from banyan.kernel.confined import Limits, confine

MEMORY: Final = 1 << 30
SECONDS: Final = 60
# Named so that they are loaded before the process is confined.
_PLUGINS: Final = (JpegImagePlugin, MpoImagePlugin, PngImagePlugin, TiffImagePlugin)


def main() -> int:
    """Read, draw, tell."""
    confine(Limits(MEMORY, SECONDS))
    try:
        return _tell(sys.argv[1], sys.stdin.buffer.read(), sys.stdout.buffer)
    except MemoryError:
        return Ending.TOO_MUCH
    except Unreadable as error:
        return error.ending
    except Image.DecompressionBombError:
        return Ending.PIXELS
    except Exception:
        # a broken file makes the libraries raise anything
        return Ending.BROKEN


def _tell(kind: str, content: bytes, out: BinaryIO) -> int:
    paper = papers.Paper(content) if kind == "application/pdf" else None
    pages: Iterable[Image.Image] = paper.pages() if paper else images.pages(content, kind)
    is_empty = True
    for page in pages:
        is_empty = False
        large, small = images.encoded(page)
        _frame(out, b"P", large)
        _frame(out, b"T", small)
    if is_empty:
        return Ending.EMPTY
    _frame(out, b"N", ",".join(paper.notes() if paper else []).encode())
    return 0


def _frame(out: BinaryIO, what: bytes, data: bytes) -> None:
    out.write(what + len(data).to_bytes(4, "big") + data)
    out.flush()


if __name__ == "__main__":
    sys.exit(main())
