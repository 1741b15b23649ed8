"""Registering certification authorities, ours and those of others."""

from datetime import datetime

from banyan.domain import audit
from banyan.domain.ca import access
from banyan.domain.ca.actions.permission import require
from banyan.domain.ca.errors import AuthorityExists, AuthorityMismatch
from banyan.domain.ca.models import CertificateAuthority, Origin
from banyan.kernel.actor import Actor
from banyan.kernel.errors import N_
from banyan.pki import names
from banyan.pki.certificate import Certificate


@audit.action
def register_authority(
    actor: Actor,
    *,
    code: str,
    certificate: bytes,
    connector: str,
    now: datetime,
    origin: str = Origin.OWN,
    parent: CertificateAuthority | None = None,
) -> CertificateAuthority:
    """Register a CA by its certificate (DER). Registering the same again changes nothing.

    Raises AuthorityExists for another certificate under a known code, AuthorityMismatch for one that is no CA's.
    """
    require(actor, "ca.manage")
    known = CertificateAuthority.objects.filter(code=code).first()
    if known is not None:
        if bytes(known.certificate) != certificate:
            raise AuthorityExists(ca=code)
        return known
    view = Certificate.parse(certificate)
    if not view.is_authority:
        raise AuthorityMismatch(ca=code, reason=N_("不是 CA 证书"))
    if parent is not None and not names.same(view.issuer_der, bytes(parent.subject_der)):
        raise AuthorityMismatch(ca=code, reason=N_("不是由所指的上级 CA 签发"))
    authority = CertificateAuthority(
        code=code,
        name=names.common_name(view.subject) or names.display(view.subject),
        subject_der=view.subject_der,
        certificate=certificate,
        algorithm=view.key_algorithm,
        kind=CertificateAuthority.Kind.ROOT if view.is_self_issued else CertificateAuthority.Kind.ISSUING,
        origin=origin,
        connector=connector,
        parent=parent,
        not_before=view.not_before,
        not_after=view.not_after,
        created_at=now,
    )
    authority.save()
    audit.record(actor, "ca.register_authority", authority, ca=code, connector=connector, origin=str(origin))
    return authority


@audit.action
def retire_authority(actor: Actor, *, code: str, now: datetime) -> CertificateAuthority:
    """Stop issuing from a CA (after a rollover); it goes on signing its CRLs. Raises UnknownAuthority."""
    del now
    require(actor, "ca.manage")
    authority = access.authority(code)
    if authority.is_active:
        authority.is_active = False
        authority.save()
    audit.record(actor, "ca.retire_authority", authority, ca=code)
    return authority
