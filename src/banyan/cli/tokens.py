"""What stands behind ``banyan token``: the platform's record of a token, and the device when it is plugged in here."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from banyan.cli import shown, stepping, views
from banyan.cli.issuing import plugged_in
from banyan.cli.messages import translate
from banyan.cli.personalizing import drawer, make_tokens
from banyan.cli.pin_input import first_line, pin_of, ready, secret, write_letter
from banyan.config.settings import load
from banyan.domain.inventory import access, actions
from banyan.domain.inventory.errors import InventoryError
from banyan.domain.inventory.rules import token_serial
from banyan.domain.parties import access as parties
from banyan.domain.ra import actions as ra
from banyan.domain.ra.values import Outcome
from banyan.domain.systems import rules as system_rules
from banyan.domain.systems.errors import SoftTokenRefused
from banyan.kernel import clock
from banyan.kernel.actor import Actor
from banyan.kernel.errors import N_
from banyan.kernel.home import Home
from banyan_token import make_response, random_pin
from banyan_token.errors import TokenExists

_MADE = ("token", "user_pin", "file")


def make(
    home: Home,
    actor: Actor,
    serials: Sequence[str],
    region: str,
    letters: Path | None,
    iterations: int | None,
    as_json: bool,
) -> None:
    """Make soft tokens. Raises SoftTokenRefused where the installation allows none."""
    if not load().soft_tokens:
        raise SoftTokenRefused
    code = parties.region_tree().read(region).code
    named = [token_serial(serial) for serial in serials]
    for serial in named:
        if drawer(home).has(serial):
            raise TokenExists(serial=serial)
    if letters is not None:
        ready(letters)  # before any token: its PIN must have a place to go
    rows = []
    for made in make_tokens(home, actor, named, code, clock.now(), iterations=iterations):
        if letters is not None:
            rows.append({"token": made.serial, "file": str(write_letter(letters, made.serial, made.user_pin))})
        else:
            rows.append({"token": made.serial, "user_pin": made.user_pin})
    shown.show_rows(rows, _MADE, as_json=as_json)


def take_into_stock(actor: Actor, serials: Sequence[str], medium: str, region: str, batch: str, as_json: bool) -> None:
    """Put tokens made elsewhere on record. Raises what refuses the first one."""
    code = parties.region_tree().read(region).code
    kind = system_rules.medium_kind(medium)
    entries = [actions.TokenEntry(serial) for serial in serials]
    found = actions.receive_tokens(
        actor, entries, medium=kind.value if kind else medium, region_code=code, batch=batch, now=clock.now()
    )
    for outcome in found:
        if isinstance(outcome, InventoryError):
            raise outcome
    _show(actor, [token_serial(serial) for serial in serials], as_json)


def list_all(home: Home, actor: Actor, state: str, limit: int, as_json: bool) -> None:
    """Tokens in sight, newest first."""
    found = access.tokens(actor).select_related("medium")
    if state:
        found = found.filter(state=state)
    box = drawer(home)
    rows = []
    for one in found.order_by("-pk")[:limit]:
        if not box.has(one.serial):
            rows.append(views.token_view(one))
            continue
        with box.open(one.serial) as device:
            rows.append(views.token_view(one, device))
    shown.show_rows(rows, views.TOKEN_COLUMNS, as_json=as_json)


def show_one(home: Home, actor: Actor, serial: str, as_json: bool) -> None:
    """One token and its containers."""
    found = access.token_by_serial(actor, serial)
    if not drawer(home).has(found.serial):
        shown.show_card(views.token_view(found), as_json=as_json)
        return
    with plugged_in(home, found.serial) as device:
        containers = views.containers_view(device)
        view = views.token_view(found, device) | {"in_containers": containers}
    shown.show_card(view, as_json=as_json)
    if not as_json and containers:
        shown.heading(N_("容器"))
        shown.show_rows(containers, ("container", "signing", "encryption"), as_json=False)


def change(home: Home, serial: str, pin_file: Path | None, letters: Path | None, new_pin_file: Path | None) -> None:
    """Replace a device's PIN."""
    number = token_serial(serial)
    with plugged_in(home, number) as device:
        old = pin_of(number, pin_file, letters)
        new = secret(new_pin_file, translate(N_("新口令")), twice=True)
        device.change_pin(old, new)
    shown.say(N_("介质 {token} 的口令已更换。"), token=number)


def ask(home: Home, serial: str, as_json: bool) -> None:
    """Show a device's challenge."""
    number = token_serial(serial)
    with plugged_in(home, number) as device:
        shown.show_card({"token": number, "challenge": device.unlock_challenge()}, as_json=as_json)


def give(home: Home, serial: str, response: str, as_json: bool) -> None:
    """Have a device take an answer."""
    number = token_serial(serial)
    with plugged_in(home, number) as device:
        device.answer_challenge(response)
        state = device.info().state
        shown.show_card(
            {"token": number, "device_state": state, "device_state_name": views.device_state_name(state)},
            as_json=as_json,
        )


def unlock_here(home: Home, actor: Actor, serial: str, number: str, new_pin_file: Path | None, as_json: bool) -> None:
    """The whole unlocking at one place."""
    request = stepping.find(actor, number)
    pin = first_line(new_pin_file) if new_pin_file else random_pin()
    with plugged_in(home, token_serial(serial)) as device:
        answer = ra.unlock(
            actor, request.pk, clock.now(), challenge=device.unlock_challenge(), new_pin=pin, respond=make_response
        )
        device.answer_challenge(answer)
    ra.unlocked(actor, request.pk, clock.now())
    if new_pin_file is None:
        shown.show_card({"token": token_serial(serial), "new_pin": pin}, as_json=as_json)
    else:
        stepping.tell(actor, [request], Outcome(), as_json)


def move(actor: Actor, verb: str, serials: Sequence[str], said: Mapping[str, str], as_json: bool) -> None:
    """Put tokens through a transition of their life, all or none."""
    found = [access.token_by_serial(actor, serial) for serial in serials]
    getattr(actions, verb)(actor, [one.pk for one in found], now=clock.now(), **said)
    _show(actor, [one.serial for one in found], as_json)


def _show(actor: Actor, serials: Sequence[str], as_json: bool) -> None:
    rows = [views.token_view(access.token_by_serial(actor, serial)) for serial in serials]
    shown.show_rows(rows, views.TOKEN_COLUMNS, as_json=as_json)
