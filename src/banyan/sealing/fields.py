"""Protected fields at rest: SM4-GCM, bound to the place they are stored in.

A sealed value is ``version(1) ‖ key id(2) ‖ nonce(12) ‖ ciphertext ‖ tag(16)``. The context (table, column
and whatever else names the place) is authenticated, so a value moved to another column or row does not open.
"""

import secrets
from collections.abc import Iterable, Mapping, Sequence

from banyan import gm
from banyan.sealing.errors import SealBroken

Context = str | tuple[str | int, ...]

_VERSION = 1
_NONCE_BYTES = 12
_HEAD_BYTES = 3
_TAG_BYTES = 16


class FieldSealer:
    """Seals text under the newest key and opens it under the key its prefix names."""

    def __init__(self, keys: Mapping[int, bytes]) -> None:
        self._keys = dict(keys)
        self._newest = max(self._keys)

    def seal(self, text: str, context: Context) -> bytes:
        """Seal one value; the same text never gives the same bytes twice."""
        return self.seal_many([(text, context)])[0]

    def seal_bytes(self, data: bytes, context: Context) -> bytes:
        """Seal what is no text (a page's image)."""
        return self._seal([(data, context)])[0]

    def seal_many(self, items: Iterable[tuple[str, Context]]) -> list[bytes]:
        """Seal many values with one draw of random nonces."""
        return self._seal([(text.encode(), context) for text, context in items])

    def _seal(self, items: Sequence[tuple[bytes, Context]]) -> list[bytes]:
        drawn = secrets.token_bytes(_NONCE_BYTES * len(items))
        nonces = [drawn[start : start + _NONCE_BYTES] for start in range(0, len(drawn), _NONCE_BYTES)]
        head = bytes([_VERSION]) + self._newest.to_bytes(2, "big")
        plain = [(nonce, data, head + _encoded(context)) for nonce, (data, context) in zip(nonces, items, strict=True)]
        ciphertexts = gm.sm4.gcm_encrypt_many(self._keys[self._newest], plain)
        return [head + nonce + ciphertext for nonce, ciphertext in zip(nonces, ciphertexts, strict=True)]

    def open(self, sealed: bytes, context: Context) -> str:
        """The text of a sealed value. Raises SealBroken when it was changed or stands in another place."""
        return self.open_bytes(sealed, context).decode()

    def open_bytes(self, sealed: bytes, context: Context) -> bytes:
        """The reverse of ``seal_bytes``. Raises SealBroken."""
        data = bytes(sealed)
        key = self._keys.get(int.from_bytes(data[1:_HEAD_BYTES], "big"))
        if len(data) < _HEAD_BYTES + _NONCE_BYTES + _TAG_BYTES or data[0] != _VERSION or key is None:
            raise SealBroken(context=_shown(context))
        nonce = data[_HEAD_BYTES : _HEAD_BYTES + _NONCE_BYTES]
        aad = data[:_HEAD_BYTES] + _encoded(context)
        try:
            return gm.sm4.gcm_decrypt(key, nonce, data[_HEAD_BYTES + _NONCE_BYTES :], aad)
        except gm.TagInvalid as error:
            raise SealBroken(context=_shown(context)) from error

    def open_many(self, items: Sequence[tuple[bytes, Context]]) -> list[str]:
        """Open many values; the first broken one raises."""
        return [self.open(sealed, context) for sealed, context in items]

    def is_current(self, sealed: bytes) -> bool:
        """Whether a value is sealed under the newest key (rotation re-seals those that are not)."""
        return int.from_bytes(bytes(sealed[1:_HEAD_BYTES]), "big") == self._newest


def _encoded(context: Context) -> bytes:
    parts = (context,) if isinstance(context, str) else context
    return "".join([f"{len(text)}:{text}" for text in map(str, parts)]).encode()


def _shown(context: Context) -> str:
    return context if isinstance(context, str) else ".".join(str(part) for part in context)
