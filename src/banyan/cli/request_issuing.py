"""The later steps of ``banyan request``: issuing, writing into the token, handing over, unlocking, revoking."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from banyan.cli.pin_input import pin_options
from banyan.cli.shown import json_option
from banyan.kernel import clock

if TYPE_CHECKING:
    from banyan.kernel.actor import Actor
    from banyan.kernel.home import Home

_FILE = click.Path(exists=True, dir_okay=False, path_type=Path)
_NUMBERS = click.argument("numbers", nargs=-1, required=True)
_WAIT = click.option(
    "--wait", type=click.FloatRange(0), default=30.0, show_default=True, help="Seconds to wait for the CA."
)


def _start() -> "tuple[Home, Actor]":
    from banyan.cli.context import django_setup
    from banyan.cli.session import current_actor

    home = django_setup()
    return home, current_actor(home, clock.now())


@click.command()
@_NUMBERS
@click.option("--token", "tokens", multiple=True, help="Token serial, one a request (default: the holder's own token).")
@click.option("--new-tokens", is_flag=True, help="Make a soft token for each request.")
@click.option("--csr", type=_FILE, help="PKCS#10 made elsewhere (equipment, a token that is not here).")
@click.option("--container", default="", help="Container the pair is to live in (with --csr).")
@click.option("--iterations", type=click.IntRange(10_000), hidden=True, help="Key derivation of new tokens (trials).")
@pin_options
@_WAIT
@json_option
def issue(
    numbers: tuple[str, ...],
    tokens: tuple[str, ...],
    new_tokens: bool,
    csr: Path | None,
    container: str,
    iterations: int | None,
    pin_file: Path | None,
    pin_letters: Path | None,
    wait: float,
    as_json: bool,
) -> None:
    """Issue (签发): the key is made in the token, its PKCS#10 goes to the CA, the certificates come back.

    Signer and key-management process are started when they do not run. A superior CA may take its time: the request
    then waits (等待上级 CA), and `banyan request collect` or `banyan jobs` fetches the certificates later.
    """
    if tokens and len(tokens) != len(numbers):
        raise click.UsageError("--token: as many as requests, in their order")
    if csr is not None and len(numbers) != 1:
        raise click.UsageError("--csr: one request at a time")
    home, actor = _start()
    from banyan.cli.issuing import TokenChoice, issue_all

    choice = TokenChoice(
        tokens, new_tokens, csr.read_bytes() if csr else None, container, pin_file, pin_letters, iterations
    )
    issue_all(home, actor, numbers, choice, wait, as_json)


@click.command()
@click.argument("numbers", nargs=-1)
@_WAIT
@json_option
def collect(numbers: tuple[str, ...], wait: float, as_json: bool) -> None:
    """Ask the CAs what became of requests that wait for them (NUMBERS; default: all in sight)."""
    home, actor = _start()
    from banyan.cli.issuing import collect_all

    collect_all(home, actor, numbers, wait, as_json)


@click.command()
@_NUMBERS
@click.option(
    "--out", type=click.Path(file_okay=False, path_type=Path), help="Only write certificates, envelope, nonce here."
)
@click.option("--signature", type=_FILE, help="The device's signature (DER) over the nonce that --out wrote.")
@pin_options
@json_option
def personalize(
    numbers: tuple[str, ...],
    out: Path | None,
    signature: Path | None,
    pin_file: Path | None,
    pin_letters: Path | None,
    as_json: bool,
) -> None:
    """Write the issued pair into the token and have the token prove it (制证).

    For a device that is not here: --out writes what it needs, --signature hands in its proof.
    """
    if (out or signature) and len(numbers) != 1:
        raise click.UsageError("--out and --signature: one request at a time")
    home, actor = _start()
    from banyan.cli import issuing

    if out is not None:
        issuing.write_out(actor, numbers[0], out, as_json)
    elif signature is not None:
        issuing.take_proof(actor, numbers[0], signature.read_bytes(), as_json)
    else:
        issuing.personalize_all(home, actor, numbers, pin_file, pin_letters, as_json)


@click.command()
@_NUMBERS
@json_option
def notify(numbers: tuple[str, ...], as_json: bool) -> None:
    """Tell the holders that their tokens are ready (通知领取)."""
    _, actor = _start()
    from banyan.cli import stepping
    from banyan.domain.ra import actions as ra

    stepping.do_step(actor, numbers, clock.now(), as_json, ra.notify_ready_many)


@click.command("hand-over")
@_NUMBERS
@click.option("--received-by", required=True, help="Who signed for it.")
@click.option("--document", default="", help="Last four of the identity document shown.")
@click.option("--authorization", default="", help="What lets somebody else than the registered requester fetch it.")
@click.option("--note", default="", help="What to note.")
@click.option(
    "--receipt", type=click.Path(path_type=Path, exists=True, dir_okay=False), help="Scan of the signed receipt (PDF)."
)
@json_option
def hand_over(
    numbers: tuple[str, ...],
    received_by: str,
    document: str,
    authorization: str,
    note: str,
    receipt: Path | None,
    as_json: bool,
) -> None:
    """Hand the token over to whoever signed for it (交付)."""
    _, actor = _start()
    from banyan.cli import stepping
    from banyan.domain.ra import actions as ra
    from banyan.domain.ra.receipts import CODE
    from banyan.domain.ra.receivers import Receiver
    from banyan.domain.ra.values import NewMaterial

    receiver = Receiver(received_by, document, authorization, note)
    scan = NewMaterial(CODE, receipt.name, receipt.read_bytes(), "application/pdf") if receipt else None
    stepping.do_step(
        actor, numbers, clock.now(), as_json,
        lambda who, ids, now: ra.hand_over_many(who, ids, now, receiver=receiver, scan=scan),
    )  # fmt: skip


@click.command()
@click.argument("number")
@click.option("--question", required=True, help="What `banyan token unlock --far` showed.")
@json_option
def unlock(number: str, question: str, as_json: bool) -> None:
    """Answer a locked token's question (解锁), only against this approved request and for its token.

    `banyan token unlock --far` takes the answer; then `banyan request unlocked` ends the request.
    """
    _, actor = _start()
    from banyan.cli.unlocking import answer

    answer(actor, number, question, as_json)


@click.command()
@click.argument("number")
@json_option
def unlocked(number: str, as_json: bool) -> None:
    """Note that the token took the answer and works again; the request ends."""
    _, actor = _start()
    from banyan.cli import stepping
    from banyan.domain.ra import actions as ra

    stepping.do_step(
        actor, [number], clock.now(), as_json,
        lambda who, ids, now: stepping.each(who, ids, lambda pk: ra.unlocked(who, pk, now)),
    )  # fmt: skip


@click.command()
@_NUMBERS
@click.option("--token-returned/--token-lost", "is_returned", required=True, help="Handed in, or declared lost.")
@click.option("--destroyed", "is_destroyed", is_flag=True, help="The token handed in was destroyed on the spot.")
@click.option("--note", default="", help="What to note; of a lost token the holder's statement.")
@json_option
def revoke(numbers: tuple[str, ...], is_returned: bool, is_destroyed: bool, note: str, as_json: bool) -> None:
    """Carry approved revocations out (注销): both certificates, and the token handed in or declared lost."""
    _, actor = _start()
    from banyan.cli import stepping
    from banyan.domain.ra import actions as ra

    stepping.do_step(
        actor, numbers, clock.now(), as_json,
        lambda who, ids, now: stepping.each(
            who, ids,
            lambda pk: ra.revoke(who, pk, now, is_token_returned=is_returned, is_destroyed=is_destroyed, note=note),
        ),
    )  # fmt: skip
