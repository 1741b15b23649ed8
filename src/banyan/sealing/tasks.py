"""The key by which token agents know what the platform sends them (docs/token-agent.md)."""

from dataclasses import dataclass, field
from functools import cached_property

from banyan import gm
from banyan.pki.public_key import sm2_spki


@dataclass(frozen=True)
class TaskKey:
    """An SM2 key pair of the installation; it certifies nothing and signs tasks only."""

    private: bytes = field(repr=False)

    @cached_property
    def _point(self) -> bytes:
        return gm.sm2.public_key(self.private)

    @property
    def public_key(self) -> bytes:
        """SubjectPublicKeyInfo, as the agents' settings name it."""
        return sm2_spki(self._point)

    def sign(self, message: bytes) -> bytes:
        """The signature (DER; SM2 with SM3 and the default identity)."""
        return gm.sm2.sign(self.private, self._point, message)
