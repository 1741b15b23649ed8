"""The makers of papers: one process that stays warm for printing, and one for each trial of somebody's template."""

import os
import select
import subprocess
import sys
import threading
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from functools import lru_cache
from types import TracebackType
from typing import Any, Final, Self

from banyan.adapters.paper_maker.frames import HEAD, pack, unpack
from banyan.domain.papers.errors import PaperMakerDown, TemplateRefused
from banyan.domain.papers.ports import Fault, PaperJob

_STARTS_WITHIN: Final = 60.0
_BEYOND_LIMIT: Final = 5.0
# Nothing of our settings, and no key, reaches the process.
_ENVIRONMENT: Final = ("PATH", "HOME", "LANG", "LC_ALL", "FONTCONFIG_FILE", "FONTCONFIG_PATH", "XDG_CACHE_HOME")


@dataclass(frozen=True)
class Limits:
    """What one job may take: seconds of time and of the processor, megabytes of memory and of PDF."""

    seconds: int = 10
    memory: int = 1200
    output: int = 32
    # Added for every copy beyond the first.
    more_a_copy: int = 1


class ProcessMaker:
    """Makes papers in a process of its own, which is started when first needed and again after it died."""

    def __init__(self, limits: Limits | None = None) -> None:
        self._limits = limits or Limits()
        self._process: subprocess.Popen[bytes] | None = None
        self._lock = threading.Lock()
        # Whether the kernel refuses it the network; known once it runs.
        self.is_confined = False

    def make(self, job: PaperJob) -> bytes:
        """The PDF. Raises TemplateRefused with line and reason, PaperMakerDown when the process cannot be had."""
        limits = asdict(self._limits)
        limits["seconds"] += limits.pop("more_a_copy") * (len(job.copies) - 1)
        told = pack({**asdict(job), "copies": [dict(values) for values in job.copies], "limits": limits})
        with self._lock:
            answer = self._asked(told, limits["seconds"] + _BEYOND_LIMIT)
        if "pdf" in answer:
            pdf: bytes = answer["pdf"]
            return pdf
        raise TemplateRefused(Fault(answer["fault"]), line=int(answer["line"]), reason=str(answer["reason"]))

    def close(self) -> None:
        """End the process."""
        process, self._process = self._process, None
        if process is not None:
            process.kill()
            process.communicate()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _asked(self, told: bytes, seconds: float) -> Mapping[str, Any]:
        # A process that died while nobody looked is found out by the first question: then a new one is asked.
        for attempt in range(2):
            is_fresh = self._process is None or self._process.poll() is not None
            try:
                process = self._start() if is_fresh else self._process
                assert process is not None and process.stdin is not None  # noqa: S101, PT018
                process.stdin.write(told)
                process.stdin.flush()
                return _answer_of(process, seconds)
            except (OSError, EOFError) as error:
                self.close()
                if is_fresh or attempt:
                    raise PaperMakerDown from error
        raise AssertionError("unreachable")

    def _start(self) -> subprocess.Popen[bytes]:
        self.close()
        self._process = subprocess.Popen(
            [sys.executable, "-m", f"{__package__}.process"],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, cwd="/", bufsize=0,
            env={name: os.environ[name] for name in _ENVIRONMENT if name in os.environ},
        )  # fmt: skip
        self.is_confined = bool(_answer_of(self._process, _STARTS_WITHIN)["is_closed"])
        return self._process


def _answer_of(process: subprocess.Popen[bytes], seconds: float) -> Mapping[str, Any]:
    """The next frame. Raises EOFError when the process ended or says nothing for so long."""
    until = time.monotonic() + seconds
    size = int.from_bytes(_exactly(process, HEAD, until), "big")
    answer: Mapping[str, Any] = unpack(_exactly(process, size, until))
    return answer


def _exactly(process: subprocess.Popen[bytes], size: int, until: float) -> bytes:
    assert process.stdout is not None  # noqa: S101  (opened above)
    waiting = select.poll()  # knows no largest number of a file, as select does
    waiting.register(process.stdout, select.POLLIN)
    parts = bytearray()
    while len(parts) < size:
        left = until - time.monotonic()
        if left <= 0 or not waiting.poll(left * 1000):
            raise EOFError
        part = process.stdout.read(size - len(parts))
        if not part:
            raise EOFError
        parts += part
    return bytes(parts)


class TrialMaker:
    """Makes papers from templates nobody has confirmed yet: each in a process of its own, so that none holds up the counter."""

    def make(self, job: PaperJob) -> bytes:
        """Raises as ``ProcessMaker.make``."""
        with ProcessMaker() as maker:
            return maker.make(job)


@lru_cache(maxsize=1)
def printing_maker() -> ProcessMaker:
    """The maker that this process of ours keeps for printing."""
    return ProcessMaker()
