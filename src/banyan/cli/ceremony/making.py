"""Making CA certificates: a root signs itself, then what stands below it; nothing leaves unchecked."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, TypedDict

from banyan.cli.ceremony.errors import MadeWrong
from banyan.cli.ceremony.plan import AuthorityPlan
from banyan.kernel.identifiers import new_serial
from banyan.keys import Signer
from banyan.pki.certificate import Certificate, CertificateParts, Issuer, Template, issuer_of
from banyan.pki.crl import assemble_crl, build_tbs_crl
from banyan.pki.lint import check_certificate, lint_parts, lint_template
from banyan.pki.profile import Use, load_profiles

_ROOT_CRL_DAYS = 400


class Addresses(TypedDict):
    """Where a CA's CRL, OCSP answers and certificate are served, as ``pki.issuer_of`` takes them."""

    crl_urls: tuple[str, ...]
    ocsp_urls: tuple[str, ...]
    ca_issuers_urls: tuple[str, ...]


@dataclass(frozen=True)
class MadeAuthority:
    """A CA of a ceremony, to be registered: its code, certificate (DER) and the code of its parent (empty
    for a root).
    """

    code: str
    certificate: bytes
    algorithm: str
    parent: str

    @property
    def is_root(self) -> bool:
        return not self.parent


@dataclass(frozen=True)
class CeremonyResult:
    """What a ceremony made. ``authorities``: parents first. ``root_crls``: the first CRL of each root, DER,
    by code.

    ``protocol`` is the text to be printed and signed by all who were present.
    """

    authorities: tuple[MadeAuthority, ...]
    root_crls: Mapping[str, bytes] = field(default_factory=dict)
    protocol: str = ""


def make_root(plan: AuthorityPlan, signer: Signer, *, now: datetime) -> bytes:
    """The self-signed certificate of a root (DER). Raises MadeWrong."""
    not_before = _start_of_day(now)
    spki = signer.spki_der
    issuer = Issuer.of_root(plan.subject_der, spki, not_before, not_before + timedelta(days=plan.days))
    parts = CertificateParts(new_serial(now), not_before, issuer.not_after, plan.subject_der, spki)
    return _make(plan, Use.ROOT, issuer, parts, signer)


def make_issuing(
    plan: AuthorityPlan,
    spki: bytes,
    parent: Signer,
    parent_certificate: bytes,
    address: str,
    *,
    now: datetime,
) -> bytes:
    """The certificate of an issuing CA for the key ``spki``, signed by its root (DER). Raises MadeWrong."""
    issuer = issuer_of(Certificate.parse(parent_certificate), **addresses(address, plan.parent))
    not_before = max(_start_of_day(now), issuer.not_before)
    not_after = min(not_before + timedelta(days=plan.days), issuer.not_after)
    parts = CertificateParts(new_serial(now), not_before, not_after, plan.subject_der, spki)
    return _make(plan, Use.ISSUING_CA, issuer, parts, parent)


def make_root_crl(
    certificate: bytes,
    signer: Signer,
    address: str,
    code: str,
    *,
    number: int,
    entries: list[bytes],
    now: datetime,
) -> bytes:
    """A CRL of a root (ARL), DER: it lasts until the custodians meet again, at the latest in thirteen
    months.
    """
    issuer = issuer_of(Certificate.parse(certificate), **addresses(address, code))
    tbs = build_tbs_crl(
        issuer, entries, number=number, this_update=now, next_update=now + timedelta(days=_ROOT_CRL_DAYS)
    )
    (signature,) = signer.sign_many([tbs])
    if signer.verify_many([(tbs, signature)]) != [True]:
        raise MadeWrong(what=f"{code} CRL", finding="signature")
    return assemble_crl(tbs, signature)


def addresses(address: str, code: str) -> Addresses:
    """Where the CRL and the certificate of the CA ``code`` are served; no responder is named while there is none."""
    return {
        "crl_urls": (f"{address}/crl/{code}.crl",),
        "ocsp_urls": (),
        "ca_issuers_urls": (f"{address}/ca/{code}.cer",),
    }


def key_attributes(plan: AuthorityPlan, role: str, certificate: bytes, address: str) -> dict[str, Any]:
    """What the key file of a CA says beside the key."""
    return {
        "role": role,
        "certificate": certificate.hex(),
        "parent": plan.parent,
        "profiles": list(plan.issues),
        **addresses(address, plan.code),
    }


def _make(plan: AuthorityPlan, use: Use, issuer: Issuer, parts: CertificateParts, signer: Signer) -> bytes:
    profile = load_profiles()[plan.profile]
    template = Template(profile, use, issuer)
    for finding in (*lint_template(template), *lint_parts(parts, template)):
        if finding.is_error:
            raise MadeWrong(what=plan.code, finding=f"{finding.rule} {finding.text}")
    tbs = template.encode_tbs(parts)
    (signature,) = signer.sign_many([tbs])
    certificate = template.assemble(tbs, signature)
    for finding in check_certificate(certificate, profile, issuer, use=use):
        if finding.is_error:
            raise MadeWrong(what=plan.code, finding=f"{finding.rule} {finding.text}")
    return certificate


def _start_of_day(now: datetime) -> datetime:
    # A clock that is a little slow elsewhere must not find the CA not yet valid.
    return now.replace(hour=0, minute=0, second=0, microsecond=0)
