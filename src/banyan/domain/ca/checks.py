"""What is checked of a request to issue before an intent is written. Reads; never writes."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

from banyan.domain.ca import access, rules
from banyan.domain.ca.errors import (
    AuthorityInactive,
    KeyAlgorithmRefused,
    KeyOfAuthority,
    UnknownAuthority,
    ValidityRefused,
)
from banyan.domain.ca.models import CertificateAuthority
from banyan.domain.ca.values import IssuanceRequest, Refused
from banyan.kernel.errors import BanyanError
from banyan.pki.certificate import Certificate
from banyan.pki.csr import CertificationRequest, RequestSignatureInvalid, parse_many, verify_many
from banyan.pki.errors import PkiError
from banyan.pki.profile import Profile, load_profiles


@dataclass(slots=True)
class Checked:
    """A request that passed, with what was read on the way. ``key`` is ``rules.key_number``."""

    index: int
    request: IssuanceRequest
    csr: CertificationRequest
    authority: CertificateAuthority
    profile: Profile
    key: int = 0


def check_requests(
    requests: Sequence[IssuanceRequest], *, check_signatures: bool
) -> tuple[list[Checked], list[Refused]]:
    """Check each request; those that fail come back as refusals. Raises UnknownAuthority."""
    authorities = {authority.code: authority for authority in access.authorities()}
    own_keys = _authority_keys(tuple(bytes(authority.certificate) for authority in authorities.values()))
    profiles = load_profiles()
    checked: list[Checked] = []
    refusals: list[Refused] = []
    parsed = parse_many([request.csr for request in requests])
    for index, (request, csr) in enumerate(zip(requests, parsed, strict=True)):
        try:
            checked.append(_check(index, request, csr, authorities, profiles, own_keys))
        except BanyanError as error:
            refusals.append(Refused(index, error))
    if check_signatures:
        checked = _only_possessed(checked, refusals)
    for item, key in zip(checked, rules.key_numbers([item.csr.spki_der for item in checked]), strict=True):
        item.key = key
    return checked, refusals


def _check(
    index: int,
    request: IssuanceRequest,
    csr: CertificationRequest | PkiError,
    authorities: Mapping[str, CertificateAuthority],
    profiles: Mapping[str, Profile],
    own_keys: frozenset[bytes],
) -> Checked:
    authority = rules.newest_generation(request.ca, authorities)
    if authority is None:
        raise UnknownAuthority(ca=request.ca)
    if not authority.is_active:
        raise AuthorityInactive(ca=request.ca)
    profile = profiles[request.profile]
    if isinstance(csr, PkiError):
        raise csr
    if csr.algorithm not in profile.key_algorithms:
        raise KeyAlgorithmRefused(profile=profile.code, algorithm=csr.algorithm)
    # The negative of a CA's point would let its owner compute with the CA's own key.
    if csr.public_key[1:33] in own_keys:
        raise KeyOfAuthority
    _check_validity(request, authority, profile)
    return Checked(index, request, csr, authority, profile)


def _check_validity(request: IssuanceRequest, authority: CertificateAuthority, profile: Profile) -> None:
    days = (request.not_after - request.not_before).days
    if (
        request.not_before >= request.not_after
        or request.not_after > authority.not_after
        or request.not_before < authority.not_before
        or days > profile.maximum_days
    ):
        raise ValidityRefused(
            ca=authority.code,
            not_before=request.not_before.date().isoformat(),
            not_after=request.not_after.date().isoformat(),
        )


def _only_possessed(checked: list[Checked], refusals: list[Refused]) -> list[Checked]:
    good = verify_many([item.csr for item in checked])
    refusals += [
        Refused(item.index, RequestSignatureInvalid())
        for item, is_good in zip(checked, good, strict=True)
        if not is_good
    ]
    return [item for item, is_good in zip(checked, good, strict=True) if is_good]


@lru_cache(maxsize=4)
def _authority_keys(certificates: tuple[bytes, ...]) -> frozenset[bytes]:
    return frozenset(Certificate.parse(der).public_key[1:33] for der in certificates)
