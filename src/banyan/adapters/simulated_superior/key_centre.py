"""The simulator's own small KMC: encryption key pairs made ahead, each handed to one task, kept sealed."""

import secrets
from collections.abc import Sequence

from banyan import gm
from banyan.adapters.simulated_superior.store import Store

_POOL = 64
_NONCE_BYTES = 12


class KeyCentre:
    """Encryption keys of the simulator; ``secret`` is that of its directory."""

    def __init__(self, store: Store, secret: bytes) -> None:
        self._store = store
        self._key = gm.hmac_sm3(secret, b"simulated superior kmc")[:16]

    def __repr__(self) -> str:
        return "<KeyCentre simulated superior>"

    def allocate(self, task_nos: Sequence[str]) -> list[gm.sm2.KeyPair]:
        """One key pair for each task, within the caller's transaction."""
        self._fill(len(task_nos))
        free = self._store.rows(
            "SELECT id, public_key, sealed FROM encryption_keys WHERE task_no IS NULL ORDER BY id LIMIT ?",
            (len(task_nos),),
        )
        self._store.execute_many(
            "UPDATE encryption_keys SET task_no = ? WHERE id = ?",
            [(task_no, row["id"]) for task_no, row in zip(task_nos, free, strict=True)],
        )
        return [gm.sm2.KeyPair(self._open(row["sealed"], row["public_key"]), row["public_key"]) for row in free]

    def _fill(self, needed: int) -> None:
        held = self._store.count("SELECT count(*) FROM encryption_keys WHERE task_no IS NULL")
        if held >= needed:
            return
        made = gm.sm2.generate_keypairs(needed - held + _POOL)
        self._store.execute_many(
            "INSERT INTO encryption_keys (public_key, sealed) VALUES (?, ?)",
            [(pair.public, self._seal(pair.private, pair.public)) for pair in made],
        )

    def _seal(self, private: bytes, public: bytes) -> bytes:
        nonce = secrets.token_bytes(_NONCE_BYTES)
        return nonce + gm.sm4.gcm_encrypt(self._key, nonce, private, public)

    def _open(self, sealed: bytes, public: bytes) -> bytes:
        return gm.sm4.gcm_decrypt(self._key, sealed[:_NONCE_BYTES], sealed[_NONCE_BYTES:], public)
