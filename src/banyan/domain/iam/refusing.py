"""Why a certificate does not serve, told in full to whoever proved that the key is his."""

from datetime import datetime

from django.utils import timezone

from banyan.domain.iam.errors import (
    CertificateExpired,
    CertificateHeld,
    CertificateNotYetValid,
    CertificateRevoked,
    CertificateUnknown,
    CertificateUntrusted,
    CertificateWrongUse,
)
from banyan.domain.iam.ports import Judged, Standing

_TOLD = {
    Standing.UNKNOWN: CertificateUnknown,
    Standing.UNTRUSTED: CertificateUntrusted,
    Standing.WRONG_USE: CertificateWrongUse,
    Standing.REVOKED: CertificateRevoked,
    Standing.HELD: CertificateHeld,
    Standing.EXPIRED: CertificateExpired,
    Standing.NOT_YET: CertificateNotYetValid,
}


def ensure_good(judged: Judged) -> None:
    """Raises the kind of CertificateUnusable that says what to do next."""
    error = _TOLD.get(judged.standing)
    if error is not None:
        raise error(name=judged.name, serial=judged.serial, date=_day(judged.at), reason=judged.reason)


def _day(moment: datetime | None) -> str:
    return timezone.localtime(moment).date().isoformat() if moment is not None else ""
