"""What stands in the database about intents to issue: read by the key-holding processes themselves, few
queries a batch.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from banyan.domain.ca.models import CertificateAuthority, Issuance
from banyan.domain.prepared import Prepared
from banyan.domain.ra import rules as ra_rules
from banyan.domain.ra.models import Approval, Material, Proofreading, ServiceRequest
from banyan.signer.guarded import GuardedRow, read_guarded

_ISSUANCE_EXTRA = ("subject_name", "token_serial", "task_no")
_REQUESTS = Prepared(
    lambda ids: ServiceRequest.objects.unscoped("the signer serves the whole province").filter(pk__among=ids),
    ("state", "issuance_id", "data_digest", "approval_id", "proofreading_id", *ra_rules.IDENTITY_FIELDS),
)
_MATERIALS = Prepared(
    lambda ids: Material.objects.filter(request_id__among=ids, removed_at__isnull=True), ("request_id", "code", "sm3")
)


@dataclass(frozen=True, slots=True)
class RequestRow:
    """A service request as it bears on issuing. The row is not guarded: it can only add a refusal.

    ``materials_digest`` is computed from the materials that are there now, ``identity_digest`` from the
    identity fields: the approval must have been given for exactly these.
    """

    id: int
    state: str
    issuance_id: int | None
    data_digest: str
    approval_id: int | None
    proofreading_id: int | None
    identity_digest: str
    materials_digest: str


@dataclass(frozen=True, slots=True)
class Intent:
    """An intent with all rows that allow it; a row that does not exist is None. ``ca`` is the code, "" when
    unknown.
    """

    id: int
    row: GuardedRow
    ca: str
    is_ca_genuine: bool
    request: RequestRow | None
    approval: GuardedRow | None
    proofreading: GuardedRow | None

    @property
    def validity(self) -> tuple[datetime, datetime]:
        return self.row["not_before"], self.row["not_after"]


def load_intents(issuances: Sequence[int]) -> dict[int, Intent]:
    """The intents that exist, by issuance: six queries, whatever their number."""
    rows = {row["id"]: row for row in read_guarded(Issuance, issuances, extra=_ISSUANCE_EXTRA)}
    authorities = {row["id"]: row for row in read_guarded(CertificateAuthority, _distinct(rows, "ca_id"))}
    approvals = {row["id"]: row for row in read_guarded(Approval, _distinct(rows, "approval_id"))}
    proofreadings = {row["id"]: row for row in read_guarded(Proofreading, _distinct(rows, "proofreading_id"))}
    requests = _requests(_distinct(rows, "request_id"))
    intents: dict[int, Intent] = {}
    for number, row in rows.items():
        authority = authorities.get(row["ca_id"])
        intents[number] = Intent(
            id=number,
            row=row,
            ca=authority["code"] if authority else "",
            is_ca_genuine=authority is not None and authority.is_genuine,
            request=requests.get(row["request_id"]),
            approval=approvals.get(row["approval_id"]),
            proofreading=proofreadings.get(row["proofreading_id"]),
        )
    return intents


def load_recipients(issuances: Sequence[int]) -> dict[int, GuardedRow]:
    """The intents alone, by issuance: all that the key-management centre needs."""
    return {row["id"]: row for row in read_guarded(Issuance, issuances)}


def _requests(ids: Sequence[int]) -> dict[int, RequestRow]:
    materials: dict[int, list[tuple[str, str]]] = {}
    for one in _MATERIALS.rows(ids):
        materials.setdefault(one.request_id, []).append((one.code, one.sm3))
    without_materials = ra_rules.materials_digest(())
    rows = _REQUESTS.rows(ids)
    identities = ra_rules.identity_digests([ra_rules.identity_of(row) for row in rows])
    return {
        row.pk: RequestRow(
            row.pk,
            row.state,
            row.issuance_id,
            row.data_digest,
            row.approval_id,
            row.proofreading_id,
            identity,
            ra_rules.materials_digest(materials[row.pk]) if row.pk in materials else without_materials,
        )
        for row, identity in zip(rows, identities, strict=True)
    }


def _distinct(rows: Mapping[int, GuardedRow], name: str) -> list[int]:
    return sorted({row[name] for row in rows.values() if row[name] is not None})
