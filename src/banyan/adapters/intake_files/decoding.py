"""Pages of a file, made in a confined process; two at a time in one of ours."""

import threading
from collections.abc import Callable, Iterable
from typing import Final

from banyan.adapters.intake_files import kinds
from banyan.domain.ra.errors import FileUnusable
from banyan.domain.ra.ports import PageImage
from banyan.kernel.confined import Child, confined
from banyan.kernel.errors import N_

_PATIENCE_S: Final = 90.0
_LARGEST_FRAME: Final = 16 << 20
_MOST_OUTPUT: Final = 400 << 20
_turn = threading.BoundedSemaphore(2)
# As ``images.Ending`` has them: the libraries that decode are loaded by the confined process only.
_REASONS: Final = {
    10: N_("文件损坏或没有传完整。请重新扫描"),
    11: N_("图像超过 5000 万像素。请把扫描分辨率降到 300 dpi"),
    12: N_("超过 200 页。请分成几个文件"),
    13: N_("这个 PDF 设了打开口令。请去掉口令，另存后再上传"),
    15: N_("里面一页也没有。请重新扫描"),
}
_TOO_MUCH: Final = N_("内容太复杂，在规定的时间和内存里没能展开。请打印后重新扫描，或分成几个文件")


class ChildDecoder:
    """The port ``ra.ports.Decoder``."""

    def __init__(self, *, patience_s: float = _PATIENCE_S, module: str = "") -> None:
        self._patience = patience_s
        self._module = module or "banyan.adapters.intake_files.decoding_process"

    def media_type(self, start: bytes) -> str:
        """By content. Raises FileUnusable for what we do not take."""
        found = kinds.media_type(start)
        if not found:
            raise FileUnusable(reason=kinds.why_not(start))
        return found

    def decode(self, media_type: str, chunks: Iterable[bytes], each: Callable[[PageImage], None]) -> tuple[str, ...]:
        """Make the pages of a file and hand over each; the notes on it. Raises FileUnusable."""
        with _turn, confined(self._module, [media_type], patience_s=self._patience) as child:
            child.feed(chunks)
            notes = self._read(child, each)
            ending = child.end()
        if notes is None or ending:
            raise FileUnusable(reason=_REASONS.get(ending, _TOO_MUCH))
        return notes

    def _read(self, child: Child, each: Callable[[PageImage], None]) -> tuple[str, ...] | None:
        """Take frames until the notes; None when the process ended before. What it says is not trusted either."""
        page, number, left = b"", 0, _MOST_OUTPUT
        while len(head := child.read(5)) == 5:
            what, size = head[:1], int.from_bytes(head[1:], "big")
            left -= size
            if size > _LARGEST_FRAME or left < 0:
                child.stop()
                return None
            data = child.read(size)
            if len(data) != size:
                return None
            if what == b"N":
                return tuple(data.decode("ascii", "replace").split(",")) if data else ()
            if what == b"P":
                page = data
            elif what == b"T":
                number += 1
                each(PageImage(number, page, data))
        return None
