"""The command line in a process of its own that stays: starting Python and Django for each command takes longest.

The process runs the program's entry point again and again; each command is told its arguments, its standard input and
whose session file it finds, as at a terminal.
"""

import io
import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from dataclasses import dataclass
from pathlib import Path
from typing import Any


@dataclass
class Done:
    """How a command ended."""

    returncode: int
    stdout: str
    stderr: str

    @property
    def rows(self) -> list[dict[str, Any]]:
        """What it printed as JSON, an object a line."""
        return [json.loads(line) for line in self.stdout.splitlines()]

    @property
    def row(self) -> dict[str, Any]:
        """The one object it printed."""
        (only,) = self.rows
        return only

    @property
    def code(self) -> str:
        """The code of the error it told, as people see it: ``… [ra.same_person]``."""
        return self.stderr.rstrip().rpartition("[")[2].removesuffix("]")


@dataclass
class Terminal:
    """Runs commands in the installation at ``home``; ``who`` is whose session they use."""

    home: Path
    sessions: Path
    process: subprocess.Popen[str]

    def run(self, who: str, *arguments: str, stdin: str = "") -> Done:
        """Run one command, whatever its end."""
        session = self.sessions / who / "session"
        order = {"arguments": list(arguments), "stdin": stdin, "session": str(session)}
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.write(json.dumps(order) + "\n")
        self.process.stdin.flush()
        answer = self.process.stdout.readline()
        assert answer, "the terminal's process has ended"
        return Done(**json.loads(answer))

    def ok(self, who: str, *arguments: str, stdin: str = "") -> Done:
        """Run a command that must succeed."""
        done = self.run(who, *arguments, stdin=stdin)
        assert done.returncode == 0, f"{arguments}: {done.returncode}\n{done.stdout}\n{done.stderr}"
        return done

    def json(self, who: str, *arguments: str, stdin: str = "") -> list[dict[str, Any]]:
        """Run a command that must succeed, for what it prints as JSON."""
        return self.ok(who, *arguments, "--json", stdin=stdin).rows

    def refused(self, who: str, *arguments: str, stdin: str = "") -> str:
        """Run a command that must be refused (exit code 1); the code of its error."""
        done = self.run(who, *arguments, stdin=stdin)
        assert done.returncode == 1, f"{arguments}: {done.returncode}\n{done.stdout}\n{done.stderr}"
        return done.code


@contextmanager
def terminal(home: Path, sessions: Path) -> Iterator[Terminal]:
    """A terminal for one installation."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("BANYAN_")}
    source = str(Path(__file__).parents[1])
    environment |= {"BANYAN_HOME": str(home), "PYTHONPATH": source, "PYTHONIOENCODING": "utf-8"}
    command = [sys.executable, "-m", "support.terminal"]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environment
    ) as process:
        try:
            yield Terminal(home, sessions, process)
        finally:
            assert process.stdin is not None
            process.stdin.close()


def serve(main: Callable[[], None], lines: Iterator[str], answer: Callable[[str], None]) -> None:
    """Run each command as it would run alone."""
    for line in lines:
        order = json.loads(line)
        os.environ["BANYAN_SESSION"] = order["session"]
        sys.argv = ["banyan", *order["arguments"]]
        sys.stdin = io.StringIO(order["stdin"])
        out, errors = io.StringIO(), io.StringIO()
        code = 0
        with redirect_stdout(out), redirect_stderr(errors):
            try:
                main()
            except SystemExit as stop:
                code = int(stop.code or 0)
            except Exception as error:  # a defect: told like one, and the terminal goes on
                import traceback

                traceback.print_exception(error)
                code = 70
        answer(json.dumps({"returncode": code, "stdout": out.getvalue(), "stderr": errors.getvalue()}))


if __name__ == "__main__":
    from banyan.cli.main import main as entry_point

    own = sys.stdout
    serve(entry_point, iter(sys.stdin.readline, ""), lambda text: print(text, file=own, flush=True))
