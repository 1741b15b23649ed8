"""One completed issuance as the journal keeps it, and the bytes of a run of them."""

import json
import struct
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Final

_LENGTHS: Final = struct.Struct(">QHHH")
DIGEST_BYTES: Final = 16
_encode: Final = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode


@dataclass(frozen=True, slots=True)
class Entry:
    """A completed issuance.

    ``intent_digest`` is the first half of the SM3 of what the intent asked for: a repeat is answered with
    the same certificates only when it asks for the same. ``context`` is what the domain needs to record the
    certificates when its database has lost the intent. ``encryption`` is empty for a profile with one
    certificate.
    """

    issuance: int
    ca: str
    profile: str
    intent_digest: bytes
    signing: bytes
    encryption: bytes = b""
    context: dict[str, Any] = field(default_factory=dict)


def encode_entries(entries: Sequence[Entry]) -> bytes:
    """Entries one after another: lengths, context, digest, certificates."""
    parts: list[bytes] = []
    for entry in entries:
        context = _encode([entry.ca, entry.profile, entry.context]).encode()
        parts += (
            _LENGTHS.pack(entry.issuance, len(context), len(entry.signing), len(entry.encryption)),
            context,
            entry.intent_digest,
            entry.signing,
            entry.encryption,
        )
    return b"".join(parts)


def decode_entries(body: bytes) -> list[Entry]:
    """The reverse of ``encode_entries``."""
    entries: list[Entry] = []
    at = 0
    while at < len(body):
        issuance, context_size, signing_size, encryption_size = _LENGTHS.unpack_from(body, at)
        at += _LENGTHS.size
        pieces: list[bytes] = []
        for size in (context_size, DIGEST_BYTES, signing_size, encryption_size):
            pieces.append(body[at : at + size])
            at += size
        ca, profile, context = json.loads(pieces[0])
        entries.append(Entry(issuance, ca, profile, pieces[1], pieces[2], pieces[3], context))
    return entries
