"""The log-in by certificate at the terminal: a challenge is written to a file, the token's answer is read from another.

The token that stands for a browser elsewhere lies beside the session file, readable by its owner alone.
"""

import base64
import binascii
import json
import os
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from banyan.cli.session import session_file
from banyan.cli.shown import announce
from banyan.kernel import clock
from banyan.kernel.errors import N_, BanyanError
from banyan.kernel.home import Home

if TYPE_CHECKING:
    from banyan.domain.iam.actions import NewSession

_CHANNEL = "cli"


class ChallengeUnasked(BanyanError):
    """An answer without a challenge that was written before."""

    code = "cli.challenge_unasked"
    message = N_("没有等待签名的登录。请先用 --challenge-out 取得要签名的数据。")


class PlaceNeeded(BanyanError):
    """There is nowhere to write the challenge to."""

    code = "cli.challenge_place_needed"
    message = N_(
        "登录要用证书。请用 --token 指明插在这里的介质；介质在别处的，用 --challenge-out 文件取得要签名的数据。"
    )


class AnswerUnreadable(BanyanError):
    """The file is no answer of a token agent."""

    code = "cli.answer_unreadable"
    message = N_(
        "文件 {file} 读不懂。它应是介质助手对 sign（kind 为 login）的答复：JSON，含 signature 和 signing_certificate。"
    )


def ask(home: Home, place: Path | None, credential_id: int | None) -> None:
    """Write a challenge for the token to sign. Raises PlaceNeeded, iam PasswordComesFirst."""
    if place is None:
        raise PlaceNeeded
    from django.conf import settings

    from banyan.domain.iam.challenges import open_challenge

    origin = settings.BANYAN.origin
    given = open_challenge(origin=origin, browser="", channel=_CHANNEL, now=clock.now(), credential_id=credential_id)
    challenge = base64.b64encode(given.challenge).decode()
    _keep({"home": str(home.path.resolve()), "challenge": challenge, "browser": given.browser})
    told = {"kind": "login", "origin": origin, "challenge": challenge, "expires_at": given.expires_at.isoformat()}
    place.write_text(json.dumps(told), encoding="utf-8")
    announce(
        N_("两分钟内让介质助手为来源 {origin} 签名 {file} 里的 challenge，再运行 banyan login --answer 答复文件。"),
        origin=origin,
        file=place,
    )


def give(home: Home, file: Path) -> "NewSession":
    """Log in with the token's answer. Raises ChallengeUnasked, AnswerUnreadable, and what refuses the log-in."""
    from django.conf import settings

    from banyan.domain.ca.standing import PlatformCertificates
    from banyan.domain.iam.certificate_login import Answer, log_in_by_certificate
    from banyan.domain.iam.sources import TERMINAL

    kept = _kept(home)
    signature, certificate = _read(file)
    answer = Answer(base64.b64decode(kept["challenge"]), signature, certificate, kept["browser"])
    _place().unlink(missing_ok=True)
    return log_in_by_certificate(
        answer=answer,
        origin=settings.BANYAN.origin,
        certificates=PlatformCertificates(),
        now=clock.now(),
        source=TERMINAL,
    )


def _place() -> Path:
    beside = session_file()
    return beside.with_name(f"{beside.name}.challenge")


def _keep(values: dict[str, str]) -> None:
    path = _place()
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    descriptor, name = tempfile.mkstemp(dir=path.parent, prefix=".challenge-")  # made 0600
    with os.fdopen(descriptor, "w") as file:
        json.dump(values, file)
    Path(name).replace(path)


def _kept(home: Home) -> dict[str, str]:
    try:
        values = json.loads(_place().read_text())
        kept = {name: str(values[name]) for name in ("home", "challenge", "browser")}
    except (FileNotFoundError, ValueError, KeyError, TypeError) as error:
        raise ChallengeUnasked from error
    if kept["home"] != str(home.path.resolve()):
        raise ChallengeUnasked
    return kept


def _read(file: Path) -> tuple[bytes, bytes]:
    try:
        told = json.loads(file.read_bytes())
        told = told.get("result", told)
        fields = [base64.b64decode(told[name], validate=True) for name in ("signature", "signing_certificate")]
    except (ValueError, KeyError, TypeError, AttributeError, binascii.Error) as error:
        raise AnswerUnreadable(file=str(file)) from error
    return fields[0], fields[1]
