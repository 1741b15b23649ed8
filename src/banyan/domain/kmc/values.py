"""Values that actions of this package take."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class EscrowedKey:
    """The encryption key to recover, as the certificate package knows it."""

    issuance_id: int
    certificate_serial: str
    holder_person_id: int | None
    region_code: str


@dataclass(frozen=True, slots=True)
class RecoveryWish:
    """For whom and why: ``recipient_certificate`` (DER) is the certified signing key that will open the envelope."""

    purpose: str
    reason: str
    recipient_certificate: bytes
    case_number: str = ""
    # The staff account of the holder, where the holder is one of the staff.
    holder_account_id: int | None = None
