"""The log-in with a token that is plugged in here: challenge, signature through the token agent, session."""

from pathlib import Path

from django.conf import settings

from banyan.cli.desk import Desk, typed
from banyan.cli.pin_input import pin_of
from banyan.domain.ca.standing import PlatformCertificates
from banyan.domain.iam.actions import NewSession
from banyan.domain.iam.certificate_login import Answer, log_in_by_certificate
from banyan.domain.iam.challenges import open_challenge
from banyan.domain.iam.sources import TERMINAL
from banyan.domain.inventory.rules import token_serial
from banyan.kernel import clock
from banyan.kernel.errors import N_, BanyanError
from banyan.kernel.home import Home
from banyan.pki.certificate import Certificate
from banyan_token.agent import Container, PluggedToken

_CHANNEL = "cli"


class NoCertificateInToken(BanyanError):
    """The token holds no whole pair."""

    code = "cli.no_certificate_in_token"
    message = N_("介质 {token} 里没有写完的证书，不能登录。请换一枚介质，或先完成制证。")


def log_in(
    home: Home, serial: str, credential_id: int | None, pin_file: Path | None, letters: Path | None
) -> NewSession:
    """Log in with the newest certificate of the token. Raises TokenNotHere, NoCertificateInToken, iam PasswordComesFirst,
    and what the agent or the platform refuses.
    """
    number, origin = token_serial(serial), settings.BANYAN.origin
    with Desk(home, origin) as desk:
        token = desk.token(number)
        container = _newest(token)
        given = open_challenge(
            origin=origin, browser="", channel=_CHANNEL, now=clock.now(), credential_id=credential_id
        )
        by_hand = pin_file is None and letters is None
        with desk.answering(typed(lambda: pin_of(number, pin_file, letters), by_hand=by_hand)):
            signature, certificate = desk.agent.sign_login(token, container.name, given.challenge)
    return log_in_by_certificate(
        answer=Answer(given.challenge, signature, certificate, given.browser),
        origin=origin,
        certificates=PlatformCertificates(),
        now=clock.now(),
        source=TERMINAL,
    )


def _newest(token: PluggedToken) -> Container:
    whole = [one for one in token.containers if one.state == "whole"]
    if not whole:
        raise NoCertificateInToken(token=token.serial)
    return max(whole, key=lambda one: Certificate.parse(one.signing_certificate or b"").not_before)
