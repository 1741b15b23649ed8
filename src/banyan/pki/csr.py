"""Certification requests (PKCS#10, GM/T 0092-2020, RFC 2986) in the forms met in the field, read strictly.

``CertificationRequest.parse`` accepts DER, PEM under either label and bare Base64, refuses everything that is
not exactly one request, and refuses weak keys. Proof of possession is a step of its own: ``verify_many``.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Final

from banyan import gm
from banyan.pki import armor, key_strength, oids, public_key
from banyan.pki import strict_der as der
from banyan.pki.csr_building import ATTRIBUTES, TEMPORARY_KEY_HEAD, assemble, build, build_info
from banyan.pki.csr_errors import (
    KeyNotSupported,
    MalformedRequest,
    NotARequest,
    PrivateKeySent,
    RequestError,
    RequestIdentityDiffers,
    RequestSignatureInvalid,
    RequestTooLarge,
    SignatureDigestTooWeak,
    SignatureNotSupported,
)
from banyan.pki.errors import PkiError
from banyan.pki.key_strength import ReusedKey, WeakKey
from banyan.pki.public_key import KeyAlgorithm, PublicKey, SignatureAlgorithm

__all__ = [
    "CertificationRequest",
    "KeyNotSupported",
    "MalformedRequest",
    "NotARequest",
    "PrivateKeySent",
    "RequestError",
    "RequestIdentityDiffers",
    "RequestSignatureInvalid",
    "RequestTooLarge",
    "ReusedKey",
    "SignatureDigestTooWeak",
    "SignatureNotSupported",
    "WeakKey",
    "assemble",
    "build",
    "build_info",
    "parse_many",
    "refuse_keys_of",
    "to_pem",
    "verify_many",
]

MAX_SIZE: Final = 64 * 1024
PEM_LABELS: Final = ("CERTIFICATE REQUEST", "NEW CERTIFICATE REQUEST")

_VERSION_0: Final = der.integer(0)
_NO_ATTRIBUTES: Final = der.tlv(ATTRIBUTES, b"")
_SM2_SIGNATURES: Final = tuple(
    (encoded, public_key.parse_signature_algorithm(encoded))
    for encoded in (der.algorithm(oids.SM2_WITH_SM3), der.algorithm(oids.SM2_WITH_SM3, der.NULL_DER))
)
_STRING_CODECS: Final = {
    der.PRINTABLE_STRING: "ascii",
    der.UTF8_STRING: "utf-8",
    der.IA5_STRING: "ascii",
    der.T61_STRING: "latin-1",
    der.BMP_STRING: "utf-16-be",
}


@dataclass(frozen=True, slots=True)
class Attribute:
    """One attribute of a request: its OID and its values, each still encoded."""

    oid: str
    values: tuple[bytes, ...]


@dataclass(frozen=True, slots=True)
class CertificationRequest:
    """A parsed request.

    ``subject_der`` is the name as sent, never trusted for issuance. ``public_key`` is 04‖X‖Y for SM2 and
    P-256, DER RSAPublicKey for RSA; ``spki_der`` is canonical. ``temporary_public_key`` is the point of the
    CFCA-style attribute 1.2.840.113549.1.9.63 (the key that awaits the returned encryption key), or None.
    """

    der: bytes = field(repr=False)
    info_der: bytes = field(repr=False)
    subject_der: bytes
    key: PublicKey
    signature_algorithm: SignatureAlgorithm
    signature: bytes
    attributes: tuple[Attribute, ...] = field(default=(), repr=False)
    challenge_password: str | None = field(default=None, repr=False)
    temporary_public_key: bytes | None = None

    @property
    def algorithm(self) -> KeyAlgorithm:
        """``"SM2"``, ``"P256"`` or ``"RSA"``."""
        return self.key.algorithm

    @property
    def public_key(self) -> bytes:
        """The key's own bytes, see the class."""
        return self.key.key

    @property
    def spki_der(self) -> bytes:
        """Canonical SubjectPublicKeyInfo."""
        return self.key.spki_der

    @property
    def extension_request_der(self) -> bytes | None:
        """The Extensions that the requester would like (PKCS#9 extensionRequest), or None."""
        return next((row.values[0] for row in self.attributes if row.oid == oids.EXTENSION_REQUEST), None)

    @classmethod
    def parse(cls, data: bytes | str) -> "CertificationRequest":
        """Read a request given as DER, PEM or bare Base64 and refuse weak keys; ``verify`` is another step.

        Raises:
            RequestError: the subclass that names the cause.
            WeakKey: the subclass that names the weakness.
        """
        request = _read(data)
        key_strength.check(request.key)
        return request

    def verify(self) -> None:
        """Check the proof of possession.

        Raises:
            RequestSignatureInvalid
        """
        if verify_many([self])[0]:
            return
        if self.algorithm == "SM2":
            signed = (self.public_key, self.info_der, self.signature)
            if gm.sm2.verify_many([signed], signer_id=b"")[0]:
                raise RequestIdentityDiffers()
        raise RequestSignatureInvalid()


def parse_many(items: Sequence[bytes | str]) -> list["CertificationRequest | PkiError"]:
    """``CertificationRequest.parse`` of each, in the order given; a bad one yields its error in place of a
    request.

    Much quicker than one by one, since the points are checked in one batch.
    """
    read: list[CertificationRequest | PkiError] = []
    for item in items:
        try:
            read.append(_read(item))
        except PkiError as error:
            read.append(error)
    places = [place for place, request in enumerate(read) if isinstance(request, CertificationRequest)]
    requests = [request for request in read if isinstance(request, CertificationRequest)]
    for place, weakness in zip(places, key_strength.check_many([each.key for each in requests]), strict=True):
        if weakness is not None:
            read[place] = weakness
    return read


def verify_many(requests: Sequence[CertificationRequest]) -> list[bool]:
    """Check proofs of possession in one batch; order as given."""
    return public_key.verify_many(
        [(each.key, each.signature_algorithm, each.info_der, each.signature) for each in requests]
    )


def refuse_keys_of(request: CertificationRequest, public_keys: Iterable[bytes]) -> None:
    """Refuse a request for one of the given keys (those of our CAs, say) or for the negative of one.

    Raises:
        ReusedKey
    """
    own = request.public_key
    for other in public_keys:
        if other == own or (request.algorithm != "RSA" and len(other) == 65 and other[1:33] == own[1:33]):
            raise ReusedKey()


def to_pem(request_der: bytes) -> str:
    """PEM text under the usual label."""
    return armor.wrap(PEM_LABELS[0], request_der)


def _read(data: bytes | str) -> CertificationRequest:
    """A request whose key is not yet judged."""
    try:
        return _parse(_unwrap(data))
    except public_key.WeakSignatureDigest as error:
        raise SignatureDigestTooWeak(oid=error.args[0]) from error
    except public_key.UnsupportedSignature as error:
        raise SignatureNotSupported(oid=error.args[0]) from error
    except public_key.UnsupportedKey as error:
        raise KeyNotSupported(detail=error.args[0]) from error
    except (der.DerError, UnicodeDecodeError) as error:
        raise MalformedRequest(detail=str(error)) from error


def _unwrap(data: bytes | str) -> bytes:
    if len(data) > MAX_SIZE:
        raise RequestTooLarge(size=len(data), maximum=MAX_SIZE)
    labels = armor.labels(data)
    if any("PRIVATE KEY" in label for label in labels):
        raise PrivateKeySent()
    for label in labels:
        if label not in PEM_LABELS:
            raise NotARequest(label=label)
    try:
        return armor.unwrap(data)[1]
    except armor.ArmorError as error:
        raise MalformedRequest(detail=str(error)) from error


def _parse(content: bytes) -> CertificationRequest:
    return _parse_usual(content) or _parse_any(content)


def _parse_usual(content: bytes) -> CertificationRequest | None:
    """The request that tokens send, an SM2 key without attributes, read by writing it again; None for any other.

    What our own DER encoding of the pieces equals has exactly one reading; bulk issuance feels the difference.
    """
    at = content.find(public_key.SM2_SPKI_HEAD)
    if at < 0:
        return None
    start = _past_header(content, 0)
    end = at + len(public_key.SM2_SPKI_HEAD) + 65
    subject_der, spki = content[_past_header(content, start) + len(_VERSION_0) : at], content[at:end]
    attributes = _NO_ATTRIBUTES if content[end : end + 2] == _NO_ATTRIBUTES else b""
    info_der = der.tlv(der.SEQUENCE, _VERSION_0 + subject_der + spki + attributes)
    rest = content[start + len(info_der) :]
    for algorithm_der, algorithm in _SM2_SIGNATURES:
        if rest.startswith(algorithm_der):
            signature = rest[len(algorithm_der) + 3 :]
            again = der.tlv(der.SEQUENCE, info_der + algorithm_der + der.bit_string(signature))
            if again == content and spki[-65] == 4 and _is_plain_name(subject_der):
                key = PublicKey("SM2", spki[-65:], spki)
                return CertificationRequest(content, info_der, subject_der, key, algorithm, signature)
    return None


def _past_header(content: bytes, at: int) -> int:
    length = content[at + 1] if at + 1 < len(content) else 0
    return at + 2 + (length & 0x7F if length >= 0x80 else 0)


def _parse_any(content: bytes) -> CertificationRequest:
    outer = der.whole(content)
    info_der = outer.element(der.SEQUENCE)
    signature_algorithm = public_key.parse_signature_algorithm(outer.element(der.SEQUENCE))
    signature = outer.bits()
    outer.finish()
    info = der.whole(info_der)
    version = info.integer()
    if version != 0:
        raise der.DerError(f"version {version}, expected 0")
    subject_der = info.element(der.SEQUENCE)
    _check_name(subject_der)
    key = public_key.parse_spki(info.element(der.SEQUENCE))
    # The field is required, but some devices leave it out when it would be empty.
    attributes = _parse_attributes(info.enter_optional(ATTRIBUTES))
    info.finish()
    if signature_algorithm.key != key.algorithm:
        raise public_key.UnsupportedSignature(signature_algorithm.oid)
    return CertificationRequest(
        content,
        info_der,
        subject_der,
        key,
        signature_algorithm,
        signature,
        attributes,
        _challenge_password(attributes) if attributes else None,
        _temporary_public_key(attributes) if attributes else None,
    )


def _check_name(name: bytes) -> None:
    """A Name is a SEQUENCE of non-empty SETs of { OID, string }."""
    if _is_plain_name(name):
        return
    rdns = der.whole(name)
    while not rdns.at_end:
        rdn = rdns.enter(der.SET)
        if rdn.at_end:
            raise der.DerError("empty RelativeDistinguishedName")
        while not rdn.at_end:
            pair = rdn.enter()
            pair.oid()
            der.check_well_formed(pair.element())
            pair.finish()


def _is_plain_name(name: bytes) -> bool:
    """Whether each SET holds one short pair, as nearly all names do; bulk issuance feels the difference."""
    end = len(name)
    is_long = name[1:2] == b"\x81"
    pos = 3 if is_long else 2
    if name[:1] != b"\x30" or end < pos or name[pos - 1] != end - pos or (name[pos - 1] >= 0x80) != is_long:
        return False
    while pos < end:
        head = name[pos : pos + 6]
        if len(head) < 6:
            return False
        size = head[1]
        value = pos + 6 + head[5]
        pos += 2 + size
        if (
            head[0] != der.SET
            or head[2] != der.SEQUENCE
            or head[4] != der.OID
            or head[5] == 0
            or size > 0x7F
            or head[3] != size - 2
            or pos > end
            or value + 2 > pos
            or name[value] & 0x20
            or name[value] & 0x1F == 0x1F
            or name[value + 1] != pos - value - 2
        ):
            return False
        der.decode_oid(name[value - head[5] : value])
    return True


def _parse_attributes(reader: der.Reader | None) -> tuple[Attribute, ...]:
    rows: list[Attribute] = []
    while reader is not None and not reader.at_end:
        entry = reader.enter()
        oid = entry.oid()
        if any(row.oid == oid for row in rows):
            raise der.DerError(f"attribute {oid} twice")
        values: list[bytes] = []
        # CFCA-style requests put the single value where the SET of values belongs.
        holder = entry.enter(der.SET) if entry.peek() == der.SET else entry
        while not holder.at_end:
            value = holder.element()
            der.check_well_formed(value)
            values.append(value)
        entry.finish()
        if not values:
            raise der.DerError(f"attribute {oid} without a value")
        rows.append(Attribute(oid, tuple(values)))
    return tuple(rows)


def _single_value(attributes: Iterable[Attribute], *names: str) -> bytes | None:
    for row in attributes:
        if row.oid in names:
            if len(row.values) != 1:
                raise der.DerError(f"attribute {row.oid} needs exactly one value")
            return row.values[0]
    return None


def _challenge_password(attributes: Iterable[Attribute]) -> str | None:
    value = _single_value(attributes, oids.CHALLENGE_PASSWORD, oids.GMT0092_CHALLENGE_PASSWORD)
    if value is None:
        return None
    codec = _STRING_CODECS.get(value[0])
    if codec is None:
        raise der.DerError("challengePassword is not a character string")
    return der.Reader(value).content(value[0]).decode(codec)


def _temporary_public_key(attributes: Iterable[Attribute]) -> bytes | None:
    value = _single_value(attributes, oids.CFCA_TEMPORARY_KEY)
    if value is None:
        return None
    if value[0] == der.OCTET_STRING:
        value = der.Reader(value).octets()
    reader = der.whole(value)
    version, blob = reader.integer(), reader.octets()
    reader.finish()
    if version != 1 or len(blob) != 136 or not blob.startswith(TEMPORARY_KEY_HEAD):
        raise der.DerError("temporary public key in an unknown form")
    if any(blob[40:72]) or any(blob[104:]):
        raise der.DerError("temporary public key is not of 256 bits")
    point = b"\x04" + blob[8:40] + blob[72:104]
    key_strength.check(PublicKey("SM2", point, public_key.sm2_spki(point)))
    return point
