"""The process that makes papers. It loads library and fonts once, then forks a child for each job.

A job comes in at standard input, its answer goes out at standard output. The child has limits of its own and is gone
afterwards, with everything it knew: no job sees another one's values, and a PIN lives as long as its letter is made.
"""

import os
import select
import signal
import sys
import time
from collections.abc import Mapping
from typing import Any, BinaryIO, Final

from banyan.adapters.paper_maker import confinement
from banyan.adapters.paper_maker.filling import Sheet, TemplateFault, make
from banyan.adapters.paper_maker.frames import HEAD, pack, read_frame, unpack
from banyan.kernel.parent import end_with_parent

_MB: Final = 1 << 20
_CHUNK: Final = 1 << 16
_WARMING: Final = "<p>榕证 {{ text }}<b>粗</b></p>"


def main() -> int:
    """Answer jobs until the input ends."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    make(_WARMING, [{"text": "0"}], {}, Sheet(210, 297, 1))
    is_closed = confinement.close_the_network()
    out = sys.stdout.buffer
    _give(out, {"ready": True, "is_closed": is_closed})
    while (body := read_frame(sys.stdin.buffer.read)) is not None:
        _give(out, _made_in_child(body, unpack(body)["limits"]))
    return 0


def _give(out: BinaryIO, what: Mapping[str, Any]) -> None:
    out.write(pack(what))
    out.flush()


def _made_in_child(body: bytes, limits: Mapping[str, int]) -> dict[str, Any]:
    reading, writing = os.pipe()
    me, child = os.getpid(), os.fork()
    if child == 0:
        os.close(reading)
        _work(writing, body, limits, me)
    os.close(writing)
    answer = _collected(reading, time.monotonic() + limits["seconds"], limits["output"] * _MB)
    os.close(reading)
    if answer is None:
        os.kill(child, signal.SIGKILL)
    _, status = os.waitpid(child, 0)
    return unpack(answer) if answer and status == 0 else {"fault": "too_much", "line": 0, "reason": ""}


def _work(writing: int, body: bytes, limits: Mapping[str, int], parent: int) -> None:
    """The child: never returns."""
    ended = 1
    try:
        end_with_parent(signal.SIGKILL, parent)
        confinement.limit_job(seconds=limits["seconds"], megabytes=limits["memory"])
        answer = pack(_answer(unpack(body)))[HEAD:]
        with os.fdopen(writing, "wb") as pipe:
            pipe.write(answer)
        ended = 0
    except MemoryError:
        pass
    finally:
        os._exit(ended)


def _answer(job: Mapping[str, Any]) -> dict[str, Any]:
    sheet = Sheet(job["width_mm"], job["height_mm"], job["most_pages"])
    try:
        return {"pdf": make(job["template"], job["copies"], job["assets"], sheet)}
    except TemplateFault as fault:
        return {"fault": fault.code, "line": fault.line, "reason": fault.reason}


def _collected(reading: int, until: float, most: int) -> bytes | None:
    """What the child says until it ends; None when it says too much or takes too long."""
    parts: list[bytes] = []
    size = 0
    while (left := until - time.monotonic()) > 0 and select.select([reading], [], [], left)[0]:
        part = os.read(reading, _CHUNK)
        if not part:
            return b"".join(parts)
        size += len(part)
        if size > most:
            break
        parts.append(part)
    return None


if __name__ == "__main__":
    sys.exit(main())
