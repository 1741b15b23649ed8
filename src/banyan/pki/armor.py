"""Text forms in which binary objects arrive from the field: PEM, bare Base64, files saved as UTF-16."""

import base64
import binascii
import re
from typing import Final

_BLOCK: Final = re.compile(r"-----BEGIN ([A-Z0-9][A-Z0-9 ]*)-----([^-]*)-----END \1-----")
_LINE: Final = 64


class ArmorError(ValueError):
    """The text holds no single object; ``args[0]`` says why."""


def unwrap(data: bytes | str) -> tuple[str | None, bytes]:
    """(label, DER) of an object that came as DER, as PEM or as bare Base64 with or without line breaks.

    The label is None where no header names one. Text before and after a PEM block is passed over
    (``openssl -text`` writes such), more than one block is refused.

    Raises:
        ArmorError
    """
    if isinstance(data, bytes):
        if data[:1] == b"\x30":
            return None, data
        data = _text(data)
    blocks = _BLOCK.findall(data)
    if len(blocks) > 1:
        raise ArmorError("more than one PEM block")
    if blocks:
        label, body = blocks[0]
        return label, _base64(body)
    if "-----" in data:
        raise ArmorError("PEM header and footer do not match")
    return None, _base64(data)


def unwrap_all(data: bytes | str) -> list[tuple[str | None, bytes]]:
    """The objects of a file in their order: of several PEM blocks each one, else the only one as ``unwrap`` takes it.

    Raises:
        ArmorError
    """
    if len(labels(data)) < 2:
        return [unwrap(data)]
    text = _text(data) if isinstance(data, bytes) else data
    blocks = _BLOCK.findall(text)
    if text.count("-----BEGIN ") != len(blocks) or text.count("-----END ") != len(blocks):
        raise ArmorError("PEM header and footer do not match")
    return [(label, _base64(body)) for label, body in blocks]


def labels(data: bytes | str) -> list[str]:
    """Labels of all PEM blocks, for telling a person what was sent instead."""
    if isinstance(data, bytes):
        if data[:1] == b"\x30":
            return []
        try:
            data = _text(data)
        except ArmorError:
            return []
    return re.findall(r"-----BEGIN ([A-Z0-9][A-Z0-9 ]*)-----", data)


def wrap(label: str, data: bytes) -> str:
    """PEM text with the given label (RFC 7468)."""
    body = base64.b64encode(data).decode("ascii")
    lines = [body[i : i + _LINE] for i in range(0, len(body), _LINE)]
    return "\n".join((f"-----BEGIN {label}-----", *lines, f"-----END {label}-----", ""))


def _text(data: bytes) -> str:
    """Editors on clerks' machines save UTF-16 and byte order marks."""
    try:
        if data[:2] in (b"\xff\xfe", b"\xfe\xff"):
            return data.decode("utf-16")
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise ArmorError("neither DER nor text") from error


def _base64(text: str) -> bytes:
    try:
        decoded = base64.b64decode("".join(text.split()), validate=True)
    except (binascii.Error, ValueError) as error:
        raise ArmorError("not Base64") from error
    if not decoded:
        raise ArmorError("empty")
    return decoded
