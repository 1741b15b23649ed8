"""The commands that the documents show work: the quick ones are run, of all the others command and options must exist.

A command is a line of a block marked ``sh``, or code in a line, that begins with banyan, make or openssl. Run by
``make check``; ends with 1 and a line for each command that does not hold.
"""

import json
import os
import re
import shlex
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import click

ROOT = Path(__file__).parents[1]
DOCUMENTS = ("README.md", "README.zh-CN.md", "CONTRIBUTING.md", *(f"docs/{part}*.md" for part in ("", "adr/")))
BANYAN = ROOT / ".venv" / "bin" / "banyan"
# Run as they stand, in a throw-away home, in this order: later ones use what earlier ones leave.
RUN = ("banyan --help", "make help", "banyan demo --json", "openssl verify")
_BLOCK = re.compile(r"^```sh\n(.*?)^```$", re.DOTALL | re.MULTILINE)
_INLINE = re.compile(r"`([^`\n]+)`")
_COMMAND = re.compile(r"^(?:[A-Z_]+=\S+ )*(?:\.venv/bin/)?(banyan|make|openssl)(?: |$)")


@dataclass(frozen=True, order=True)
class Shown:
    """A command as a document shows it."""

    document: str
    text: str

    @property
    def words(self) -> list[str]:
        words = shlex.split(self.text, comments=True)
        while "=" in words[0]:
            words = words[1:]
        return [Path(words[0]).name, *words[1:]]


def shown_in(name: str, text: str) -> Iterator[Shown]:
    """Every command in a document's text."""
    blocks = _BLOCK.findall(text)
    lines = [line.strip() for block in blocks for line in block.replace("\\\n", " ").splitlines()]
    inline = _INLINE.findall(re.sub(r"^```.*?^```$", "", text, flags=re.DOTALL | re.MULTILINE))
    for line in [*lines, *inline]:
        if _COMMAND.match(line) and line not in ("banyan", "make", "openssl"):
            yield Shown(name, line)


def all_shown() -> list[Shown]:
    """Every command of every document."""
    paths = sorted(path for pattern in DOCUMENTS for path in ROOT.glob(pattern))
    return [one for path in paths for one in shown_in(str(path.relative_to(ROOT)), path.read_text(encoding="utf-8"))]


# What exists


def fault_of(words: Sequence[str]) -> str:
    """Why a command cannot be what it is shown as; empty when program, command and options exist."""
    return {"banyan": _fault_of_banyan, "make": _fault_of_make, "openssl": _fault_of_openssl}[words[0]](words[1:])


def _fault_of_banyan(words: Sequence[str]) -> str:
    from banyan.cli.main import banyan

    command: Any = banyan
    rest = list(words)
    while isinstance(command, click.Group) and rest and not rest[0].startswith("-"):
        name = rest.pop(0)
        if name in ("…", "..."):
            return ""
        found = command.get_command(click.Context(command), name)
        if found is None:
            return f"no command {name}"
        command = found
    known = {"--help"} | {option for one in command.params for option in (*one.opts, *one.secondary_opts)}
    unknown = [word for word in rest if word.startswith("--") and word.partition("=")[0] not in known]
    return f"no option {unknown[0]}" if unknown else ""


def _fault_of_make(words: Sequence[str]) -> str:
    text = (ROOT / "Makefile").read_text(encoding="utf-8")
    for word in words:
        if "=" in word:
            if not re.search(rf"^(?:export )?{word.partition('=')[0]} \?=", text, re.MULTILINE):
                return f"no variable {word}"
        elif not re.search(rf"^{re.escape(word)}:.*## ", text, re.MULTILINE):
            return f"no target {word}"
    return ""


@cache
def _openssl_help(command: str) -> str | None:
    done = subprocess.run(["openssl", command, "-help"], capture_output=True, text=True, check=False)
    return done.stdout + done.stderr if done.returncode == 0 else None


def _fault_of_openssl(words: Sequence[str]) -> str:
    told = _openssl_help(words[0])
    if told is None:
        return f"no command {words[0]}"
    for word in words[1:]:
        if word.startswith("-") and not re.search(rf"^ *{re.escape(word)}\b", told, re.MULTILINE):
            return f"no option {word}"
    return ""


# What is run


class Trial:
    """A throw-away home in which the quick commands run."""

    def __init__(self, place: Path) -> None:
        self.place = place
        self._environment = {name: value for name, value in os.environ.items() if not name.startswith("BANYAN_")}
        self._environment["BANYAN_HOME"] = str(place / "home")

    def fault_of(self, words: Sequence[str]) -> str:
        """Run a command; what went wrong."""
        program = [str(BANYAN)] if words[0] == "banyan" else [words[0]]
        where = ROOT if words[0] == "make" else self.place
        done = subprocess.run(
            [*program, *words[1:]], cwd=where, env=self._environment, capture_output=True, text=True, check=False
        )
        if done.returncode != 0:
            return f"ended with {done.returncode}: {(done.stderr or done.stdout)[-300:]}"
        if list(words[:2]) == ["banyan", "demo"]:
            self._lay_out(json.loads(done.stdout))
        return ""

    def _lay_out(self, report: dict[str, str]) -> None:
        """The files that the documents call chain.pem and certificate.pem."""
        shutil.copy(report["chain"], self.place / "chain.pem")
        shutil.copy(next(Path(report["certificates_dir"]).glob("*.pem")), self.place / "certificate.pem")


def faults_of(shown: Sequence[Shown], place: Path) -> list[str]:
    """A line for each command that does not hold."""
    trial = Trial(place)
    faults = {}
    for one in sorted(set(shown)):
        faults[one] = fault_of(one.words)
    done: dict[tuple[str, ...], str] = {}
    for prefix in RUN:
        for one in sorted(set(shown)):
            if not faults[one] and " ".join(one.words).startswith(prefix):
                words = tuple(one.words)
                if words not in done:
                    done[words] = trial.fault_of(words)
                faults[one] = done[words]
    if not all(any(" ".join(words).startswith(prefix) for words in done) for prefix in RUN):
        faults[Shown("the documents", "; ".join(RUN))] = "not all of these are shown any more"
    return [f"{one.document}: {one.text}: {fault}" for one, fault in faults.items() if fault]


def main() -> int:
    """Check every document."""
    with tempfile.TemporaryDirectory(prefix="banyan-documents-") as place:
        faults = faults_of(all_shown(), Path(place))
    for fault in faults:
        print(fault)  # noqa: T201
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
