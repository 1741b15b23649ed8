"""A certificate for a key, good for nothing but being stored: its signature is no signature."""

from banyan.pki import strict_der as der

_SM2_WITH_SM3 = der.algorithm("1.2.156.10197.1.501")
_SM2_KEY = der.sequence(der.oid("1.2.840.10045.2.1"), der.oid("1.2.156.10197.1.301"))


def sample_certificate(point: bytes) -> bytes:
    """X.509 v3 in DER for the public key 04‖X‖Y."""
    name = der.sequence(der.set_of([der.sequence(der.oid("2.5.4.3"), der.tlv(der.PRINTABLE_STRING, b"conformance"))]))
    times = der.sequence(*(der.tlv(der.UTC_TIME, when) for when in (b"250101000000Z", b"451231000000Z")))
    key = der.sequence(_SM2_KEY, der.bit_string(point))
    version = der.tlv(0xA0, der.integer(2))
    body = der.sequence(version, der.integer(1), _SM2_WITH_SM3, name, times, name, key)
    signature = der.sequence(der.integer(1), der.integer(1))
    return der.sequence(body, _SM2_WITH_SM3, der.bit_string(signature))
