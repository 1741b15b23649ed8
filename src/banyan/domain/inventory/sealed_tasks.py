"""Tasks sealed for a token agent: what only this agent can read and only for this token and task (docs/token-agent.md)."""

import base64
import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from django.conf import settings

from banyan import gm, sealing
from banyan.pki.public_key import parse_spki

PREFIX: Final = b"banyan-task-v1\0"
_GOOD_FOR = timedelta(minutes=10)


@dataclass(frozen=True)
class Begun:
    """What a token agent gave when a task was begun at it, and the page (origin) it was begun from."""

    agent: str
    origin: str
    profile: str
    nonce: bytes


def body(begun: Begun, *, serial: str, task: str, allows: Sequence[str], now: datetime, **secrets: str) -> str:
    """The task as text; ``secrets`` are PINs or an unblock answer, ``allows`` the messages that may use them."""
    told: dict[str, Any] = {
        "v": 1, "agent": begun.agent, "origin": begun.origin, "profile": begun.profile, "serial": serial, "task": task,
        "nonce": _base64(begun.nonce), "not_after": int((now + _GOOD_FOR).timestamp()), "allows": list(allows),
    }  # fmt: skip
    return json.dumps(told | secrets, ensure_ascii=False)


def seal(text: str, public_key: bytes) -> str:
    """Signed by the platform, then encrypted to the agent's key (SubjectPublicKeyInfo); base64."""
    key = sealing.keyring(settings.HOME).tasks
    signed = {"body": text, "signature": _base64(key.sign(PREFIX + text.encode()))}
    raw = gm.sm2.encrypt(parse_spki(public_key).key, json.dumps(signed, ensure_ascii=False).encode())
    return _base64(gm.sm2.ciphertext_to_der(raw))


def _base64(data: bytes) -> str:
    return base64.b64encode(data).decode()


def task_key() -> bytes:
    """The key by which agents know our tasks (SubjectPublicKeyInfo)."""
    return sealing.keyring(settings.HOME).tasks.public_key
