"""Protection of stored data: sealed fields, blind index, row MAC, and the keyring that holds their keys."""

from banyan.sealing.errors import KekMismatch, KekMissing, KekUnsafe, SealBroken, SealingError
from banyan.sealing.fields import Context, FieldSealer
from banyan.sealing.files import FileSealer, SealedReader, SealedWriter
from banyan.sealing.indexes import BlindIndex, IdentifyCode, KeyedDigest
from banyan.sealing.keyring import Keyring, create_kek, forget_keyrings, keyring, rotate_field_key
from banyan.sealing.rows import RowMac, canonical

__all__ = [
    "BlindIndex",
    "Context",
    "FieldSealer",
    "FileSealer",
    "IdentifyCode",
    "KekMismatch",
    "KekMissing",
    "KekUnsafe",
    "KeyedDigest",
    "Keyring",
    "RowMac",
    "SealBroken",
    "SealedReader",
    "SealedWriter",
    "SealingError",
    "canonical",
    "create_kek",
    "forget_keyrings",
    "keyring",
    "rotate_field_key",
]
