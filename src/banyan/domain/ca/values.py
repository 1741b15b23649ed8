"""Values that actions of this package take and give."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol

from banyan.domain.ca.models import Certificate, CertificatePair, Issuance
from banyan.kernel.actor import Actor
from banyan.kernel.errors import BanyanError


@dataclass(frozen=True, slots=True)
class IssuanceRequest:
    """What is to be issued and on whose decisions. This package never learns why.

    ``extension_values`` is the text of ``rules.extension_values``; ``csr`` DER, PEM or bare Base64.
    """

    request_id: int
    request_version: int
    system: str
    kind: str
    profile: str
    ca: str
    subject_der: bytes
    subject_name: str
    extension_values: str
    csr: bytes
    not_before: datetime
    not_after: datetime
    data_digest: str
    approval_id: int | None
    proofreading_id: int | None
    region_code: str
    person_id: int | None = None
    organization_id: int | None = None
    device_id: int | None = None
    token_id: int | None = None
    token_serial: str = ""
    container: str = ""
    supersedes_id: int | None = None
    connector: str = ""


@dataclass(frozen=True, slots=True)
class Refused:
    """One of many that was refused: its place in what was handed in, and why."""

    index: int
    error: BanyanError


@dataclass(slots=True)
class Opened:
    """Result of opening many: one entry a request, None where refused; and the refusals."""

    issuances: list[Issuance | None] = field(default_factory=list)
    refusals: list[Refused] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class RecordedPair:
    """A pair that was just recorded, its certificates, and the envelope that carries its encryption key."""

    pair: CertificatePair
    certificates: tuple[Certificate, ...]
    envelope: bytes | None


class FollowUp(Protocol):
    """What is to happen in the same transaction in which pairs are recorded (tasks for tokens, requests moving on)."""

    def __call__(self, actor: Actor, recorded: Sequence[RecordedPair], now: datetime) -> None: ...


class TakeBack(Protocol):
    """What is to happen in the same transaction in which a CA's refusals are recorded (requests go back a step)."""

    def __call__(self, actor: Actor, rejected: Sequence[Issuance], now: datetime) -> None: ...


@dataclass(slots=True)
class RoundReport:
    """What one round of asking a connector did. ``is_up`` False: it did not answer, all is queued."""

    submitted: int = 0
    issued: int = 0
    pending: int = 0
    rejected: int = 0
    failed: int = 0
    is_up: bool = True
    pairs: list[int] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class ForeignHolding:
    """Certificates of another CA and who holds them, for import. DER; times and names are read from the bytes.

    ``row`` is the row of the sheet for messages.
    """

    row: int
    signing_certificate: bytes
    encryption_certificate: bytes | None
    system: str
    kind: str
    profile: str
    region_code: str
    subject_name: str
    person_id: int | None = None
    organization_id: int | None = None
    device_id: int | None = None
    token_id: int | None = None
    token_serial: str = ""
