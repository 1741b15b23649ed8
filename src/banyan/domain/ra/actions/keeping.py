"""Keeping the signed receipt of a hand-over (领取表) that was scanned afterwards."""

from datetime import datetime

from banyan.domain import audit
from banyan.domain.iam import rights
from banyan.domain.ra import receipts
from banyan.domain.ra.delivery_errors import ReceiptNotYet
from banyan.domain.ra.errors import RequestNotFound
from banyan.domain.ra.models import HandOverReceipt, ServiceRequest
from banyan.domain.ra.values import NewMaterial
from banyan.kernel.actor import Actor


def add_receipt(actor: Actor, request_id: int, scan: NewMaterial, now: datetime) -> HandOverReceipt:
    """Keep the scan of a request's signed receipt; a better scan takes the place of an earlier one.

    Raises ReceiptNotYet, MaterialRefused, RequestNotFound, iam.RightMissing.
    """
    kept = receipts.keep(scan)
    assert kept is not None  # noqa: S101  (a scan was given)
    return _add(actor, request_id, kept, now)


@audit.action
def _add(actor: Actor, request_id: int, kept: receipts.Scan, now: datetime) -> HandOverReceipt:
    del now
    rights.require(actor, "requests.hand_over")
    request = ServiceRequest.objects.visible_to(actor).filter(pk=request_id).first()
    if request is None:
        raise RequestNotFound
    receipt = HandOverReceipt.objects.visible_to(actor).filter(request_id=request_id).first()
    if receipt is None:
        raise ReceiptNotYet(number=request.number)
    columns = receipts.scan_columns(kept)
    for name, value in columns.items():
        setattr(receipt, name, value)
    receipt.save(update_fields=list(columns))
    audit.record(actor, "ra.receipt_kept", receipt, request=request_id, sm3=kept.sm3)
    return receipt
