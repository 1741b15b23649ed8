"""Certificate revocation lists: made by our own CAs, fetched from others; an older one never replaces a newer."""

from datetime import datetime, timedelta
from typing import Final

from django.conf import settings

from banyan import gm
from banyan.domain import audit, outbox
from banyan.domain.audit.models import update_guarded
from banyan.domain.ca import access, publication, rules
from banyan.domain.ca.actions.permission import require
from banyan.domain.ca.errors import CrlRefused, CrlTooOld
from banyan.domain.ca.models import CertificateAuthority, CrlIssue
from banyan.domain.ca.ports import Connector, CrlOrder
from banyan.kernel.actor import Actor
from banyan.kernel.errors import N_
from banyan.pki import names
from banyan.pki.certificate import Certificate
from banyan.pki.crl_view import Crl, parse_crl
from banyan.pki.public_key import parse_signature_algorithm, parse_spki, verify_many

PUBLISH_CRL: Final = "directory.crl"
VALID_FOR: Final = timedelta(days=1)
# Overlap, so that a late list leaves nobody without one.
OVERLAP: Final = timedelta(hours=12)


def issue_crl(
    actor: Actor, ca: str, connector: Connector, now: datetime, *, valid_for: timedelta = VALID_FOR
) -> CrlIssue:
    """Have a CRL made (or fetched, for a superior CA) and record it for publication.

    Its number is one more than the highest in database, published files and the signer's journal, so no number
    returns. Nothing is locked while the CA works. Raises CrlRefused, CrlTooOld, ServiceUnavailable, iam.RightMissing.
    """
    require(actor, "ca.publish_crl")
    authority = access.authority(ca)
    last = access.last_crl(authority.pk)
    number = rules.next_crl_number(
        last.number if last else 0, publication.highest_published(settings.HOME, ca), connector.last_crl_number(ca)
    )
    this_update = now.replace(microsecond=0)
    order = CrlOrder(
        ca=ca,
        number=number,
        this_update=this_update,
        next_update=this_update + valid_for + OVERLAP,
        entries=list(access.revoked_entries(authority.pk, now)) if connector.code != rules.EMBEDDED else (),
    )
    der = connector.crl(order)
    view = read_crl(authority, der)
    is_own = connector.code == rules.EMBEDDED
    if is_own and view.number != number:
        raise CrlRefused(ca=ca, reason=N_("编号不是所要求的编号"))
    return _record(actor, authority, view, der, now)


def record_foreign_crl(actor: Actor, ca: str, der: bytes, now: datetime) -> CrlIssue:
    """Take over the current CRL of a CA that is not ours. Raises CrlRefused, CrlTooOld, iam.RightMissing."""
    require(actor, "ca.publish_crl")
    authority = access.authority(ca)
    return _record(actor, authority, read_crl(authority, der), der, now)


def read_crl(authority: CertificateAuthority, der: bytes) -> Crl:
    """A complete CRL of this CA, its signature checked. Raises CrlRefused, pki.Malformed."""
    view = parse_crl(der)
    if view.is_delta or view.next_update is None:
        raise CrlRefused(ca=authority.code, reason=N_("不是完整的吊销列表"))
    if not names.same(view.issuer_der, bytes(authority.subject_der)):
        raise CrlRefused(ca=authority.code, reason=N_("签发者不是该 CA"))
    key = parse_spki(Certificate.parse(bytes(authority.certificate)).spki_der)
    try:
        algorithm = parse_signature_algorithm(view.algorithm_der)
    except ValueError as error:
        raise CrlRefused(ca=authority.code, reason=N_("签名算法不受支持")) from error
    if verify_many([(key, algorithm, view.tbs_der, view.signature)]) != [True]:
        raise CrlRefused(ca=authority.code, reason=N_("签名验证不通过"))
    return view


@audit.action
def _record(actor: Actor, authority: CertificateAuthority, view: Crl, der: bytes, now: datetime) -> CrlIssue:
    last = access.locked(CrlIssue.objects.filter(ca_id=authority.pk)).order_by("-number").first()
    # A CA without numbers is dated by its lists' own time.
    number = view.number if view.number is not None else int(view.this_update.timestamp())
    if last is not None and last.number == number and bytes(last.sm3) == gm.sm3(der):
        return last
    if last is not None and (number <= last.number or view.this_update < last.this_update):
        raise CrlTooOld(ca=authority.code, number=number, last=last.number)
    assert view.next_update is not None  # noqa: S101  (checked when it was read)
    issue = CrlIssue(
        ca=authority,
        number=number,
        this_update=view.this_update,
        next_update=view.next_update,
        entries=len(view),
        sm3=gm.sm3(der),
        der=der,
        recorded_at=now,
    )
    issue.save()
    dropped = _drop_bytes_before(authority, number)
    audit.record(actor, "ca.issue_crl", issue, rows=dropped, ca=authority.code, number=number, entries=issue.entries)
    outbox.enqueue(PUBLISH_CRL, f"crl:{authority.code}", {"crl": issue.pk}, now=now)
    return issue


def _drop_bytes_before(authority: CertificateAuthority, number: int) -> list[CrlIssue]:
    """Empty the older lists: the public directory and the signer keep them, one in the database is enough.

    Their rows say so under their MAC. One that was changed beside the product is left for the verifier to name.
    """
    older = CrlIssue.objects.filter(ca_id=authority.pk, number__lt=number).exclude(der=b"")
    dropped = [issue for issue in older if issue.is_row_genuine()]
    for issue in dropped:
        issue.der, issue.sm3 = b"", gm.sm3(b"")
    update_guarded(dropped, ["der", "sm3"])
    return dropped
