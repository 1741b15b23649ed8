"""Subject key identifiers: SHA-1 over the bits of the public key (RFC 5280 §4.2.1.2 (1); so do the national
roots).
"""

import hashlib

from banyan.kernel.errors import N_
from banyan.pki import strict_der as der
from banyan.pki.errors import Malformed


def key_identifier(key: bytes) -> bytes:
    """20 bytes for a SubjectPublicKeyInfo, or for the bare 65 bytes of a point. Raises Malformed.

    SHA-1 only names the key here; nothing rests on its collision resistance.
    """
    bits = key if is_bare_point(key) else key_bits(key)
    return hashlib.sha1(bits, usedforsecurity=False).digest()


def is_bare_point(key: bytes) -> bool:
    """Whether the bytes are a point 04‖X‖Y rather than a SubjectPublicKeyInfo."""
    return len(key) == 65 and key[0] == 4


def key_bits(spki_der: bytes) -> bytes:
    """The content of subjectPublicKey without the unused-bits octet. Raises Malformed."""
    try:
        reader = der.whole(spki_der)
        reader.element(der.SEQUENCE)
        bits = reader.bits()
        reader.finish()
    except der.DerError as error:
        raise Malformed(what=N_("公钥"), detail=str(error)) from error
    return bits
