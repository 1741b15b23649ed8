"""Processes as data: which steps a business goes through on which channel, who does each, how long it may take.

A new process is one file here and one name in ``FILES``.
"""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from functools import cache, lru_cache
from importlib.resources import files
from typing import Any

from banyan.domain.ra.errors import ProcessInvalid, ProcessUnknown
from banyan.domain.rulebook import snapshots
from banyan.domain.rulebook.snapshots import Snapshot
from banyan.kernel.errors import N_

FILES = ("counter.toml", "remote.toml", "unlock.toml", "revoke.toml")
MATERIALS = "materials.toml"
MATERIALS_DOCUMENT = "materials"


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
    # The version of the rulebook; 0: as shipped.
    number: int = 0

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


def document_of(code: str) -> str:
    """The name of a process's document in the rulebook."""
    return f"process:{code}"


def processes() -> dict[str, Process]:
    """Every process by its code: as shipped, or as the rulebook sets it. Raises ProcessInvalid for a wrong one."""
    return _processes(snapshots.current())


def process_at(code: str, number: int) -> Process:
    """A process as it was in a version, which requests begun under it keep (0: as shipped). Raises ProcessInvalid."""
    found = _processes(snapshots.current()).get(code)
    if found is not None and found.number == number:
        return found
    return _process_at(snapshots.current(), code, number)


@lru_cache(maxsize=256)
def _process_at(rules: Snapshot, code: str, number: int) -> Process:
    content = None
    if number:
        version = rules.version(document_of(code), number)
        if version is None:
            raise ProcessInvalid(file=f"{code}/{number}", problem="no such version")
        content = version.content
    data = shipped_process(code) if content is None else content
    return read_process(data, file=f"{code}/{number}", number=number)


@lru_cache(maxsize=4)
def _processes(rules: Snapshot) -> dict[str, Process]:
    found: dict[str, Process] = {}
    taken: dict[tuple[str, str], str] = {}
    for name, data in shipped_processes().items():
        process = _process_at(rules, data["code"], rules.number(document_of(data["code"])))
        for key in ((business, channel) for business in process.businesses for channel in process.channels):
            if key in taken:
                raise ProcessInvalid(file=name, problem=f"{key} is in {taken[key]} too")
            taken[key] = process.code
        found[process.code] = process
    return found


@cache
def shipped_processes() -> dict[str, dict[str, Any]]:
    """What each file says, unchecked. Raises ProcessInvalid."""
    return {name: _parsed(_text(name), name) for name in FILES}


def shipped_process(code: str) -> dict[str, Any]:
    """What the product ships of one process. Raises ProcessInvalid."""
    for data in shipped_processes().values():
        if data["code"] == code:
            return data
    raise ProcessInvalid(file=code, problem="no such process")


def process_for(business: str, channel: str) -> Process:
    """The process of a business on a channel. Raises ProcessUnknown where it is not offered."""
    for process in processes().values():
        if business in process.businesses and channel in process.channels:
            return process
    raise ProcessUnknown(business=business, channel=channel)


def materials() -> tuple[RequiredMaterial, ...]:
    """Every material that some business asks for: as shipped, or as the rulebook sets it."""
    return _materials(snapshots.current())


@lru_cache(maxsize=4)
def _materials(rules: Snapshot) -> tuple[RequiredMaterial, ...]:
    content = rules.content(MATERIALS_DOCUMENT)
    return read_materials(shipped_materials() if content is None else content, file=MATERIALS)


@cache
def shipped_materials() -> dict[str, Any]:
    """What the product ships of the materials, unchecked. Raises ProcessInvalid."""
    return _parsed(_text(MATERIALS), MATERIALS)


def read_materials(data: Mapping[str, Any], *, file: str) -> tuple[RequiredMaterial, ...]:
    """The materials from the values of their file or version. Raises ProcessInvalid."""
    try:
        found = tuple(
            RequiredMaterial(
                entry["code"], entry["name"], frozenset(entry["businesses"]), frozenset(entry["kinds"]),
                frozenset(entry["channels"]),
            )
            for entry in data["material"]
        )  # fmt: skip
    except (KeyError, ValueError, TypeError) as error:
        raise ProcessInvalid(file=file, problem=f"{type(error).__name__}: {error}") from error
    if len({entry.code for entry in found}) != len(found):
        raise ProcessInvalid(file=file, problem="each material once")
    return found


def required_materials(business: str, kind: str, channel: str) -> tuple[RequiredMaterial, ...]:
    """What has to be handed in, in the order people are told."""
    return tuple(
        entry
        for entry in materials()
        if business in entry.businesses and kind in entry.kinds and channel in entry.channels
    )


def load_process(text: str, *, file: str) -> Process:
    """A process from the text of its file. Raises ProcessInvalid naming the file and what is wrong."""
    return read_process(_parsed(text, file), file=file)


def _parsed(text: str, file: str) -> dict[str, Any]:
    try:
        return tomllib.loads(text)
    except ValueError as error:
        raise ProcessInvalid(file=file, problem=f"{type(error).__name__}: {error}") from error


def read_process(data: Mapping[str, Any], *, file: str, number: int = 0) -> Process:
    """A process from the values of its file or version. Raises ProcessInvalid."""
    try:
        return _process(data, number)
    except (KeyError, ValueError, TypeError) as error:
        raise ProcessInvalid(file=file, problem=f"{type(error).__name__}: {error}") from error


def _process(data: Mapping[str, Any], number: int) -> Process:
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
    businesses, channels = frozenset(data["businesses"]), frozenset(data["channels"])
    return Process(data["code"], data["name"], businesses, channels, steps, number)


def _text(name: str) -> str:
    return files("banyan.domain.ra.processes").joinpath(name).read_text("utf-8")
