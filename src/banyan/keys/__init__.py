"""Keys of certificate authorities and of the key-management centre: kept encrypted, loaded by their own
processes only.

Importable by the signer, the key-management process and the ceremony; an import contract proves it.
"""

from banyan.keys.errors import KekUnreadable, KeyExists, KeyFileDamaged, KeyMissing, KeysError
from banyan.keys.kek import Kek, load_kek, protect_kek_with_passphrase, receipt_key
from banyan.keys.signers import Signer, signer_from_private
from banyan.keys.store import KeyRecord, KeyStore, StoredKey

__all__ = [
    "Kek",
    "KekUnreadable",
    "KeyExists",
    "KeyFileDamaged",
    "KeyMissing",
    "KeyRecord",
    "KeyStore",
    "KeysError",
    "Signer",
    "StoredKey",
    "load_kek",
    "protect_kek_with_passphrase",
    "receipt_key",
    "signer_from_private",
]
