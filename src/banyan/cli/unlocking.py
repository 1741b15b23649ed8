"""Unlocking a token (解锁): its question, the platform's sealed answer, a PIN that the holder chooses."""

import base64
import binascii
import json
from pathlib import Path

import click

from banyan.cli import shown, stepping
from banyan.cli.desk import Desk, typed
from banyan.cli.messages import translate
from banyan.cli.pin_input import secret
from banyan.domain.inventory.rules import token_serial
from banyan.domain.inventory.sealed_tasks import Begun
from banyan.domain.ra import actions as ra
from banyan.domain.ra.values import Outcome
from banyan.kernel import clock
from banyan.kernel.actor import Actor
from banyan.kernel.errors import N_, BanyanError
from banyan.kernel.home import Home
from banyan_token import make_response


class QuestionMalformed(BanyanError):
    """What was typed is no token's question."""

    code = "cli.question_malformed"
    message = N_("解锁问询不完整。请从问询的那台机器重新复制全部内容。")


def unlock_here(home: Home, actor: Actor, serial: str, number: str, new_pin: Path | None, as_json: bool) -> None:
    """The whole unlocking at one place."""
    request = stepping.find(actor, number)
    with Desk(home) as desk:
        token = desk.token(token_serial(serial))
        asked = desk.agent.begin(token, request.number, to_unblock=True)
        sealed = ra.unlock_by_agent(
            actor, request.pk, desk.begun(token, asked), asked.unblock_request, clock.now(), respond=make_response
        )
        with desk.answering(typed(str, lambda: _chosen(new_pin), by_hand=new_pin is None)):
            desk.agent.unblock(token, sealed)
    ra.unlocked(actor, request.pk, clock.now())
    stepping.tell(actor, [request], Outcome(), as_json)


def unlock_from_afar(home: Home, serial: str, number: str, new_pin: Path | None) -> None:
    """At the token: show its question, wait for the answer that is given elsewhere."""
    with Desk(home) as desk:
        token = desk.token(token_serial(serial))
        asked = desk.agent.begin(token, number, to_unblock=True)
        click.echo(_question(desk.begun(token, asked), asked.unblock_request))
        sealed: str = click.prompt(translate(N_("平台的应答")), type=str, err=True)
        with desk.answering(typed(str, lambda: _chosen(new_pin), by_hand=new_pin is None)):
            desk.agent.unblock(token, "".join(sealed.split()))
    shown.say(
        N_("介质 {token} 已解锁。请登记解锁完成：banyan request unlocked {number}"), token=token.serial, number=number
    )


def answer(actor: Actor, number: str, question: str, as_json: bool) -> None:
    """Show the sealed answer to a question from afar; only against this approved request and for its token."""
    request = stepping.find(actor, number)
    begun, challenge = _read(question)
    sealed = ra.unlock_by_agent(actor, request.pk, begun, challenge, clock.now(), respond=make_response)
    shown.show_card({"number": request.number, "token": request.token_serial, "answer": sealed}, as_json=as_json)


def _chosen(place: Path | None) -> str:
    return secret(place, translate(N_("新口令")), twice=True)


def _question(begun: Begun, challenge: str) -> str:
    told = [begun.agent, begun.origin, begun.profile, begun.nonce.hex(), challenge]
    return base64.urlsafe_b64encode(json.dumps(told).encode()).decode()


def _read(text: str) -> tuple[Begun, str]:
    try:
        told = json.loads(base64.urlsafe_b64decode("".join(text.split())))
        agent, origin, profile, nonce, challenge = (str(one) for one in told)
        return Begun(agent, origin, profile, bytes.fromhex(nonce)), challenge
    except (ValueError, TypeError, binascii.Error):
        raise QuestionMalformed from None
