"""Processes as data: which steps a business goes through on which channel, who does each, how long it may take.

A new process is one file here and one name in ``FILES``.
"""

import tomllib
from dataclasses import dataclass
from enum import StrEnum
from functools import cache
from importlib.resources import files
from typing import Any

from banyan.domain.ra.errors import ProcessInvalid, ProcessUnknown
from banyan.kernel.errors import N_

FILES = ("counter.toml", "remote.toml", "unlock.toml", "revoke.toml")
MATERIALS = "materials.toml"


class Verb(StrEnum):
    """The steps there are; each is one action of ``ra.actions``."""

    PRECHECK = "precheck"
    APPROVE = "approve"
    ENTER = "enter"
    PROOFREAD = "proofread"
    ISSUE = "issue"
    PERSONALIZE = "personalize"
    NOTIFY_READY = "notify_ready"
    HAND_OVER = "hand_over"
    UNLOCK = "unlock"
    REVOKE = "revoke"

    @property
    def label(self) -> str:
        """The Chinese msgid shown to people."""
        return _LABELS[self]

    def command(self, number: str) -> str:
        """What is typed to do this step to a request."""
        return f"banyan request {_COMMANDS.get(self, self.value)} {number}"


_LABELS = {
    Verb.PRECHECK: N_("初审"),
    Verb.APPROVE: N_("审核"),
    Verb.ENTER: N_("录入"),
    Verb.PROOFREAD: N_("校对"),
    Verb.ISSUE: N_("签发"),
    Verb.PERSONALIZE: N_("制证"),
    Verb.NOTIFY_READY: N_("通知领取"),
    Verb.HAND_OVER: N_("交付"),
    Verb.UNLOCK: N_("解锁"),
    Verb.REVOKE: N_("注销"),
}
# Where the command is not called like the step.
_COMMANDS = {Verb.NOTIFY_READY: "notify", Verb.HAND_OVER: "hand-over"}


@dataclass(frozen=True, slots=True)
class Step:
    """One step: the right it needs, the role that usually has it, and its deadline in working days."""

    verb: Verb
    right: str
    role: str
    working_days: int


@dataclass(frozen=True, slots=True)
class Process:
    """The steps of some businesses on some channels, in order."""

    code: str
    name: str
    businesses: frozenset[str]
    channels: frozenset[str]
    steps: tuple[Step, ...]

    def step(self, verb: str) -> Step:
        """The step of that verb. Raises KeyError."""
        for step in self.steps:
            if step.verb == verb:
                return step
        raise KeyError(verb)

    def has(self, verb: Verb) -> bool:
        """Whether the process has this step."""
        return any(step.verb is verb for step in self.steps)

    def after(self, verb: str) -> Step | None:
        """The step after ``verb``; None at the end."""
        position = self.position(verb)
        return self.steps[position + 1] if position + 1 < len(self.steps) else None

    def position(self, verb: str) -> int:
        """Where a step stands in the order. Raises KeyError."""
        for position, step in enumerate(self.steps):
            if step.verb == verb:
                return position
        raise KeyError(verb)


@dataclass(frozen=True, slots=True)
class RequiredMaterial:
    """A material and where it is asked for."""

    code: str
    name: str
    businesses: frozenset[str]
    kinds: frozenset[str]
    channels: frozenset[str]


@cache
def processes() -> dict[str, Process]:
    """Every process by its code. Raises ProcessInvalid for a wrong file."""
    found: dict[str, Process] = {}
    taken: dict[tuple[str, str], str] = {}
    for name in FILES:
        process = load_process(_text(name), file=name)
        for key in ((business, channel) for business in process.businesses for channel in process.channels):
            if key in taken:
                raise ProcessInvalid(file=name, problem=f"{key} is in {taken[key]} too")
            taken[key] = process.code
        found[process.code] = process
    return found


def process_for(business: str, channel: str) -> Process:
    """The process of a business on a channel. Raises ProcessUnknown where it is not offered."""
    for process in processes().values():
        if business in process.businesses and channel in process.channels:
            return process
    raise ProcessUnknown(business=business, channel=channel)


@cache
def materials() -> tuple[RequiredMaterial, ...]:
    """Every material that some business asks for."""
    return tuple(
        RequiredMaterial(
            entry["code"], entry["name"], frozenset(entry["businesses"]), frozenset(entry["kinds"]),
            frozenset(entry["channels"]),
        )
        for entry in tomllib.loads(_text(MATERIALS))["material"]
    )  # fmt: skip


def required_materials(business: str, kind: str, channel: str) -> tuple[RequiredMaterial, ...]:
    """What has to be handed in, in the order people are told."""
    return tuple(
        entry
        for entry in materials()
        if business in entry.businesses and kind in entry.kinds and channel in entry.channels
    )


def load_process(text: str, *, file: str) -> Process:
    """A process from the text of its file. Raises ProcessInvalid naming the file and what is wrong."""
    try:
        return _process(tomllib.loads(text))
    except (KeyError, ValueError, TypeError) as error:
        raise ProcessInvalid(file=file, problem=f"{type(error).__name__}: {error}") from error


def _process(data: dict[str, Any]) -> Process:
    steps = tuple(
        Step(Verb(entry["verb"]), entry["right"], entry["role"], int(entry["working_days"])) for entry in data["step"]
    )
    verbs = [step.verb for step in steps]
    if len(set(verbs)) != len(verbs) or not verbs:
        raise ValueError("each step once, at least one")
    if Verb.ISSUE in verbs:
        at = verbs.index(Verb.ISSUE)
        for needed in (Verb.ENTER, Verb.PROOFREAD, Verb.APPROVE):
            if needed not in verbs[:at]:
                raise ValueError(f"issue needs {needed} before it")
    elif Verb.APPROVE not in verbs:
        raise ValueError("nothing is done without approve")
    return Process(data["code"], data["name"], frozenset(data["businesses"]), frozenset(data["channels"]), steps)


def _text(name: str) -> str:
    return files("banyan.domain.ra.processes").joinpath(name).read_text("utf-8")
