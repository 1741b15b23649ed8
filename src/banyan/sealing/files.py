"""Files at rest: SM4-GCM in segments, written as the bytes come in and read back without holding the whole.

``BYSF`` ‖ version(1) ‖ key id(2) ‖ file id(16) ‖ segments ‖ trailer. A segment is nonce(12) ‖ ciphertext ‖ tag(16) of
SEGMENT bytes, the last one shorter or empty; the trailer seals the plaintext's length(8) and SM3(32). Head, place and kind of
each piece are authenticated, so pieces cannot be moved, left out or mixed with another file's.
"""

import secrets
from collections.abc import Iterator, Mapping
from typing import BinaryIO, Final

from banyan import gm
from banyan.sealing.errors import SealBroken

MAGIC: Final = b"BYSF"
SEGMENT: Final = 1 << 20
_VERSION: Final = 1
_NONCE_BYTES: Final = 12
_OVER: Final = _NONCE_BYTES + 16
_HEAD_BYTES: Final = len(MAGIC) + 1 + 2 + 16
_TRAILER_BYTES: Final = _OVER + 8 + 32
_PIECE, _TRAILER = b"S", b"T"


class SealedWriter:
    """Seals what is written to it into ``out``; ``finish`` gives what it was."""

    def __init__(self, key_id: int, key: bytes, out: BinaryIO) -> None:
        self._key, self._out = key, out
        self._head = MAGIC + bytes([_VERSION]) + key_id.to_bytes(2, "big") + secrets.token_bytes(16)
        self._digest = gm.Sm3()
        self._waiting = bytearray()
        self._count = 0
        self.size = 0
        out.write(self._head)

    def write(self, data: bytes) -> None:
        """The next bytes of the file."""
        self._digest.update(data)
        self.size += len(data)
        self._waiting += data
        while len(self._waiting) >= SEGMENT:
            self._put(bytes(self._waiting[:SEGMENT]), _PIECE)
            del self._waiting[:SEGMENT]

    def finish(self) -> str:
        """Write what is left and the trailer; the SM3 (hex) of the whole."""
        self._put(bytes(self._waiting), _PIECE)
        self._waiting.clear()
        sm3 = self._digest.digest()
        self._put(self.size.to_bytes(8, "big") + sm3, _TRAILER)
        return sm3.hex()

    def _put(self, data: bytes, kind: bytes) -> None:
        nonce = secrets.token_bytes(_NONCE_BYTES)
        self._out.write(nonce + gm.sm4.gcm_encrypt(self._key, nonce, data, _bound(self._head, kind, self._count)))
        self._count += 1


class SealedReader:
    """A sealed file opened: its size and SM3 are known and checked before anything is read."""

    def __init__(self, keys: Mapping[int, bytes], file: BinaryIO, context: str) -> None:
        self._file, self._context = file, context
        file.seek(0)
        self._head = file.read(_HEAD_BYTES)
        key = keys.get(int.from_bytes(self._head[5:7], "big"))
        whole = file.seek(0, 2)
        room = whole - _HEAD_BYTES - _TRAILER_BYTES
        if self._head[:5] != MAGIC + bytes([_VERSION]) or key is None or room < _OVER:
            raise SealBroken(context=context)
        self._key = key
        self._count = (room + SEGMENT + _OVER - 1) // (SEGMENT + _OVER)
        file.seek(whole - _TRAILER_BYTES)
        trailer = self._open(file.read(_TRAILER_BYTES), _TRAILER, self._count)
        self.size = int.from_bytes(trailer[:8], "big")
        self.sm3 = trailer[8:].hex()
        if self.size + self._count * _OVER != room:
            raise SealBroken(context=context)

    def chunks(self) -> Iterator[bytes]:
        """The file's bytes, a segment at a time. Raises SealBroken at the first piece that was changed."""
        self._file.seek(_HEAD_BYTES)
        for place in range(self._count):
            last = self.size - place * SEGMENT
            piece = self._open(self._file.read(min(last, SEGMENT) + _OVER), _PIECE, place)
            if piece:
                yield piece

    def _open(self, sealed: bytes, kind: bytes, place: int) -> bytes:
        nonce, data = sealed[:_NONCE_BYTES], sealed[_NONCE_BYTES:]
        try:
            return gm.sm4.gcm_decrypt(self._key, nonce, data, _bound(self._head, kind, place))
        except gm.GmError as error:
            raise SealBroken(context=self._context) from error


class FileSealer:
    """Seals under the newest key and opens under the key that the file names."""

    def __init__(self, keys: Mapping[int, bytes]) -> None:
        self._keys = dict(keys)

    def writer(self, out: BinaryIO) -> SealedWriter:
        """To write a file sealed."""
        newest = max(self._keys)
        return SealedWriter(newest, self._keys[newest], out)

    def reader(self, file: BinaryIO, context: str) -> SealedReader:
        """To read one. Raises SealBroken for what is none or was changed; ``context`` names it in the message."""
        return SealedReader(self._keys, file, context)


def _bound(head: bytes, kind: bytes, place: int) -> bytes:
    return head + kind + place.to_bytes(8, "big")
