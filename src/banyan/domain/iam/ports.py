"""What the staff's log-in must know of certificates; ``ca.standing`` answers, for certificates lie above this package."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Protocol


class Standing(StrEnum):
    """How a certificate stands at a moment."""

    GOOD = "good"
    UNKNOWN = "unknown"
    UNTRUSTED = "untrusted"
    WRONG_USE = "wrong_use"
    REVOKED = "revoked"
    HELD = "held"
    EXPIRED = "expired"
    NOT_YET = "not_yet"


@dataclass(frozen=True)
class Judged:
    """A certificate as the platform knows it.

    ``identity`` is what it states of its holder, where that may stand for him in certificates to come; else empty.
    ``at`` is the moment that the standing speaks of: of revocation, hold, the end or the beginning. ``reason`` names
    the certificate at which a chain does not hold, and the code of what is wrong with it.
    """

    standing: Standing
    serial: str
    sm3: str
    public_key: bytes
    name: str = ""
    identity: str = ""
    at: datetime | None = None
    reason: str = ""


class Certificates(Protocol):
    """The platform's knowledge of certificates."""

    def judge(self, der: bytes, now: datetime) -> Judged:
        """How a signing certificate stands. Raises pki Malformed for what is none."""
        ...
