"""``banyan token``: tokens in stock and in hands, and the soft ones plugged in here.

What the platform keeps of a token needs a logged-in person. What a holder does at the device needs its PIN only.
"""

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from banyan.cli.pin_input import pin_options
from banyan.cli.shown import json_option
from banyan.kernel import clock

if TYPE_CHECKING:
    from banyan.kernel.actor import Actor
    from banyan.kernel.home import Home

_SERIALS = click.argument("serials", nargs=-1, required=True)
_SECRET = click.Path(path_type=Path, dir_okay=False, allow_dash=True)
STATES = (
    "IN_STOCK", "ASSIGNED", "PERSONALIZING", "PERSONALIZED", "IN_TRANSIT", "HANDED_OVER", "LOCKED", "RETURNED", "LOST",
    "DAMAGED", "DESTROYED",
)  # fmt: skip


@click.group()
def token() -> None:
    """Tokens: make, list, PIN, unlock, and what becomes of them."""


def _start() -> "tuple[Home, Actor]":
    from banyan.cli.context import django_setup
    from banyan.cli.session import current_actor

    home = django_setup()
    return home, current_actor(home, clock.now())


@token.command()
@_SERIALS
@click.option("--region", required=True, help="Where it belongs, by name or GB/T 2260 code.")
@click.option(
    "--pin-letters",
    type=click.Path(file_okay=False, path_type=Path),
    help="Write each initial PIN into a file SERIAL.txt here (0600) instead of showing it.",
)
@click.option("--iterations", type=click.IntRange(10_000), hidden=True, help="Key derivation (trials).")
@json_option
def new(serials: tuple[str, ...], region: str, pin_letters: Path | None, iterations: int | None, as_json: bool) -> None:
    """Make soft tokens and take them into stock (right tokens.manage); trials and sample installations only.

    The initial PIN is told once, here; the holder must change it at first use.
    """
    home, actor = _start()
    from banyan.cli.tokens import make

    make(home, actor, serials, region, pin_letters, iterations, as_json)


@token.command()
@_SERIALS
@click.option("--medium", required=True, help="Kind of token, such as USB_KEY or SERVER_HSM.")
@click.option("--region", required=True, help="Where it belongs, by name or GB/T 2260 code.")
@click.option("--batch", default="", help="The delivery it came with.")
@json_option
def register(serials: tuple[str, ...], medium: str, region: str, batch: str, as_json: bool) -> None:
    """Take tokens made elsewhere into stock (right tokens.manage)."""
    _, actor = _start()
    from banyan.cli.tokens import take_into_stock

    take_into_stock(actor, serials, medium, region, batch, as_json)


@token.command("list")
@click.option("--state", type=click.Choice(STATES), help="Only in this state.")
@click.option("--limit", type=click.IntRange(1, 10_000), default=50, show_default=True)
@json_option
def list_tokens(state: str | None, limit: int, as_json: bool) -> None:
    """Tokens on record, newest first (right tokens.read)."""
    home, actor = _start()
    from banyan.cli.tokens import list_all

    list_all(home, actor, state or "", limit, as_json)


@token.command()
@click.argument("serial")
@json_option
def show(serial: str, as_json: bool) -> None:
    """A token: its state, and what lies in it when it is plugged in here."""
    home, actor = _start()
    from banyan.cli.tokens import show_one

    show_one(home, actor, serial, as_json)


@token.command("change-pin")
@click.argument("serial")
@pin_options
@click.option("--new-pin-file", type=_SECRET, help="File whose first line is the new PIN (default: asked for).")
def change_pin(serial: str, pin_file: Path | None, pin_letters: Path | None, new_pin_file: Path | None) -> None:
    """The holder's own doing at the device: replace the PIN."""
    from banyan.cli.context import django_setup

    home = django_setup()
    from banyan.cli.tokens import change

    change(home, serial, pin_file, pin_letters, new_pin_file)


@token.command()
@click.argument("serial")
@click.option("--request", "number", required=True, help="The approved unlock request.")
@click.option(
    "--far", is_flag=True, help="Whoever is logged in sits elsewhere: show the question, wait for the answer."
)
@click.option("--new-pin-file", type=_SECRET, help="File whose first line is the new PIN (default: asked for).")
@json_option
def unlock(serial: str, number: str, far: bool, new_pin_file: Path | None, as_json: bool) -> None:
    """Unlock a token that is plugged in here: question, answer against the approved request, done note.

    With --far, `banyan request unlock` gives the answer elsewhere, within ten minutes; this command waits for it.
    """
    if far:
        from banyan.cli.context import django_setup

        home = django_setup()
        from banyan.cli.unlocking import unlock_from_afar

        unlock_from_afar(home, serial, number, new_pin_file)
        return
    home, actor = _start()
    from banyan.cli.unlocking import unlock_here

    unlock_here(home, actor, serial, number, new_pin_file, as_json)


@token.command("plugged-in")
@json_option
def plugged_in(as_json: bool) -> None:
    """Every token that is plugged in here, of any vendor, on record or not. No log-in, no PIN."""
    from banyan.cli.context import django_setup

    home = django_setup()
    from banyan.cli.tokens import list_plugged_in

    list_plugged_in(home, as_json)


@token.command("agent-settings")
@click.argument("place", type=click.Path(file_okay=False, path_type=Path))
@click.option(
    "--origin", "origins", multiple=True, required=True, help="Page that may ask, such as https://ra.example.cn."
)
def agent_settings(place: Path, origins: tuple[str, ...]) -> None:
    """Write the settings of the token agent of a user's machine: its pages, the platform's task key, vendors' profiles."""
    from banyan.cli.context import django_setup

    home = django_setup()
    from banyan.cli.tokens import write_agent_settings

    write_agent_settings(home, place, origins)


@token.command()
def agent() -> None:
    """Run the token agent of this machine for this installation's own pages, with the soft tokens here (trials).

    The PIN is asked by the desktop's pinentry program. Ctrl-C ends it.
    """
    from banyan.cli.context import django_setup

    home = django_setup()
    from banyan.cli.tokens import run_agent

    run_agent(home)


@token.command("register-agent")
@click.option("--region", required=True, help="Where the machine stands, by name or GB/T 2260 code.")
@click.option("--name", default="", help="What people call the machine (default: its host name).")
@json_option
def register_agent(region: str, name: str, as_json: bool) -> None:
    """Put this machine's token agent on the list (right tokens.register_agents): PINs of new tokens may be sealed to it."""
    home, actor = _start()
    import platform

    from banyan.cli.tokens import put_agent_on_list

    put_agent_on_list(home, actor, region, name or platform.node(), as_json)


@token.command()
@json_option
def agents(as_json: bool) -> None:
    """The token agents on the list (right tokens.read or tokens.register_agents)."""
    _, actor = _start()
    from banyan.cli.tokens import list_agents

    list_agents(actor, as_json)


@token.command("end-agent")
@click.argument("agent")
@click.option("--reason", required=True, help="For the record.")
def end_agent(agent: str, reason: str) -> None:
    """Take a token agent off the list (right tokens.register_agents): nothing is sealed to it any more."""
    _, actor = _start()
    from banyan.cli.tokens import take_agent_off_list

    take_agent_off_list(actor, agent, reason)


@token.command()
@click.argument("library", metavar="LIB", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option(
    "--device", help="Device to work in, by its name in the library (default: one made for it; our library only)."
)
@click.option("--auth-key", help="The device key, 32 hexadecimal digits; needed with --device.")
@click.option(
    "--application", default="BYT-CONFORMANCE", show_default=True, help="Made for the run and deleted after it."
)
@json_option
def conformance(library: Path, device: str | None, auth_key: str | None, application: str, as_json: bool) -> None:
    """Drive an SKF library through the functions of GM/T 0016; exit code 3 when it does not conform."""
    try:
        key = bytes.fromhex(auth_key or "")
    except ValueError:
        key = b""
    if (device is None) != (auth_key is None) or len(key) not in ((16,) if device else (0,)):
        raise click.UsageError("--device and --auth-key (32 hexadecimal digits) go together.")
    from banyan.cli.conformance import run

    run(library, device, key or None, application, as_json)


def _life(name: str, verb: str, text: str, *, takes: str, is_needed: bool = False) -> None:
    """A command that puts tokens through one transition of their life."""

    def command(serials: tuple[str, ...], as_json: bool, **said: str) -> None:
        _, actor = _start()
        from banyan.cli.tokens import move

        move(actor, verb, serials, {takes: said[takes]} if takes else {}, as_json)

    made: Callable[..., Any] = json_option(command)
    if takes:
        made = click.option(
            f"--{takes}", required=is_needed, default=None if is_needed else "", help="For the record."
        )(made)
    token.command(name, help=text)(_SERIALS(made))


_life("lock", "lock", "Note that tokens locked themselves after too many wrong PINs.", takes="")
_life(
    "lose",
    "lose",
    "Declare tokens lost or stolen (挂失). Certificates: `request open reissue`.",
    takes="reason",
    is_needed=True,
)
_life("find", "find", "Note that lost tokens were handed in.", takes="note")
_life("damage", "damage", "Declare tokens damaged.", takes="reason", is_needed=True)
_life("return", "take_back", "Take tokens back from their holders (交回).", takes="note")
_life("restock", "restock", "Put returned, erased tokens back into stock.", takes="")
_life("destroy", "destroy", "Note that tokens were destroyed (销毁).", takes="reason", is_needed=True)
