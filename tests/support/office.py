"""A sample installation made by the program itself, with its people logged in, for journeys at the command line."""

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from typing import Any

from banyan.cli import sample
from banyan.cli.processes import KEY_HOLDERS, answers
from banyan.cli.soft_tokens import drawer
from banyan.kernel.home import Home
from banyan_token import Token
from support import scans
from support.terminal import Terminal, terminal

PASSWORD = "Sturdy-9-oak"
MATERIALS = ("application_form", "requester_identity", "holder_identity", "change_proof", "organization_code")
_ITERATIONS = "10000"


@dataclass
class Office:
    """The installation, the terminals of its people, and a supply of fictitious holders."""

    home: Home
    terminal: Terminal
    links: dict[str, str]
    place: Path
    _numbers: Iterator[int] = field(default_factory=lambda: count(100))

    @property
    def letters(self) -> Path:
        """Where initial PINs are written."""
        return self.place / "letters"

    def log_in(self, *people: str) -> None:
        """Have people log in for the first time, each with a link of his own."""
        for name in people:
            link = self.links[name]
            self.terminal.ok(name, "login", "--link", link, "--password-file", "-", stdin=f"{PASSWORD}\n")

    def hire(self, username: str, *roles: str) -> None:
        """Open an account, have two administrators grant its roles, and log it in."""
        opened = self.terminal.ok("sysadmin", "staff", "open", username, f"测试{username}").stdout
        for role in roles:
            asked = self.terminal.ok("secadmin", "staff", "grant", username, role).stdout
            self.terminal.ok("sysadmin", "staff", "confirm", asked.split()[1])
        self.links[username] = opened.split("\t")[1].strip()
        self.log_in(username)

    def person(self, **data: Any) -> dict[str, Any]:
        """An application for a personal certificate of somebody who does not exist."""
        number = next(self._numbers)
        return {
            "business": "enroll",
            "channel": "api",
            "system": "通用",
            "kind": "个人",
            "region": "350102",
            "organization": {"name": f"测试榕荫县虚构{number}局", "credit_code": sample.credit_code(number)},
            "person": {"name": f"测试{'甲乙丙丁戊己庚辛壬癸'[number % 10]}", "id_number": sample.resident_id(number),
                       "phone": f"1380001{number:04d}"},
            "data": {
                "subject": {"OU": "测试科"},
                "requester": {"name": "测试经办", "id_number": sample.resident_id(900), "phone": "13800000023"},
                **data,
            },
            "materials": self.materials(),
        }  # fmt: skip

    def materials(self, *codes: str) -> dict[str, str]:
        """Scans; all that any business asks for, or only those named."""
        for code in MATERIALS:
            (self.place / f"{code}.pdf").write_bytes(scans.pdf(content=b"% " + code.encode()))
        return {code: f"{code}.pdf" for code in codes or MATERIALS}

    def file(self, *applications: dict[str, Any]) -> str:
        """A file of applications."""
        place = self.place / f"applications-{time.monotonic_ns()}.json"
        place.write_text(json.dumps(list(applications), ensure_ascii=False))
        return str(place)

    def open(self, *applications: dict[str, Any], who: str = "clerk") -> list[str]:
        """Open requests; their numbers."""
        rows = self.terminal.json(who, "request", "open", "--data", self.file(*applications))
        return [row["number"] for row in rows]

    def decide(self, *numbers: str) -> None:
        """Proofread and approve requests that came with their data."""
        self.terminal.ok("proofreader", "request", "proofread", *numbers)
        self.terminal.ok("approver", "request", "approve", *numbers)

    def issue(self, numbers: Sequence[str], *options: str) -> list[dict[str, Any]]:
        """Issue requests, into new tokens unless told otherwise."""
        chosen = options or ("--new-tokens", "--iterations", _ITERATIONS)
        return self.terminal.json("clerk", "request", "issue", *numbers, *chosen, "--pin-letters", str(self.letters))

    def deliver(self, numbers: Sequence[str], *authorization: str) -> None:
        """Write into the tokens, tell the holders, hand over; to somebody else than the requester by ``authorization``."""
        self.terminal.ok("clerk", "request", "personalize", *numbers, "--pin-letters", str(self.letters))
        self.terminal.ok("clerk", "request", "notify", *numbers)
        self.terminal.ok(
            "clerk",
            "request",
            "hand-over",
            *numbers,
            "--received-by",
            "测试经办",
            "--document",
            sample.resident_id(900)[-4:],
            *authorization,
        )

    def in_hands(self, *applications: dict[str, Any]) -> list[dict[str, Any]]:
        """Carry applications to certificates in holders' tokens; the rows of the issuing step."""
        numbers = self.open(*applications)
        self.decide(*numbers)
        rows = self.issue(numbers)
        self.deliver(numbers)
        return rows

    def new_token(self, serial: str) -> str:
        """A soft token in stock."""
        self.terminal.ok(
            "clerk", "token", "new", serial, "--region", "350102", "--iterations", _ITERATIONS,
            "--pin-letters", str(self.letters),
        )  # fmt: skip
        return serial

    def pin(self, serial: str) -> str:
        """The PIN in a token's letter."""
        return (self.letters / f"{serial}.txt").read_text().strip()

    def device(self, serial: str) -> Token:
        """The holder's device itself."""
        return drawer(self.home).open(serial)

    def change_pin(self, serial: str, pin: str) -> None:
        """The holder's first use: a PIN of his own, which goes into the letter so that the test knows it."""
        new = self.place / f"{serial}.new"
        new.write_text(pin)
        self.terminal.ok(
            "clerk", "token", "change-pin", serial, "--pin-letters", str(self.letters), "--new-pin-file", str(new)
        )
        (self.letters / f"{serial}.txt").write_text(pin)

    def life(self, serial: str) -> dict[str, Any]:
        """A pair's life, as an approver sees it."""
        (found,) = self.terminal.json("approver", "cert", "show", serial)
        return found

    def story(self, number: str) -> dict[str, Any]:
        """A request's story."""
        (found,) = self.terminal.json("clerk", "request", "show", number)
        return found


@contextmanager
def office(place: Path) -> Iterator[Office]:
    """Make a sample installation with the installed program, start its key-holding processes, log its people in."""
    home = Home(place / "home")
    environment = {name: value for name, value in os.environ.items() if not name.startswith("BANYAN_")}
    environment["BANYAN_HOME"] = str(home.path)
    banyan = [sys.executable, "-m", "banyan"]
    made = subprocess.run(
        [*banyan, "init", "--sample", "--json"], env=environment, capture_output=True, text=True, check=True
    )
    links = {row["username"]: row["link"] for row in json.loads(made.stdout)["links"]}
    with ExitStack() as stack:
        for name in KEY_HOLDERS:
            log = stack.enter_context((place / f"{name}.log").open("wb"))
            process = stack.enter_context(subprocess.Popen([*banyan, name], env=environment, stdout=log, stderr=log))
            stack.callback(process.terminate)
        found = Office(home, stack.enter_context(terminal(home.path, place / "sessions")), links, place)
        found.log_in(*links)
        found.terminal.ok("sysadmin", "token", "register-agent", "--region", "福建省")
        until = time.monotonic() + 60
        while not all(answers(home, name) for name in KEY_HOLDERS):
            assert time.monotonic() < until, "signer or KMC did not come up"
            time.sleep(0.05)
        yield found
