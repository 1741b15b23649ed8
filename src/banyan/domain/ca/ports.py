"""The connector contract: how the domain asks a CA, its own or a superior one, to issue, revoke and publish.

Everything is asynchronous and repeatable. A task number names one piece of work for ever: submitting it again changes
nothing, collecting it again gives the same answer. ``Pending`` is a normal answer for as long as the CA likes.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Protocol, runtime_checkable


@dataclass(frozen=True, slots=True)
class IssuanceTask:
    """One intent as a CA sees it. The signer of an embedded CA trusts none of it and reads the stored intent.

    ``extension_values`` is the JSON text of ``rules.extension_values``.
    """

    task_no: str
    issuance: int
    ca: str
    system: str
    kind: str
    profile: str
    csr: bytes
    subject_der: bytes
    not_before: datetime
    not_after: datetime
    extension_values: str


@dataclass(frozen=True, slots=True)
class Pending:
    """The CA has the task, or may have it, and has not decided."""

    task_no: str


@dataclass(frozen=True, slots=True)
class Issued:
    """The CA issued the pair. All DER; ``envelope`` is SM2EnvelopedKey (GM/T 0009-2012 §7.4) under the CSR's key.

    ``encryption_certificate`` and ``envelope`` are None where the profile has a single certificate (P-256 equipment).
    """

    task_no: str
    signing_certificate: bytes
    encryption_certificate: bytes | None
    envelope: bytes | None


@dataclass(frozen=True, slots=True)
class Rejected:
    """The CA refused for good. ``message`` is a template like that of a BanyanError, ``fields`` fill it."""

    task_no: str
    code: str
    message: str
    fields: Mapping[str, Any] = field(default_factory=dict)


Outcome = Pending | Issued | Rejected


@dataclass(frozen=True, slots=True)
class StatusTask:
    """A change of status of certificates of one pair: ``action`` is revoke, hold or release; serials in hexadecimal."""

    task_no: str
    ca: str
    serials: tuple[str, ...]
    action: str
    reason: str
    at: datetime


@dataclass(frozen=True, slots=True)
class StatusChanged:
    """The CA carried the change out."""

    task_no: str


StatusOutcome = Pending | StatusChanged | Rejected


@dataclass(frozen=True, slots=True)
class CrlOrder:
    """A CRL to be made by an own CA, or fetched from a superior one (which then ignores the number and the times).

    ``entries``: (serial hex, revoked at, reason) of every certificate to be listed, oldest first. A signer that reads
    the database by itself compares or ignores them.
    """

    ca: str
    number: int
    this_update: datetime
    next_update: datetime
    entries: Sequence[tuple[str, datetime, str]]


@dataclass(frozen=True, slots=True)
class ConnectorStatus:
    """Whether the CA answers, and how much it has not decided yet (-1: unknown)."""

    is_up: bool
    pending: int = -1
    note: str = ""


@runtime_checkable
class Connector(Protocol):
    """What an adapter implements. Every call may raise ``kernel.errors.ServiceUnavailable``: the work stays queued."""

    code: str

    def submit_many(self, tasks: Sequence[IssuanceTask]) -> None:
        """Hand tasks over. Repeating a task number is harmless, also after a lost reply."""
        ...

    def collect_many(self, task_nos: Sequence[str]) -> Sequence[Outcome]:
        """What became of tasks, in any order; one answer a number; unknown ones are left out or Rejected."""
        ...

    def revoke_many(self, tasks: Sequence[StatusTask]) -> Sequence[StatusOutcome]:
        """Revoke, hold or release. Repeating a task number is harmless and gives the state reached."""
        ...

    def crl(self, order: CrlOrder) -> bytes:
        """The DER of a CRL: made to order by an own CA, the current one of a superior CA."""
        ...

    def last_crl_number(self, ca: str) -> int:
        """The highest CRL number the signer's journal knows for ``ca``; 0 for none."""
        ...

    def status(self) -> ConnectorStatus:
        """How the CA is. Never raises for an unreachable CA."""
        ...
