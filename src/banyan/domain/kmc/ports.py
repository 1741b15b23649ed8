"""What this package asks of the key-management centre's process."""

from typing import Protocol


class KeyCentre(Protocol):
    """The process that holds the escrowed keys. It checks recovery and approvals by itself before it answers."""

    def recover_key(self, recovery: int) -> bytes:
        """The envelope (SM2EnvelopedKey, DER) of an approved recovery, once. Raises what refuses it."""
        ...
