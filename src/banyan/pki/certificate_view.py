"""A certificate read from its bytes, ours or anybody's: raw slices at once, the rest when asked for.

Reading is strict DER with one exit: whatever is wrong raises Malformed. Nothing is judged here; see ``lint``.
"""

from dataclasses import dataclass
from datetime import datetime
from functools import cached_property, lru_cache
from ipaddress import ip_address
from typing import Final

from banyan.kernel.errors import N_
from banyan.pki import extension_values as values
from banyan.pki import names, oids
from banyan.pki import strict_der as der
from banyan.pki.certificate_parts import IdentifyCode
from banyan.pki.errors import Malformed
from banyan.pki.key_identifier import key_bits
from banyan.pki.moving_parts import SM2_SPKI_HEAD
from banyan.pki.names import Name
from banyan.pki.public_key import PublicKey, UnsupportedKey, parse_spki
from banyan.pki.times import read_time

SIGNATURE_NAMES: Final = {
    oids.SM2_WITH_SM3: "SM2",
    oids.ECDSA_WITH_SHA256: "P256",
    oids.SHA256_WITH_RSA: "RSA",
    oids.SM3_WITH_RSA: "RSA-SM3",
    oids.SHA1_WITH_RSA: "RSA-SHA1",
}


@dataclass(frozen=True)
class Certificate:
    """A parsed X.509 certificate.

    ``serial`` is the big-endian magnitude without a sign octet (empty never; zero is one zero octet; a
    negative serial does not parse). ``signature`` is the content of the BIT STRING. ``algorithm_der`` is the
    outer AlgorithmIdentifier, ``tbs_algorithm_der`` the inner one.
    """

    der: bytes
    tbs_der: bytes
    version: int
    serial: bytes
    issuer_der: bytes
    not_before: datetime
    not_after: datetime
    subject_der: bytes
    spki_der: bytes
    extensions: tuple[values.Extension, ...]
    tbs_algorithm_der: bytes
    algorithm_der: bytes
    signature: bytes

    @classmethod
    def parse(cls, data: bytes) -> "Certificate":
        """Read DER. Raises Malformed for anything that is not exactly one certificate."""
        try:
            return _parse(data)
        except (der.DerError, UnicodeDecodeError) as error:
            raise Malformed(what=N_("证书"), detail=str(error)) from error

    @property
    def serial_hex(self) -> str:
        """The serial as it is stored and shown."""
        return self.serial.hex().upper()

    @cached_property
    def subject(self) -> Name:
        """Holder. Raises Malformed when a string in it does not decode."""
        return names.decode_name(self.subject_der)

    @cached_property
    def issuer(self) -> Name:
        """Issuer. Raises Malformed as ``subject``."""
        return names.decode_name(self.issuer_der)

    @property
    def is_self_issued(self) -> bool:
        """Whether issuer and subject are the same name."""
        return names.same(self.issuer_der, self.subject_der)

    @cached_property
    def signature_oid(self) -> str:
        """Dotted OID of the signature algorithm."""
        return _algorithm_oid(self.algorithm_der)

    @property
    def algorithm(self) -> str:
        """``SM2``, ``P256``, ``RSA``… by the signature; the dotted OID when unknown."""
        return SIGNATURE_NAMES.get(self.signature_oid, self.signature_oid)

    @cached_property
    def _key(self) -> PublicKey | None:
        try:
            return parse_spki(self.spki_der)
        except (UnsupportedKey, der.DerError):
            return None

    @property
    def key_algorithm(self) -> str:
        """``SM2``, ``P256`` or ``RSA``; empty for a key of another kind."""
        return self._key.algorithm if self._key else ""

    @property
    def public_key(self) -> bytes:
        """The point 04‖X‖Y (SM2, P-256), or the bits of subjectPublicKey for every other key."""
        return self._key.key if self._key else key_bits(self.spki_der)

    def extension(self, oid: str) -> values.Extension | None:
        """The extension of that dotted identifier, if it is there."""
        return self._by_oid.get(oid)

    @cached_property
    def _by_oid(self) -> dict[str, values.Extension]:
        return {extension.oid: extension for extension in self.extensions}

    def _value(self, oid: str) -> bytes | None:
        found = self._by_oid.get(oid)
        return None if found is None else found.value

    @cached_property
    def key_usage(self) -> frozenset[str] | None:
        """Names of ``profile.KEY_USAGE_BITS``; None when the extension is absent."""
        return values.read(self._value(oids.KEY_USAGE), values.key_usage)

    @cached_property
    def extended_key_usage(self) -> tuple[str, ...]:
        """Dotted purposes."""
        return values.read(self._value(oids.EXTENDED_KEY_USAGE), values.oid_list) or ()

    @cached_property
    def policies(self) -> tuple[str, ...]:
        """Dotted policy identifiers."""
        return values.read(self._value(oids.CERTIFICATE_POLICIES), values.policies) or ()

    @cached_property
    def _basic_constraints(self) -> tuple[bool, int | None]:
        return values.read(self._value(oids.BASIC_CONSTRAINTS), values.basic_constraints) or (False, None)

    @property
    def is_authority(self) -> bool:
        """Whether basicConstraints says cA."""
        return self._basic_constraints[0]

    @property
    def path_length(self) -> int | None:
        """pathLenConstraint, None when there is none."""
        return self._basic_constraints[1]

    @cached_property
    def key_id(self) -> bytes | None:
        """Subject key identifier."""
        return values.read(self._value(oids.SUBJECT_KEY_IDENTIFIER), values.octets)

    @cached_property
    def authority_key_id(self) -> bytes | None:
        """keyIdentifier of the authority key identifier."""
        return values.read(self._value(oids.AUTHORITY_KEY_IDENTIFIER), values.authority_key_id)

    @cached_property
    def _alternative_names(self) -> tuple[tuple[int, bytes], ...]:
        return values.read(self._value(oids.SUBJECT_ALTERNATIVE_NAME), values.general_names) or ()

    @property
    def dns_names(self) -> tuple[str, ...]:
        """dNSName entries of subjectAltName."""
        return tuple(value.decode("ascii", "replace") for tag, value in self._alternative_names if tag == 0x82)

    @property
    def ip_addresses(self) -> tuple[str, ...]:
        """iPAddress entries of subjectAltName, as text."""
        return tuple(
            str(ip_address(value)) for tag, value in self._alternative_names if tag == 0x87 and len(value) in (4, 16)
        )

    @cached_property
    def crl_urls(self) -> tuple[str, ...]:
        """URLs of crlDistributionPoints, all points together."""
        return values.read(self._value(oids.CRL_DISTRIBUTION_POINTS), values.point_urls) or ()

    @cached_property
    def delta_crl_urls(self) -> tuple[str, ...]:
        """URLs of freshestCRL."""
        return values.read(self._value(oids.FRESHEST_CRL), values.point_urls) or ()

    @cached_property
    def _access(self) -> tuple[tuple[str, str], ...]:
        return values.read(self._value(oids.AUTHORITY_INFORMATION_ACCESS), values.access) or ()

    @property
    def ocsp_urls(self) -> tuple[str, ...]:
        """URLs of OCSP responders."""
        return tuple(url for method, url in self._access if method == oids.ACCESS_OCSP)

    @property
    def ca_issuers_urls(self) -> tuple[str, ...]:
        """URLs of the issuer's certificate."""
        return tuple(url for method, url in self._access if method == oids.ACCESS_CA_ISSUERS)

    @cached_property
    def identify_code(self) -> IdentifyCode | None:
        """个人身份标识码: explicit or implicit tag, or a bare string (taken as a resident's number)."""
        return values.read(self._value(oids.IDENTIFY_CODE), values.identify_code)

    @cached_property
    def organization_code(self) -> str | None:
        """企业组织机构代码, which may be a unified social credit code."""
        return values.read(self._value(oids.ORGANIZATION_CODE), values.text)


@lru_cache(maxsize=256)
def _algorithm_oid(algorithm_der: bytes) -> str:
    return der.whole(algorithm_der).oid()


def _parse(data: bytes) -> Certificate:
    outer = der.whole(data)
    tbs_der = outer.element(der.SEQUENCE)
    algorithm_der = outer.element(der.SEQUENCE)
    signature = outer.bits()
    outer.finish()
    _algorithm_oid(algorithm_der)

    tbs = der.whole(tbs_der)
    version = 1
    if (tagged := tbs.enter_optional(0xA0)) is not None:
        version = tagged.integer() + 1
        tagged.finish()
        if version not in (2, 3):
            raise der.DerError("version")
    serial = tbs.integer()
    if serial < 0:
        raise der.DerError("negative serial number")
    tbs_algorithm_der = tbs.element(der.SEQUENCE)
    issuer_der = tbs.element(der.SEQUENCE)
    validity = tbs.enter()
    not_before, not_after = read_time(validity), read_time(validity)
    validity.finish()
    subject_der = tbs.element(der.SEQUENCE)
    spki_der = tbs.element(der.SEQUENCE)
    if not (spki_der.startswith(SM2_SPKI_HEAD) and len(spki_der) == len(SM2_SPKI_HEAD) + 65):
        key_bits(spki_der)
    for unique_id in (0x81, 0x82):
        if tbs.peek() == unique_id:
            tbs.element()
    extensions = _extensions(tbs.enter(0xA3)) if tbs.peek() == 0xA3 else ()
    tbs.finish()
    if extensions and version != 3:
        raise der.DerError("extensions need version 3")
    return Certificate(
        der=bytes(data),
        tbs_der=tbs_der,
        version=version,
        serial=serial.to_bytes((serial.bit_length() + 7) // 8 or 1, "big"),
        issuer_der=issuer_der,
        not_before=not_before,
        not_after=not_after,
        subject_der=subject_der,
        spki_der=spki_der,
        extensions=extensions,
        tbs_algorithm_der=tbs_algorithm_der,
        algorithm_der=algorithm_der,
        signature=signature,
    )


def _extensions(tagged: der.Reader) -> tuple[values.Extension, ...]:
    extensions = values.read_extensions(tagged.enter())
    tagged.finish()
    if not extensions:
        raise der.DerError("empty extensions")
    return extensions
