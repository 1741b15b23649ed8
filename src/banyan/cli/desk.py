"""The user's side of the counter on this machine: soft tokens that are "plugged in", and a token agent in front of them.

The server knows nothing of this place: what the command line writes into a token it writes through the agent, by the messages
that pages use (docs/token-agent.md).
"""

import contextlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property
from typing import Self

import click

from banyan.cli.soft_tokens import Place
from banyan.domain.inventory.errors import InitialPinUnknown
from banyan.domain.inventory.sealed_tasks import Begun, task_key
from banyan.domain.ra import actions as ra
from banyan.domain.ra.models import ServiceRequest
from banyan.kernel.actor import Actor
from banyan.kernel.errors import N_, BanyanError
from banyan.kernel.home import Home
from banyan_token.agent import AgentClient, Answers, LocalAgent, PluggedToken
from banyan_token.agent import Begun as AtAgent
from banyan_token.errors import AgentCancelled, PinIncorrect, PinLastTry, PinRefused

ORIGIN = "banyan://command-line"


class TokenNotHere(BanyanError):
    """The token is not plugged in here."""

    code = "cli.token_not_here"
    message = N_("介质 {token} 没有插在这台机器上。请插入它再试；签发时也可以用 --csr 给出它生成的证书申请。")


@dataclass
class Desk:
    """One visit to the machine: its agent is started at first need and ended with the visit.

    ``origin`` is for whom the token signs: the command line, or the site where somebody logs in.
    """

    home: Home
    origin: str = ORIGIN
    _stack: contextlib.ExitStack = field(default_factory=contextlib.ExitStack, repr=False)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        self._stack.close()

    @cached_property
    def _local(self) -> LocalAgent:
        place = Place.of(self.home)
        place.tokens.mkdir(mode=0o700, exist_ok=True)
        return self._stack.enter_context(
            LocalAgent(
                place.agent,
                origin=self.origin,
                task_keys=[task_key()],
                environment=place.environment,
                profiles=place.profiles,
            )
        )

    @cached_property
    def agent(self) -> AgentClient:
        """A session with the agent. Raises AgentGone."""
        return self._stack.enter_context(self._local.client())

    @contextlib.contextmanager
    def answering(self, answers: Answers) -> Iterator[None]:
        """Meanwhile this is what the person does in the agent's window."""
        window = self._local.window
        before, window.answers = window.answers, answers
        try:
            yield
        except AgentCancelled as error:
            if not answers.refused:
                raise
            left = error.fields["left"]
            if left is None:
                raise PinRefused(said=answers.refused) from None
            raise (PinIncorrect if left > 1 else PinLastTry)(left=left) from None
        finally:
            window.answers = before

    def tokens(self) -> dict[str, PluggedToken]:
        """What is plugged in, by serial."""
        return {one.serial: one for one in self.agent.tokens()}

    def token(self, serial: str) -> PluggedToken:
        """The token of this serial. Raises TokenNotHere."""
        found = self.tokens().get(serial)
        if found is None:
            raise TokenNotHere(token=serial)
        return found

    def begun(self, token: PluggedToken, at_agent: AtAgent) -> Begun:
        """What the platform has to know of a begun task."""
        return Begun(self.agent.key_id, self.origin, token.profile, at_agent.nonce)

    def sealed_pins(self, actor: Actor, request: ServiceRequest, token: PluggedToken, now: datetime) -> str:
        """The platform's PINs for this request's step; empty when the holder has to type theirs."""
        begun = self.begun(token, self.agent.begin(token, request.number))
        try:
            return ra.seal_pins(actor, request.pk, token.serial, begun, now)
        except InitialPinUnknown:
            return ""


def typed(pin: Callable[[], str], new_pin: Callable[[], str] | None = None, *, by_hand: bool = False) -> Answers:
    """Answers with the PINs that somebody names; ``by_hand``: they sit there, and may be asked again after a wrong one."""

    def asked(source: Callable[[], str] | None) -> Callable[[str], str | None]:
        def ask(text: str) -> str | None:
            if by_hand:
                click.echo(text, err=True)
            return source() if source else None

        return ask

    return Answers(pin=asked(pin), new_pin=asked(new_pin), asks_again=by_hand)
