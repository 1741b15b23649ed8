"""The guarded record of an entry: written with the data, asked before anybody builds on them."""

from collections.abc import Sequence
from datetime import datetime

from banyan.domain.audit.models import insert_guarded
from banyan.domain.ca.rules import certificate_digest_many
from banyan.domain.prepared import new
from banyan.domain.ra.errors import EntryForged
from banyan.domain.ra.models import Entry, ServiceRequest
from banyan.kernel.actor import Actor


def certificate_digests(requests: Sequence[ServiceRequest]) -> list[str]:
    """What each request's certificate will say, as one digest."""
    return certificate_digest_many(
        (one.system, one.kind, one.profile, bytes(one.subject_der), one.extension_values) for one in requests
    )


def write(actor: Actor, requests: Sequence[ServiceRequest], now: datetime) -> list[Entry]:
    """Note that ``actor`` entered these requests' data as they stand; the caller's audit record names the rows."""
    entries = [
        new(
            Entry,
            request_id=request.pk,
            data_digest=request.data_digest,
            certificate_digest=digest,
            entered_by=actor.id,
            credential=actor.credential_id,
            at=now,
        )
        for request, digest in zip(requests, certificate_digests(requests), strict=True)
    ]
    insert_guarded(entries)
    return entries


def newest(request_ids: Sequence[int]) -> dict[int, Entry]:
    """The newest entry of each request."""
    return {entry.request_id: entry for entry in Entry.objects.filter(request_id__in=list(request_ids)).order_by("pk")}


def ensure_genuine(request: ServiceRequest, entry: Entry | None) -> None:
    """The data are those entered, by whom the request says. Raises EntryForged (an audited refusal)."""
    (digest,) = certificate_digests([request])
    if (
        entry is None
        or not entry.is_row_genuine()
        or entry.data_digest != request.data_digest
        or entry.certificate_digest != digest
        or (entry.entered_by, entry.credential) != (request.entered_by, request.entered_credential)
    ):
        raise EntryForged(number=request.number)
