"""``banyan key``: recovery of an escrowed encryption key, asked for by one person and approved by two others."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from banyan.cli.pin_input import pin_options
from banyan.cli.shown import json_option
from banyan.kernel import clock

if TYPE_CHECKING:
    from banyan.kernel.actor import Actor
    from banyan.kernel.home import Home


@click.group()
def key() -> None:
    """Recover an escrowed encryption key under dual control.

    One asks (request), two others approve, then it is carried out once (recover): what leaves the key-management
    centre is an envelope that only the named certified key opens.
    """


def _start() -> "tuple[Home, Actor]":
    from banyan.cli.context import django_setup
    from banyan.cli.session import current_actor

    home = django_setup()
    return home, current_actor(home, clock.now())


@key.command()
@click.argument("serial")
@click.option(
    "--recipient", required=True, help="Signing certificate that will open the envelope: its serial number or file."
)
@click.option(
    "--purpose",
    type=click.Choice(("holder", "judicial")),
    default="holder",
    show_default=True,
    help="Into the holder's new token, or as judicial evidence.",
)
@click.option("--case", default="", help="Case number (judicial evidence).")
@click.option("--reason", required=True, help="Why.")
@click.option("--holder-account", help="User name of the holder, where the holder is one of the staff.")
@json_option
def request(
    serial: str, recipient: str, purpose: str, case: str, reason: str, holder_account: str | None, as_json: bool
) -> None:
    """Ask for the recovery of the encryption key of certificate SERIAL (right kmc.request_recovery)."""
    _, actor = _start()
    from banyan.cli.recovering import ask

    ask(actor, serial, recipient, purpose.upper(), case, reason, holder_account or "", as_json)


@key.command()
@click.argument("number", type=int)
@click.option("--seen", default="", help="The digest that you looked at: another content now is refused.")
@json_option
def approve(number: int, seen: str, as_json: bool) -> None:
    """Consent to exactly this recovery, as one of two officers (right kmc.approve_recovery)."""
    _, actor = _start()
    from banyan.cli.recovering import consent

    consent(actor, number, seen, as_json)


@key.command()
@click.argument("number", type=int)
@click.option("--reason", required=True, help="Why.")
@json_option
def refuse(number: int, reason: str, as_json: bool) -> None:
    """Refuse a recovery for good (right kmc.approve_recovery)."""
    _, actor = _start()
    from banyan.cli.recovering import turn_down

    turn_down(actor, number, reason, as_json)


@key.command()
@click.argument("number", type=int)
@click.option("--token", help="Put the key into this token, whose signing key was named as recipient.")
@click.option(
    "--out", type=click.Path(dir_okay=False, path_type=Path), help="Write the envelope (SM2EnvelopedKey) here."
)
@pin_options
@json_option
def recover(
    number: int, token: str | None, out: Path | None, pin_file: Path | None, pin_letters: Path | None, as_json: bool
) -> None:
    """Carry an approved recovery out, once; asked again before it ends it gives the same envelope."""
    if (token is None) == (out is None):
        raise click.UsageError("Give --token or --out.")
    home, actor = _start()
    from banyan.cli.recovering import carry_out

    carry_out(home, actor, number, token, out, pin_file, pin_letters, as_json)


@key.command("list")
@click.option("--limit", type=click.IntRange(1, 10_000), default=50, show_default=True)
@json_option
def list_recoveries(limit: int, as_json: bool) -> None:
    """Recoveries, newest first, each with the digest an approver consents to (right kmc.read)."""
    _, actor = _start()
    from banyan.cli.recovering import list_all

    list_all(actor, limit, as_json)
