"""Whether an intent may be signed: its own row, its request, its approval and its proofreading, as rules
over values.

Nothing here trusts the caller. Approval and proofreading are guarded rows; the intent repeats what was
proofread, and a digest over it stands in the proofreading.
"""

from banyan.domain.ca import rules as ca_rules
from banyan.domain.ra.models import Approval, RequestState
from banyan.signer import refusals
from banyan.signer.guarded import GuardedRow
from banyan.signer.intents import Intent, RequestRow
from banyan.signer.refusals import Refusal


def refusal_of(intent: Intent, certificate_digest: str) -> Refusal | None:
    """The first reason not to sign, or None. ``certificate_digest`` is that of the intent as it stands."""
    return (
        _of_intent(intent)
        or _of_request(intent, intent.request)
        or _of_approval(intent, intent.approval)
        or _of_proofreading(intent, intent.proofreading, certificate_digest)
        or _of_people(intent)
    )


def certificate_digests(intents: list[Intent]) -> list[str]:
    """What each intent would state about its holder, as one digest (see ``ca.rules.certificate_digest``)."""
    return ca_rules.certificate_digest_many(
        (
            intent.row["system"],
            intent.row["kind"],
            intent.row["profile"],
            intent.row["subject_der"],
            intent.row["extension_values"],
        )
        for intent in intents
    )


def _of_intent(intent: Intent) -> Refusal | None:
    if not intent.row.is_genuine:
        return refusals.IssuanceForged(issuance=intent.id)
    if intent.row["voided_at"] is not None:
        return refusals.IssuanceVoid(issuance=intent.id)
    if not intent.is_ca_genuine:
        return refusals.AuthorityForged(issuance=intent.id, ca=intent.ca)
    return None


def _of_request(intent: Intent, request: RequestRow | None) -> Refusal | None:
    if request is None:
        return refusals.RequestUnknown(issuance=intent.id)
    if request.state != RequestState.OPEN:
        return refusals.RequestNotOpen(issuance=intent.id, state=request.state)
    if request.issuance_id is not None and request.issuance_id != intent.id:
        return refusals.RequestChanged(issuance=intent.id, field="issuance_id")
    for field, ours in (("approval_id", request.approval_id), ("proofreading_id", request.proofreading_id)):
        # A decision that became void no longer stands in the request, although its row still exists.
        if intent.row[field] is not None and ours != intent.row[field]:
            return refusals.RequestChanged(issuance=intent.id, field=field)
    return None


def _of_approval(intent: Intent, approval: GuardedRow | None) -> Refusal | None:
    if approval is None:
        return refusals.ApprovalMissing(issuance=intent.id)
    if not approval.is_genuine or approval["request_id"] != intent.row["request_id"]:
        return refusals.ApprovalForged(issuance=intent.id)
    if approval["decision"] != Approval.Decision.APPROVED:
        return refusals.NotApproved(issuance=intent.id)
    request = intent.request
    if request is None or approval["materials_digest"] != request.materials_digest:
        return refusals.ApprovalOfOtherMaterials(issuance=intent.id)
    if approval["identity_digest"] != request.identity_digest:
        return refusals.ApprovalOfAnother(issuance=intent.id)
    return None


def _of_proofreading(intent: Intent, proofreading: GuardedRow | None, certificate_digest: str) -> Refusal | None:
    if proofreading is None:
        return refusals.ProofreadingMissing(issuance=intent.id)
    if not proofreading.is_genuine or proofreading["request_id"] != intent.row["request_id"]:
        return refusals.ProofreadingForged(issuance=intent.id)
    digest = proofreading["data_digest"]
    if intent.request is None or digest != intent.row["data_digest"] or digest != intent.request.data_digest:
        return refusals.ProofreadingOfOtherData(issuance=intent.id)
    if proofreading["certificate_digest"] != certificate_digest:
        return refusals.OtherThanProofread(issuance=intent.id)
    return None


def _of_people(intent: Intent) -> Refusal | None:
    """Entered, proofread and approved by three people, signed in with three credentials (四眼原则)."""
    approval, proofreading = intent.approval, intent.proofreading
    if approval is None or proofreading is None:
        return None
    people = (proofreading["entered_by"], proofreading["proofreader"], approval["approver"])
    credentials = [
        credential
        for credential in (
            proofreading["entered_credential"],
            proofreading["credential"],
            approval["credential"],
        )
        if credential is not None
    ]
    if None in people or len(set(people)) != 3 or len(set(credentials)) != len(credentials):
        return refusals.SamePerson(issuance=intent.id)
    return None
