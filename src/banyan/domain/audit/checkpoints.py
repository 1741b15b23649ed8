"""Signed checkpoints: where the chain stood, kept outside the database.

``<home>/audit/checkpoints.jsonl`` grows by one line a checkpoint or epoch. Each line is signed with the SM2
checkpoint key of the signer process over a fixed prefix and the line's sorted JSON, and holds the SM3 of the
line before. The public key is pinned in ``<home>.keys/checkpoint.pub`` when the first line is written.
"""

import fcntl
import json
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any, BinaryIO

from banyan import gm
from banyan.domain.audit.errors import CheckpointInvalid
from banyan.kernel.errors import N_
from banyan.kernel.home import Home

# What the signer's checkpoint key signs always begins with this, so it can sign nothing else.
PREFIX = b"banyan audit checkpoint v1\n"
# payload → (DER signature, 65-byte public key)
Sign = Callable[[bytes], tuple[bytes, bytes]]


@dataclass(frozen=True)
class Checkpoint:
    """One line. ``kind`` is ``checkpoint``, or ``epoch`` for a legitimate restore agreed by two people."""

    kind: str
    sequence: int
    epoch: int
    chain: str
    at: str
    # of an epoch: first sequence of the new epoch, the two people, the reason, checkpoints that no longer
    # hold
    starts_at: int = 0
    people: tuple[str, ...] = ()
    reason: str = ""
    disowned: frozenset[tuple[int, int]] = field(default_factory=frozenset)


def file_of(home: Home) -> Path:
    """The checkpoint file of an installation."""
    return home.audit / "checkpoints.jsonl"


def append(home: Home, checkpoint: Checkpoint, sign: Sign) -> None:
    """Sign a line and add it, on disk before this returns. Raises CheckpointInvalid when the key is not the
    pinned one.
    """
    path = file_of(home)
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o600)
    with os.fdopen(descriptor, "r+b") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        lines = file.read().splitlines()
        body = _body(checkpoint) | {"previous": gm.sm3(lines[-1]).hex() if lines else ""}
        signature, public_key = sign(PREFIX + _json(body))
        _pin(home, public_key, len(lines) + 1)
        _add(file, _json(body | {"signature": signature.hex()}) + b"\n")


def _add(file: BinaryIO, line: bytes) -> None:
    """A line is there as a whole or, on a full disk, not at all."""
    end = file.seek(0, os.SEEK_END)
    try:
        file.write(line)
        file.flush()
        os.fsync(file.fileno())
    except OSError:
        os.ftruncate(file.fileno(), end)
        raise


def read(home: Home) -> list[Checkpoint]:
    """All lines, signatures and order checked. Raises CheckpointInvalid naming the first bad line."""
    path = file_of(home)
    # A disk full at the first line leaves the file empty and no key pinned: that is no checkpoint yet.
    lines = path.read_bytes().splitlines() if path.exists() else []
    return list(_checked(lines, _pinned(home))) if lines else []


def _checked(lines: list[bytes], public_key: bytes) -> Iterator[Checkpoint]:
    items: list[tuple[bytes, bytes, bytes]] = []
    found: list[Checkpoint] = []
    previous = ""
    for number, line in enumerate(lines, 1):
        try:
            body = json.loads(line)
            signature = bytes.fromhex(body.pop("signature"))
            checkpoint = _parsed(body)
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise CheckpointInvalid(line=number, reason=N_("无法读取")) from error
        if body.get("previous") != previous:
            raise CheckpointInvalid(line=number, reason=N_("与上一行不衔接，有行被删除或改动"))
        previous = gm.sm3(line).hex()
        items.append((public_key, PREFIX + _json(body), signature))
        found.append(checkpoint)
    for number, is_good in enumerate(gm.sm2.verify_many(items), 1):
        if not is_good:
            raise CheckpointInvalid(line=number, reason=N_("签名不正确"))
    yield from found


def _body(checkpoint: Checkpoint) -> dict[str, Any]:
    body: dict[str, Any] = {
        "kind": checkpoint.kind,
        "sequence": checkpoint.sequence,
        "epoch": checkpoint.epoch,
        "chain": checkpoint.chain,
        "at": checkpoint.at,
    }
    if checkpoint.kind == "epoch":
        body |= {
            "starts_at": checkpoint.starts_at,
            "people": list(checkpoint.people),
            "reason": checkpoint.reason,
            "disowned": sorted(list(item) for item in checkpoint.disowned),
        }
    return body


def _parsed(body: dict[str, Any]) -> Checkpoint:
    return Checkpoint(
        kind=body["kind"],
        sequence=int(body["sequence"]),
        epoch=int(body["epoch"]),
        chain=body["chain"],
        at=datetime.fromisoformat(body["at"]).isoformat(),
        starts_at=int(body.get("starts_at", 0)),
        people=tuple(body.get("people", ())),
        reason=body.get("reason", ""),
        disowned=frozenset((int(epoch), int(sequence)) for epoch, sequence in body.get("disowned", ())),
    )


def _json(value: dict[str, Any]) -> bytes:
    return json.dumps(value, ensure_ascii=False, sort_keys=True, separators=(",", ":")).encode()


def _key_file(home: Home) -> Path:
    return home.keys / "checkpoint.pub"


def _pin(home: Home, public_key: bytes, line: int) -> None:
    path = _key_file(home)
    if path.exists():
        if _pinned(home) != public_key:
            raise CheckpointInvalid(line=line, reason=N_("签名密钥不是登记的检查点密钥"))
        return
    if line > 1:
        raise CheckpointInvalid(line=line, reason=N_("登记的检查点公钥丢失"))
    path.write_text(public_key.hex() + "\n")
    path.chmod(0o600)


def _pinned(home: Home) -> bytes:
    try:
        return bytes.fromhex(_key_file(home).read_text())
    except (FileNotFoundError, ValueError) as error:
        raise CheckpointInvalid(line=1, reason=N_("登记的检查点公钥丢失")) from error
