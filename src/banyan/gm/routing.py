"""The ipp engine as it is used: each operation goes where it was measured faster.

Lanes win whenever there are several messages. One message at a time, libcrypto hashes and chains (CBC encryption) some
20-50 % faster than libippcp, while libippcp is several times faster at everything on the curve.
"""

from collections.abc import Sequence
from types import ModuleType

from banyan.gm.engine import Engine


class RoutedEngine(Engine):
    """An engine with a ``reference`` engine beside it that takes over what it does faster."""

    def __init__(self, name: str, module: ModuleType, reference: Engine) -> None:
        super().__init__(name, module)
        self._reference = reference

    def _fills_lanes(self, messages: Sequence[bytes]) -> bool:
        return self.tier == 2 and len(messages) > 1

    def sm3_many(self, messages: Sequence[bytes]) -> list[bytes]:
        return super().sm3_many(messages) if self._fills_lanes(messages) else self._reference.sm3_many(messages)

    def hmac_sm3_many(self, key: bytes, messages: Sequence[bytes]) -> list[bytes]:
        if self._fills_lanes(messages):
            return super().hmac_sm3_many(key, messages)
        return self._reference.hmac_sm3_many(key, messages)

    def sm4_cbc(self, key: bytes, iv: bytes, data: bytes, *, encrypt: bool) -> bytes:
        if encrypt:
            return self._reference.sm4_cbc(key, iv, data, encrypt=True)
        return super().sm4_cbc(key, iv, data, encrypt=False)
