"""Templates: what all certificates of one profile, use and issuer share, encoded once; moving parts are
spliced in.

The static pieces come from the ASN.1 library. A template proves itself when it is made: a sample is spliced
and compared with the library's own encoding of the same content (docs/adr/0003-spliced-templates.md).
"""

from collections.abc import Iterable, Sequence
from datetime import datetime
from functools import lru_cache

from banyan.pki import extensions, moving_parts
from banyan.pki import strict_der as der
from banyan.pki.certificate_parts import CertificateParts, Issuer
from banyan.pki.certificate_reference import encode_tbs_by_library
from banyan.pki.certificate_sample import sample_parts
from banyan.pki.errors import Malformed, PartsInvalid, TemplateInvalid
from banyan.pki.moving_parts import MovingExtension
from banyan.pki.profile import IdentifyCodeForm, Presence, Profile, Use

_VERSION_3 = bytes.fromhex("a003020102")


class Template:
    """The certificates of one profile version, use and issuer.

    ``is_soft_token`` selects the policy identifiers that tell a software token from a hardware one. Raises
    TemplateInvalid when profile, use and issuer do not fit each other or the self-check fails.
    """

    def __init__(self, profile: Profile, use: Use, issuer: Issuer, *, is_soft_token: bool = False) -> None:
        if use not in profile.uses or issuer.algorithm != profile.signature_algorithm:
            raise TemplateInvalid(profile=profile.code, use=use)
        if is_soft_token and not profile.soft_token_policies:
            raise TemplateInvalid(profile=profile.code, use=use)
        self.profile = profile
        self.use = use
        self.issuer = issuer
        self.is_soft_token = is_soft_token
        self.policies = profile.soft_token_policies if is_soft_token else profile.policies
        self.algorithm_der = profile.signature_algorithm_der
        self._after_serial = self.algorithm_der + issuer.name_der
        self._extension_pieces = _merge(_extension_pieces(self))
        self._validity: dict[tuple[datetime, datetime], bytes] = {}
        self._check_itself()

    def encode_tbs(self, parts: CertificateParts) -> bytes:
        """TBSCertificate of one certificate. Raises PartsInvalid (row 0)."""
        return self.encode_tbs_many([parts])[0]

    def encode_tbs_many(self, parts: Sequence[CertificateParts]) -> list[bytes]:
        """TBSCertificates in the order given. Encodes; :mod:`banyan.pki.lint` judges before.

        Raises PartsInvalid for the first row that has no encoding, naming it.
        """
        encoded: list[bytes] = []
        try:
            self._encode_into(encoded, parts)
        except (ValueError, KeyError, TypeError, OverflowError, Malformed) as error:
            raise PartsInvalid(row=len(encoded), reason=type(error).__name__) from error
        return encoded

    def _encode_into(self, encoded: list[bytes], many: Iterable[CertificateParts]) -> None:
        # The hot path of bulk issuance: plain bytes joined, every branch for the common case first.
        after_serial, pieces, validity = self._after_serial, self._extension_pieces, self._validity_der
        sm2_head, join = moving_parts.SM2_SPKI_HEAD, b"".join
        for parts in many:
            serial, key = parts.serial, parts.public_key
            extended = join([piece if type(piece) is bytes else piece(parts) for piece in pieces])  # type: ignore[operator]
            content = join(
                (
                    _VERSION_3,
                    b"\x02\x10" + serial
                    if len(serial) == 16 and 0 < serial[0] < 0x80
                    else moving_parts.encode_serial(serial),
                    after_serial,
                    validity(parts.not_before, parts.not_after),
                    parts.subject_der,
                    sm2_head + key if len(key) == 65 else key,
                    _extensions_header(len(extended)),
                    extended,
                )
            )
            encoded.append(_sequence_header(len(content)) + content)

    def _validity_der(self, not_before: datetime, not_after: datetime) -> bytes:
        """Validity, remembered: a batch has few distinct ones."""
        found = self._validity.get((not_before, not_after))
        if found is None:
            if len(self._validity) >= 1024:
                self._validity.clear()
            found = moving_parts.encode_validity(not_before, not_after)
            self._validity[(not_before, not_after)] = found
        return found

    def assemble(self, tbs: bytes, signature: bytes) -> bytes:
        """The certificate of a TBS and the signature over it (DER SEQUENCE of r and s)."""
        return der.tlv(der.SEQUENCE, tbs + self.algorithm_der + der.tlv(der.BIT_STRING, b"\x00" + signature))

    def assemble_many(self, tbs: Sequence[bytes], signatures: Sequence[bytes]) -> list[bytes]:
        """As :meth:`assemble` for a batch; both lists have the same length and order."""
        return [self.assemble(one, signature) for one, signature in zip(tbs, signatures, strict=True)]

    def sample_parts(self) -> CertificateParts:
        """Parts that fill every moving place of the template: for its self-check and its lint."""
        return sample_parts(self.profile, self.use, self.issuer)

    def _check_itself(self) -> None:
        sample = self.sample_parts()
        if self.encode_tbs(sample) != encode_tbs_by_library(sample, self):
            raise TemplateInvalid(profile=self.profile.code, use=self.use)


@lru_cache(maxsize=4096)
def _sequence_header(size: int) -> bytes:
    return der.tlv(der.SEQUENCE, bytes(size))[:-size]


@lru_cache(maxsize=4096)
def _extensions_header(size: int) -> bytes:
    """``[3] EXPLICIT SEQUENCE OF Extension``: both headers."""
    return der.tlv(0xA3, der.tlv(der.SEQUENCE, bytes(size)))[:-size]


def _extension_pieces(template: Template) -> list[bytes | MovingExtension]:
    """The extensions in their order: bytes where nothing moves, else a function of the parts."""
    profile, issuer = template.profile, template.issuer
    pieces: list[bytes | MovingExtension] = [
        extensions.authority_key_identifier(issuer.key_id),
        moving_parts.subject_key_identifier,
    ]
    if profile.basic_constraints != "absent":
        pieces.append(extensions.basic_constraints(is_authority=profile.is_authority, path_length=profile.path_length))
    pieces.append(extensions.key_usage(profile.key_usage[template.use]))
    if template.policies:
        pieces.append(extensions.certificate_policies(template.policies))
    if profile.extended_key_usage:
        pieces.append(extensions.extended_key_usage(profile.extended_key_usage))
    if profile.crl_distribution_points:
        pieces.append(_points(issuer, is_delta=False))
    if profile.freshest_crl:
        pieces.append(_points(issuer, is_delta=True))
    if profile.authority_information_access:
        pieces.append(extensions.authority_information_access(issuer.ocsp_urls, issuer.ca_issuers_urls))
    if profile.ocsp_no_check:
        pieces.append(extensions.ocsp_no_check())
    if profile.alternative_names is not Presence.ABSENT:
        pieces.append(moving_parts.alternative_names)
    if profile.identify_code is not IdentifyCodeForm.ABSENT:
        pieces.append(moving_parts.identify_code)
    if profile.organization_code is not Presence.ABSENT:
        pieces.append(moving_parts.organization_code)
    return pieces


def _points(issuer: Issuer, *, is_delta: bool) -> bytes | MovingExtension:
    urls = issuer.delta_crl_urls if is_delta else issuer.crl_urls
    if any("{shard}" in url for url in urls):
        return moving_parts.ShardedPoints(issuer, is_delta=is_delta)
    return moving_parts.sharded_points(issuer, None, is_delta=is_delta)


def _merge(pieces: Iterable[bytes | MovingExtension]) -> tuple[bytes | MovingExtension, ...]:
    """Neighbouring static pieces become one."""
    merged: list[bytes | MovingExtension] = []
    for piece in pieces:
        if isinstance(piece, bytes) and merged and isinstance(merged[-1], bytes):
            merged[-1] += piece
        else:
            merged.append(piece)
    return tuple(merged)
