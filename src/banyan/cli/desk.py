"""The user's side of the counter on this machine: soft tokens that are "plugged in", and a token agent in front of them.

The server knows nothing of this place: what the command line writes into a token it writes through the agent, by the messages
that pages use (docs/token-agent.md).
"""

import contextlib
import os
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property
from pathlib import Path
from typing import Self

from banyan.adapters import agent_tasks
from banyan.domain.inventory.errors import InitialPinUnknown
from banyan.domain.inventory.sealed_tasks import Begun
from banyan.domain.ra import actions as ra
from banyan.domain.ra.models import ServiceRequest
from banyan.kernel.actor import Actor
from banyan.kernel.errors import N_, BanyanError
from banyan.kernel.home import Home
from banyan_token.agent import AgentClient, Answers, LocalAgent, PluggedToken
from banyan_token.agent import Begun as AtAgent
from banyan_token.drawer import TokenDrawer

ORIGIN = "banyan://command-line"
_ENVIRONMENT = ("BANYAN_SKF_ROOT", "BANYAN_SKF_MACHINE_SECRET")


class TokenNotHere(BanyanError):
    """The token is not plugged in here."""

    code = "cli.token_not_here"
    message = N_("介质 {token} 没有插在这台机器上。请插入它，或用 --csr 给出它生成的证书申请。")


@dataclass(frozen=True)
class Place:
    """Where it all lies: beside the installation, never inside it."""

    path: Path

    @classmethod
    def of(cls, home: Home) -> "Place":
        """The place of an installation's machine; what version 0.1 kept inside the installation is moved there."""
        place = cls(home.path.with_name(f"{home.path.name}.desk"))
        place.path.mkdir(mode=0o700, parents=True, exist_ok=True)
        _move_out(home, place)
        return place

    @property
    def tokens(self) -> Path:
        return self.path / "tokens"

    @property
    def secret(self) -> Path:
        return self.path / "tokens.secret"

    @property
    def agent(self) -> Path:
        return self.path / "agent"


def drawer(home: Home) -> TokenDrawer:
    """The soft tokens of this machine."""
    place = Place.of(home)
    place.tokens.mkdir(mode=0o700, exist_ok=True)
    return TokenDrawer(place.tokens, machine_secret_path=place.secret)


def _move_out(home: Home, place: Place) -> None:
    """The secret first: devices without it could not be opened, should this be cut off."""
    tokens, secret = home.path / "tokens", home.keys / "token.secret"
    if not tokens.is_dir() or place.tokens.exists():
        return
    if secret.exists() and not place.secret.exists():
        draft = place.secret.with_suffix(".draft")
        shutil.copy2(secret, draft)
        os.replace(draft, place.secret)
    tokens.rename(place.tokens)
    secret.unlink(missing_ok=True)


@dataclass
class Desk:
    """One visit to the machine: its agent is started at first need and ended with the visit."""

    home: Home
    _stack: contextlib.ExitStack = field(default_factory=contextlib.ExitStack, repr=False)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        self._stack.close()

    @cached_property
    def _local(self) -> LocalAgent:
        place = Place.of(self.home)
        place.tokens.mkdir(mode=0o700, exist_ok=True)
        environment = dict(zip(_ENVIRONMENT, (str(place.tokens), str(place.secret)), strict=True))
        keys = [agent_tasks.task_key(self.home)] if agent_tasks.answers(self.home) else []
        return self._stack.enter_context(
            LocalAgent(place.agent, origin=ORIGIN, task_keys=keys, environment=environment)
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
        return Begun(self.agent.key_id, ORIGIN, token.profile, at_agent.nonce)

    def sealed_pins(self, actor: Actor, request: ServiceRequest, token: PluggedToken, now: datetime) -> str:
        """The platform's PINs for this request's step; empty when the holder has to type theirs."""
        begun = self.begun(token, self.agent.begin(token, request.number))
        sign = agent_tasks.signing(self.home)
        try:
            return ra.seal_pins(actor, request.pk, token.serial, begun, now, sign=sign)
        except InitialPinUnknown:
            return ""


def typed(pin: Callable[[], str], new_pin: Callable[[], str] | None = None) -> Answers:
    """Answers of somebody who names the PIN once: after a wrong one the window is closed, so that no try is lost."""
    return Answers(pin=lambda _text: pin(), new_pin=lambda _text: new_pin() if new_pin else None)
