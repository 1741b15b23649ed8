"""``python -m banyan.adapters.simulated_superior``: the simulator as a process."""

import argparse
import fcntl
import os
import signal
import sys
import threading
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any

from banyan.adapters.simulated_superior.errors import NoReplyError
from banyan.adapters.simulated_superior.faults import Fault, FaultPlan
from banyan.adapters.simulated_superior.service import SimulatedSuperior
from banyan.kernel import clock, rpc


class _ConnectionCutError(Exception):
    """Carries a NoReplyError past the answering code, up to where the connection is closed."""


class SimulatorServer(rpc.Server):
    """Serves the simulator and cuts the connection where no reply is to be given."""

    def __init__(self, path: Path, simulator: SimulatedSuperior) -> None:
        self._nothing = object()
        super().__init__(path, {name: self._quiet(call) for name, call in simulator.handlers().items()})

    def _quiet(self, call: Callable[..., Any]) -> Callable[..., Any]:
        def answer(**params: Any) -> Any:
            try:
                return call(**params)
            except NoReplyError:
                return self._nothing

        return answer

    def answer(self, message: Any) -> dict[str, Any]:
        reply = super().answer(message)
        if reply.get("result") is self._nothing:
            raise _ConnectionCutError
        return reply

    def handle_error(self, request: Any, client_address: Any) -> None:
        if not isinstance(sys.exc_info()[1], _ConnectionCutError):
            super().handle_error(request, client_address)


def serve(path: Path, simulator: SimulatedSuperior, *, stop: threading.Event) -> None:
    """Serve until ``stop`` is set."""
    with SimulatorServer(path, simulator) as server:

        def shut_down() -> None:
            stop.wait()
            server.shutdown()

        threading.Thread(target=shut_down, daemon=True).start()
        server.serve_forever(poll_interval=0.1)


def clock_of(file: Path | None) -> Callable[[], datetime]:
    """The system's clock, or one that stands at the instant (ISO 8601, with zone) written in ``file``."""
    if file is None:
        return clock.now
    return lambda: datetime.fromisoformat(file.read_text().strip())


def main(arguments: list[str] | None = None) -> None:
    """Serve until SIGTERM or SIGINT."""
    options = _options(arguments)
    options.directory.mkdir(parents=True, exist_ok=True, mode=0o700)
    lock = os.open(options.directory / "simulator.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        sys.exit(f"模拟上级 CA 已在 {options.directory} 上运行。")
    plan = FaultPlan(
        kinds=options.faults,
        seed=options.seed,
        share=options.fault_share,
        late_seconds=options.late,
        silence_seconds=options.silence,
    )
    simulator = SimulatedSuperior(options.directory, delay=options.delay, plan=plan, now=clock_of(options.clock_file))
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda _number, _frame: stop.set())
    serve(options.socket, simulator, stop=stop)
    simulator.close()


def _options(arguments: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m banyan.adapters.simulated_superior",
        description="模拟上级 CA（仅供测试，不是真实的 CA）",
    )
    parser.add_argument("--directory", type=Path, required=True)
    parser.add_argument("--socket", type=Path, required=True)
    parser.add_argument("--delay", type=float, default=0.0, help="每项任务的处理时间（秒）")
    parser.add_argument("--faults", type=_faults, default=(), help=f"故障，逗号分隔：{', '.join(Fault)}")
    parser.add_argument("--fault-share", type=float, default=0.25, help="遇到故障的任务比例，0 至 1")
    parser.add_argument("--seed", type=int, default=0, help="同一数值产生同样的故障")
    parser.add_argument("--late", type=float, default=600.0, help="late 故障推迟的秒数")
    parser.add_argument("--silence", type=float, default=3600.0, help="silence 故障持续的秒数")
    parser.add_argument("--clock-file", type=Path, default=None, help="从此文件读取当前时刻（测试用）")
    return parser.parse_args(arguments)


def _faults(text: str) -> tuple[Fault, ...]:
    return tuple(Fault(name.strip()) for name in text.split(",") if name.strip())


if __name__ == "__main__":
    main()
