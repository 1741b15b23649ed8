"""The CAs whose keys this installation holds: what each may issue, and the templates it issues by.

All of it stands in the key file, authenticated together with the key. The domain's tables decide nothing
here: a CA entered there by hand signs nothing.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from banyan.kernel.errors import N_
from banyan.keys import KeyStore, Signer, StoredKey
from banyan.pki.certificate import Certificate, Issuer, Template, issuer_of
from banyan.pki.lint import lint_template
from banyan.pki.profile import Profile, Use, load_profiles
from banyan.signer.errors import SignerError, UnknownAuthority

AUDIT_KEY = "audit"
ISSUING, SUPERSEDED, AUDIT = "issuing", "superseded", "audit"


class TemplateRefused(SignerError):
    """A profile that the lint does not let this CA issue by."""

    code = "signer.template_refused"
    message = N_("CA {ca} 不能按模板 {profile} 签发：{finding}。请改正模板或 CA 配置。")


@dataclass(frozen=True)
class Authority:
    """A CA with its key. ``profiles`` are the only ones it may issue by; a superseded CA signs CRLs only."""

    code: str
    signer: Signer
    certificate: bytes
    profiles: frozenset[str]
    is_superseded: bool
    attributes: Mapping[str, Any] = field(repr=False)
    _templates: dict[tuple[str, Use, bool], Template] = field(default_factory=dict, repr=False, compare=False)

    @classmethod
    def of(cls, stored: StoredKey) -> "Authority":
        """The CA of a key file."""
        attributes = stored.record.attributes
        return cls(
            code=stored.record.name,
            signer=stored.signer,
            certificate=bytes.fromhex(attributes["certificate"]),
            profiles=frozenset(attributes["profiles"]),
            is_superseded=attributes["role"] == SUPERSEDED,
            attributes=attributes,
        )

    @cached_property
    def issuer(self) -> Issuer:
        """How this CA shows in what it signs."""
        addresses = {name: self.attributes.get(name, ()) for name in ("crl_urls", "ocsp_urls", "ca_issuers_urls")}
        return issuer_of(Certificate.parse(self.certificate), **addresses)

    def template(self, profile: Profile, use: Use, *, is_soft_token: bool) -> Template:
        """The linted template of one profile and use; made at first need. Raises TemplateRefused."""
        key = (profile.code, use, is_soft_token)
        template = self._templates.get(key)
        if template is None:
            template = Template(profile, use, self.issuer, is_soft_token=is_soft_token)
            for finding in lint_template(template):
                if finding.is_error:
                    raise TemplateRefused(ca=self.code, profile=profile.code, finding=finding.rule)
            self._templates[key] = template
        return template


class Authorities:
    """Every CA in a key store, by code, and the audit key."""

    def __init__(self, store: KeyStore) -> None:
        keys = store.load_all()
        self.by_code = {
            name: Authority.of(stored)
            for name, stored in keys.items()
            if stored.record.attributes.get("role") in (ISSUING, SUPERSEDED)
        }
        self.audit: Signer | None = keys[AUDIT_KEY].signer if AUDIT_KEY in keys else None
        self.profiles: Mapping[str, Profile] = load_profiles()

    def get(self, code: str) -> Authority:
        """The CA of this code. Raises UnknownAuthority."""
        if code not in self.by_code:
            raise UnknownAuthority(ca=code)
        return self.by_code[code]

    def describe(self) -> list[dict[str, Any]]:
        """What may be told about the CAs: codes, algorithms, certificates."""
        return [
            {
                "code": authority.code,
                "algorithm": authority.signer.algorithm,
                "certificate": authority.certificate,
                "is_superseded": authority.is_superseded,
                "profiles": sorted(authority.profiles),
            }
            for authority in self.by_code.values()
        ]
