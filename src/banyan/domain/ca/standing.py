"""How somebody's signing certificate stands at a moment: on record here, below a CA that we trust, usable now.

The staff's log-in asks (``iam.ports.Certificates``). Our own record says what is revoked and held, for our CAs at once and
not only with the next CRL; a CRL on record speaks for CA certificates and for certificates of other operators' CAs.
"""

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Final

from banyan import gm
from banyan.domain import audit
from banyan.domain.audit.errors import RowForged
from banyan.domain.audit.models import GuardedModel
from banyan.domain.ca import access
from banyan.domain.ca.models import Certificate, CertificateAuthority, CertificatePair, Origin, PairState
from banyan.domain.iam.ports import Judged, Standing
from banyan.domain.systems.policy import CertificateKind
from banyan.kernel.actor import system_actor
from banyan.pki import names
from banyan.pki.certificate import Certificate as CertificateView
from banyan.pki.chain import ChainFinding, Fault, validate_chain
from banyan.pki.errors import PkiError

_SIGNS: Final = "digitalSignature"
# A list that is late keeps nobody out: what it names stays revoked, and our own record is newer anyway.
_LATE: Final = frozenset({Fault.CRL_EXPIRED, Fault.CRL_NOT_YET_VALID, Fault.REVOCATION_UNKNOWN})


class PlatformCertificates:
    """``iam.ports.Certificates`` over what is on record here."""

    def judge(self, der: bytes, now: datetime) -> Judged:
        """How a signing certificate stands. Raises pki Malformed for what is none."""
        view = CertificateView.parse(der)
        try:
            name = names.common_name(view.subject) or names.display(view.subject)
        except PkiError:
            name = view.serial_hex
        known = _on_record(view)
        identity = _identity(view, known) if known is not None else ""
        standing, at, reason = _standing(view, known, now)
        return Judged(
            standing, view.serial_hex, gm.sm3(der).hex(), view.public_key, name, identity, at=at, reason=reason
        )


def _on_record(view: CertificateView) -> Certificate | None:
    """The row of exactly this certificate; None where there is none or one that was changed by hand."""
    for authority in _authorities():
        if not names.same(bytes(authority.subject_der), view.issuer_der):
            continue
        rows = Certificate.objects.filter(ca=authority, serial=view.serial_hex).select_related("pair", "ca")
        for row in rows:
            if bytes(row.der) == view.der and _is_genuine(row) and _is_genuine(row.pair):
                return row
    return None


def _identity(view: CertificateView, known: Certificate) -> str:
    """What stands for the holder in certificates to come, with the kind of document it is of.

    Only of people's certificates of our own CAs, for which four eyes looked at the document: anybody's import could
    state anybody's code.
    """
    pair: CertificatePair = known.pair
    if known.origin != Origin.OWN or pair.origin != Origin.OWN or pair.kind != CertificateKind.PERSONAL:
        return ""
    code = view.identify_code
    return f"{code.document}:{code.value}" if code is not None and code.value else ""


def _standing(view: CertificateView, known: Certificate | None, now: datetime) -> tuple[Standing, datetime | None, str]:
    if known is None:
        return Standing.UNKNOWN, None, ""
    # The pair's state is its certificates'; should they differ, the worse one counts.
    states = {known.state, known.pair.state}
    if PairState.REVOKED in states:
        return Standing.REVOKED, known.revoked_at, ""
    if PairState.HELD in states:
        return Standing.HELD, known.revoked_at, ""
    if not _is_for_signing(view, known):
        return Standing.WRONG_USE, None, ""
    faults = [finding for finding in _findings(view, now) if finding.is_error and finding.fault not in _LATE]
    own = {finding.fault for finding in faults if finding.depth == 0}
    for fault, standing, at in (
        (Fault.REVOKED, Standing.REVOKED, now),
        (Fault.ON_HOLD, Standing.HELD, now),
        (Fault.EXPIRED, Standing.EXPIRED, view.not_after),
        (Fault.NOT_YET_VALID, Standing.NOT_YET, view.not_before),
    ):
        if fault in own:
            return standing, at, ""
    if faults:
        return Standing.UNTRUSTED, None, f"{faults[0].fields.get('subject', '')} [{faults[0].code}]"
    return Standing.GOOD, None, ""


def _is_for_signing(view: CertificateView, known: Certificate) -> bool:
    try:
        usage = view.key_usage or frozenset()
    except PkiError:
        return False
    is_signing = known.use in (Certificate.Use.SIGNING, Certificate.Use.BOTH)
    return (
        is_signing and _SIGNS in usage and known.pair.kind == CertificateKind.PERSONAL and view.key_algorithm == "SM2"
    )


def _findings(view: CertificateView, now: datetime) -> Sequence[ChainFinding]:
    authorities = list(_authorities())
    anchors = [bytes(one.certificate) for one in authorities if one.parent_id is None]
    between = [bytes(one.certificate) for one in authorities if one.parent_id is not None]
    result = validate_chain(view.der, between, anchors, now, _lists(view, authorities), usage=_SIGNS)
    return result.findings


def _lists(view: CertificateView, authorities: Sequence[CertificateAuthority]) -> list[bytes]:
    """CRLs of the CAs above: of roots for what they issued, of other operators' CAs for the certificate itself."""
    found = []
    for authority in authorities:
        is_issuer = names.same(bytes(authority.subject_der), view.issuer_der)
        if authority.kind == CertificateAuthority.Kind.ROOT or (is_issuer and authority.origin == Origin.FOREIGN):
            issue = access.last_crl(authority.pk)
            if issue is not None and _is_genuine(issue):
                found.append(bytes(issue.der))
    return found


def _authorities() -> Iterator[CertificateAuthority]:
    return (one for one in access.authorities() if _is_genuine(one))


def _is_genuine(row: GuardedModel) -> bool:
    if row.is_row_genuine():
        return True
    error = RowForged(row=f"{row._meta.label_lower}:{row.pk}")
    audit.refusal(system_actor("ca"), "ca.certificate_judged", error, row)
    return False
