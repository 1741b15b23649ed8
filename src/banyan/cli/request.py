"""``banyan request``: the six businesses step by step, each step by a logged-in person who may do it."""

from pathlib import Path
from typing import Any

import click

from banyan.cli.request_issuing import (
    collect,
    hand_over,
    issue,
    notify,
    personalize,
    revoke,
    unlock,
    unlocked,
)
from banyan.cli.shown import json_option
from banyan.kernel import clock

_FILE = click.Path(exists=True, dir_okay=False, path_type=Path)
_NUMBERS = click.argument("numbers", nargs=-1, required=True)
BUSINESSES = ("enroll", "modify", "reissue", "unlock", "revoke", "renew")


@click.group()
def request() -> None:
    """Service requests: the six businesses, step by step.

    At the counter: open, precheck, approve, enter, proofread, issue, personalize, notify, hand-over.
    """


for _command in (collect, hand_over, issue, notify, personalize, revoke, unlock, unlocked):
    request.add_command(_command)


@request.command()
def example() -> None:
    """Print an example of the file that --data reads."""
    from banyan.cli.application_file import EXAMPLE

    click.echo(EXAMPLE, nl=False)


@request.command("open")
@click.argument("business", type=click.Choice(BUSINESSES), required=False)
@click.option("--data", "data_file", type=_FILE, help="TOML or JSON file with one or several applications.")
@click.option("--system", help="Issuing system, by code or name.")
@click.option("--kind", help="Kind of certificate: 个人, 单位, 设备, 印章.")
@click.option("--region", help="Region, by name or GB/T 2260 code.")
@click.option("--channel", type=click.Choice(("counter", "online", "api")), help="Where it came in (default: counter).")
@click.option("--pair", help="The certificate it is about, by serial number (not for enroll).")
@click.option("--reason", help="Why, where the business asks: lost, stolen, damaged; no_longer_used, …")
@click.option("--name", help="Name of the person; ID number and telephone are asked for.")
@click.option("--organization", help="Name of the body.")
@click.option("--credit-code", help="Unified social credit code of the body.")
@click.option("--device", help="Name of the device.")
@click.option("--domain", help="Domain name of the device.")
@click.option("--ip", help="Address of the device.")
@click.option("--key", help="Idempotency key: the same key gives the same request.")
@json_option
def open_request(as_json: bool, data_file: Path | None, **said: Any) -> None:
    """Open requests (受理). Options go before what the file says.

    ID and telephone numbers are never options: they stand in the file or are asked for.
    """
    from banyan.cli.session import current_actor

    now = clock.now()
    actor = current_actor(now=now)
    from banyan.cli.request_opening import open_all

    open_all(actor, data_file, said, now, as_json)


@request.command("list")
@click.option("--step", help="Only those at this step, such as approve.")
@click.option("--state", type=click.Choice(("OPEN", "DONE", "REJECTED", "CANCELLED")), help="Only in this state.")
@click.option("--business", type=click.Choice(BUSINESSES), help="Only this business.")
@click.option("--system", default="", help="Only this issuing system (code).")
@click.option("--late", is_flag=True, help="Only those past their day.")
@click.option("--limit", type=click.IntRange(1, 10_000), default=50, show_default=True)
@json_option
def list_requests(
    step: str | None, state: str | None, business: str | None, system: str, late: bool, limit: int, as_json: bool
) -> None:
    """Requests, newest first (right requests.read)."""
    from banyan.cli.session import current_actor

    now = clock.now()
    actor = current_actor(now=now)
    from banyan.cli import shown, views
    from banyan.domain.ra import access

    found = access.request_page(
        actor, limit=limit, step=step or "", state=state or "", business=business or "", system=system, is_late=late,
        now=now,
    )  # fmt: skip
    shown.show_rows(map(views.request_view, found), views.REQUEST_COLUMNS, as_json=as_json)


@request.command()
@click.argument("number")
@click.option(
    "--data", "with_data", is_flag=True, help="What was entered too (for those who enter, proofread, approve)."
)
@json_option
def show(number: str, with_data: bool, as_json: bool) -> None:
    """A request with its whole story: steps, time line, materials, what it waits for, what its holder has already."""
    from banyan.cli.session import current_actor

    now = clock.now()
    actor = current_actor(now=now)
    from banyan.cli.request_opening import show_story

    show_story(actor, number, with_data, now, as_json)


@request.command()
@_NUMBERS
@click.option("--note", default="", help="What to note.")
@json_option
def precheck(numbers: tuple[str, ...], note: str, as_json: bool) -> None:
    """See that everything is there (初审); what is missing is told all at once, with exit code 3."""
    from banyan.cli.session import current_actor

    now = clock.now()
    actor = current_actor(now=now)
    from banyan.cli.request_opening import precheck_all

    precheck_all(actor, numbers, note, now, as_json)


@request.command()
@_NUMBERS
@click.option("--reason", default="", help="A remark for the record.")
@click.option("--seen", default="", help="materials_digest that you looked at: other materials now are refused.")
@json_option
def approve(numbers: tuple[str, ...], reason: str, seen: str, as_json: bool) -> None:
    """Approve exactly the materials and the holder as they stand now (审核)."""
    from banyan.cli.session import current_actor

    now = clock.now()
    actor = current_actor(now=now)
    from banyan.cli import stepping
    from banyan.domain.ra import actions as ra

    if seen:
        one = stepping.find(actor, _single(numbers, "--seen"))
        ra.approve(actor, one.pk, now, reason=reason, seen_materials=seen)
        stepping.tell(actor, [one], _nothing_refused(), as_json)
        return
    stepping.do_step(actor, numbers, now, as_json, lambda who, ids, at: ra.approve_many(who, ids, at, reason=reason))


@request.command()
@click.argument("number")
@click.option("--reason", required=True, help="Why; the requester is told.")
@json_option
def reject(number: str, reason: str, as_json: bool) -> None:
    """Reject a request (审核不通过); it ends."""
    _one(number, as_json, lambda ra, who, pk, at: ra.reject(who, pk, at, reason=reason))


@request.command()
@_NUMBERS
@click.option("--data", "data_file", type=_FILE, help="TOML or JSON file; without it what is known already is entered.")
@json_option
def enter(numbers: tuple[str, ...], data_file: Path | None, as_json: bool) -> None:
    """Enter the data (录入), or correct them before issuing. Several numbers: one application each, in their order."""
    from banyan.cli.session import current_actor

    now = clock.now()
    actor = current_actor(now=now)
    from banyan.cli.request_opening import enter_all

    enter_all(actor, numbers, data_file, now, as_json)


@request.command()
@_NUMBERS
@click.option("--seen", default="", help="data_digest that you looked at: other data now are refused.")
@json_option
def proofread(numbers: tuple[str, ...], seen: str, as_json: bool) -> None:
    """Confirm as a second person that exactly these data are right (校对)."""
    from banyan.cli.session import current_actor

    now = clock.now()
    actor = current_actor(now=now)
    from banyan.cli import stepping
    from banyan.domain.ra import actions as ra

    if seen:
        one = stepping.find(actor, _single(numbers, "--seen"))
        ra.proofread(actor, one.pk, now, seen_data=seen)
        stepping.tell(actor, [one], _nothing_refused(), as_json)
        return
    stepping.do_step(actor, numbers, now, as_json, ra.proofread_many)


@request.command("send-back")
@click.argument("number")
@click.option("--reason", required=True, help="What is wrong.")
@json_option
def send_back(number: str, reason: str, as_json: bool) -> None:
    """Send data with a mistake back to entry (校对退回)."""
    _one(number, as_json, lambda ra, who, pk, at: ra.send_back(who, pk, at, reason=reason))


@request.command()
@click.argument("number")
@click.option("--reason", required=True, help="Why.")
@click.option("--issuance", is_flag=True, help="Only call the issuance off: other data or another token can follow.")
@json_option
def cancel(number: str, reason: str, issuance: bool, as_json: bool) -> None:
    """End an open request at its requester's wish (撤回), or call its issuance off."""

    def work(ra: Any, who: Any, pk: int, at: Any) -> None:
        (ra.cancel_issuance if issuance else ra.cancel)(who, pk, at, reason=reason)

    _one(number, as_json, work)


@request.command("add-material")
@click.argument("number")
@click.argument("materials", nargs=-1, required=True, metavar="CODE=FILE...")
@json_option
def add_material(number: str, materials: tuple[str, ...], as_json: bool) -> None:
    """Add files to an open request. An approval already given becomes void: it was for other materials."""
    named: dict[str, Path] = {}
    for item in materials:
        code, mark, place = item.partition("=")
        if not mark:
            raise click.BadParameter(f"{item}: CODE=FILE")
        named[code] = Path(place)

    def work(ra: Any, who: Any, pk: int, at: Any) -> None:
        from banyan.cli.opening import read_materials

        ra.add_materials(who, pk, read_materials(named), at)

    _one(number, as_json, work)


def _one(number: str, as_json: bool, work: Any) -> None:
    """Do something to one request and show it. ``work`` gets actions, actor, key and moment."""
    from banyan.cli.session import current_actor

    now = clock.now()
    actor = current_actor(now=now)
    from banyan.cli import stepping
    from banyan.domain.ra import actions as ra

    found = stepping.find(actor, number)
    work(ra, actor, found.pk, now)
    stepping.tell(actor, [found], _nothing_refused(), as_json)


def _nothing_refused() -> Any:
    """Nothing was refused."""
    from banyan.domain.ra.values import Outcome

    return Outcome()


def _single(numbers: tuple[str, ...], option: str) -> str:
    if len(numbers) != 1:
        raise click.UsageError(f"{option}: one request at a time")
    return numbers[0]
