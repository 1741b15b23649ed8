"""The signed receipt (领取表): who took a token, and the scan of the paper, kept sealed like other files handed in."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol

from django.conf import settings

from banyan.domain.prepared import new
from banyan.domain.ra import storing
from banyan.domain.ra.models import HandOverReceipt, ServiceRequest
from banyan.domain.ra.values import NewMaterial
from banyan.kernel.actor import Actor

REQUIRED = "required"
CODE = "handover_receipt"


@dataclass(frozen=True, slots=True)
class Scan:
    """A kept file: its digest, size, kind and place."""

    sm3: str
    size: int
    media_type: str
    path: str


class Handed(Protocol):
    """What a receipt says beside its request."""

    @property
    def received_by(self) -> str: ...
    @property
    def authorization(self) -> str: ...
    @property
    def scan(self) -> Scan | None: ...


def is_required() -> bool:
    """Whether this installation gives no token away without the signed paper's scan."""
    return bool(settings.BANYAN.handover_receipt == REQUIRED)


def keep(scan: NewMaterial | None) -> Scan | None:
    """Keep the file of a scan, before the transaction. Raises MaterialRefused."""
    if scan is None:
        return None
    sm3, size, path = storing.keep(scan.content, scan.name)
    return Scan(sm3, size, scan.media_type[:100], path)


def row(
    request: ServiceRequest, how: HandOverReceipt.How, handed: Handed, actor: Actor, now: datetime
) -> HandOverReceipt:
    """The row of one request's receipt, not yet written."""
    return new(
        HandOverReceipt,
        request_id=request.pk,
        region_code=request.region_code,
        received_by=handed.received_by.strip()[:100],
        how=str(how),
        authorization=handed.authorization.strip()[:200],
        handed_over_at=now,
        handed_over_by=actor.id,
        **scan_columns(handed.scan),
    )


def scan_columns(scan: Scan | None) -> dict[str, Any]:
    """What a receipt's row holds of its scan."""
    if scan is None:
        return {"scan_sm3": "", "scan_size": 0, "scan_media_type": "", "scan_path": ""}
    return {
        "scan_sm3": scan.sm3, "scan_size": scan.size, "scan_media_type": scan.media_type, "scan_path": scan.path,
    }  # fmt: skip
