"""What stands behind the later steps of ``banyan request``: tokens and CAs on the one side, the domain on the other."""

import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click

from banyan.adapters.connectors import open_connector
from banyan.cli import shown, stepping, views
from banyan.cli.desk import ORIGIN, Desk, typed
from banyan.cli.main_job import serial_for
from banyan.cli.personalizing import make_tokens, prepare, write
from banyan.cli.pin_input import pin_of, ready, write_letter
from banyan.cli.processes import key_holders
from banyan.domain.ca import access as certificates
from banyan.domain.ca import rules as ca_rules
from banyan.domain.ca.ports import Connector
from banyan.domain.inventory import access as inventory
from banyan.domain.ra import access, moving
from banyan.domain.ra import actions as ra
from banyan.domain.ra.models import RequestState, ServiceRequest
from banyan.domain.ra.processes import Verb
from banyan.domain.ra.values import IssueOrder, Outcome, Refused
from banyan.kernel import clock
from banyan.kernel.actor import Actor, system_actor
from banyan.kernel.errors import N_, BanyanError
from banyan.kernel.home import Home
from banyan.pki.certificate import certificate_to_pem

_ISSUED, _WAITING, _REJECTED, _NOT_BEGUN = "issued", "waiting", "rejected", "not_begun"
_PAUSE = 0.2
_COLUMNS = ("number", "subject_name", "outcome_name", "waiting", "serial", "token")


class TokenNotNamed(BanyanError):
    """Nobody said which token."""

    code = "cli.token_not_named"
    message = N_("申请 {number} 需要一枚介质。请用 --token 指明，或用 --new-tokens 制作软介质。")


@dataclass(frozen=True)
class TokenChoice:
    """Into which tokens, and whence their PINs."""

    tokens: Sequence[str]
    makes_new: bool
    csr: bytes | None
    container: str
    pin_file: Path | None
    letters: Path | None
    iterations: int | None


def issue_all(
    home: Home, actor: Actor, numbers: Sequence[str], choice: TokenChoice, wait: float, as_json: bool
) -> None:
    """Issue requests and wait for their CAs; what is refused is told one by one, exit code 1."""
    found = [stepping.find(actor, number) for number in numbers]
    made: dict[str, str] = {}
    orders: list[IssueOrder] = []
    places: list[int] = []
    refusals: list[Refused] = []
    with Desk(home) as desk:
        for index, request in enumerate(found):
            try:
                orders.append(_order(desk, actor, request, choice, index, made))
                places.append(index)
            except BanyanError as error:
                refusals.append(Refused(index, error))
    outcome = ra.issue_many(actor, orders, clock.now()) if orders else Outcome()
    refusals += [Refused(places[one.index], one.error) for one in outcome.refusals]
    if refusals and len(found) == 1:
        raise refusals[0].error
    for one in refusals:
        shown.echo_error(found[one.index].number, one.error)
    started = [request.pk for request in outcome.done]
    results = wait_for(home, actor, started, wait)
    _tell(actor, started, results, {} if choice.letters else made, as_json)
    if refusals or _REJECTED in results.values():
        raise click.exceptions.Exit(1)


def _order(
    desk: Desk, actor: Actor, request: ServiceRequest, choice: TokenChoice, index: int, made: dict[str, str]
) -> IssueOrder:
    own = request.token_serial if request.business in ("renew", "modify") else ""
    serial = choice.tokens[index] if choice.tokens else own
    if choice.csr is not None:
        container = choice.container or f"request-{request.pk}-{request.issuance_version}"
        return IssueOrder(request.pk, choice.csr, _named(serial, request), container)
    if choice.makes_new:
        moving.ensure_turn(request, Verb.ISSUE)  # before a token is made in vain
        if choice.letters is not None:
            ready(choice.letters)
        serial = serial_for(request)
        for token in make_tokens(
            desk.home, actor, [serial], request.region_code, clock.now(), iterations=choice.iterations or 0
        ):
            made[serial] = token.user_pin
            if choice.letters is not None:
                write_letter(choice.letters, serial, token.user_pin)
    number = _named(serial, request)
    by_hand = choice.pin_file is None and choice.letters is None
    with desk.answering(typed(lambda: pin_of(number, choice.pin_file, choice.letters), by_hand=by_hand)):
        return prepare(desk, actor, request, number, clock.now())


def _named(serial: str, request: ServiceRequest) -> str:
    if not serial:
        raise TokenNotNamed(number=request.number)
    return serial


def collect_all(home: Home, actor: Actor, numbers: Sequence[str], wait: float, as_json: bool) -> None:
    """Ask the CAs about requests that wait for them."""
    if numbers:
        ids = [stepping.find(actor, number).pk for number in numbers]
    else:
        waiting = access.requests(actor).filter(step=Verb.ISSUE, state="OPEN", issuance_id__isnull=False)
        ids = list(waiting.order_by("pk").values_list("pk", flat=True))
    results = wait_for(home, actor, ids, wait)
    _tell(actor, ids, results, {}, as_json)
    if _REJECTED in results.values():
        raise click.exceptions.Exit(1)


def wait_for(home: Home, actor: Actor, request_ids: Sequence[int], seconds: float) -> dict[int, str]:
    """Carry on with the connectors of these requests until each is decided, at most ``seconds`` long.

    Rounds act for the product, over the whole province: whoever waits here sees only what he may see.
    """
    stories = [access.story(actor, pk) for pk in request_ids]
    names = {story.issuance.connector for story in stories if story.issuance is not None}
    until = time.monotonic() + seconds
    with _connected(home, names) as links:
        while True:
            for link in links:
                ra.carry_on(system_actor("jobs"), link, clock.now())
            results = {pk: _result(actor, pk) for pk in request_ids}
            if _WAITING not in results.values() or time.monotonic() >= until:
                return results
            time.sleep(_PAUSE)


@contextmanager
def _connected(home: Home, names: Iterable[str]) -> Iterator[list[Connector]]:
    wanted = sorted(set(names))
    with ExitStack() as stack:
        if ca_rules.EMBEDDED in wanted:
            stack.enter_context(key_holders(home))
        links: list[Any] = [open_connector(name, home) for name in wanted]
        for link in links:
            stack.callback(link.close)
        yield links


def _result(actor: Actor, request_id: int) -> str:
    request = access.request(actor, request_id)
    if request.issued_pair_id is not None:
        return _ISSUED
    if request.state == RequestState.OPEN and request.issuance_id is not None:
        return _WAITING
    issuing = [one.outcome for one in access.story(actor, request_id).records if one.step == Verb.ISSUE]
    return _REJECTED if issuing[-1:] == [_REJECTED] else _NOT_BEGUN


def _tell(actor: Actor, ids: Sequence[int], results: dict[int, str], pins: dict[str, str], as_json: bool) -> None:
    rows = []
    for pk in ids:
        story = access.story(actor, pk)
        row = views.request_view(story.request) | {
            "outcome": results[pk],
            "outcome_name": views.outcome_name(results[pk]),
            "waiting": views.waiting_for(story),
        }
        if story.issued_pair is not None:
            held = certificates.certificates_of(actor, story.issued_pair.pk)
            row |= {"serial": held[0].serial, "serials": [one.serial for one in held]}
        if results[pk] == _REJECTED and story.records:
            row["refusal"] = story.records[-1].note
        if story.request.token_serial in pins:
            row["user_pin"] = pins[story.request.token_serial]
        rows.append(row)
    columns = (*_COLUMNS, "user_pin") if any("user_pin" in row for row in rows) else _COLUMNS
    shown.show_rows(rows, columns, as_json=as_json)


def personalize_all(
    home: Home, actor: Actor, numbers: Sequence[str], pin_file: Path | None, letters: Path | None, as_json: bool
) -> None:
    """Write issued pairs into their tokens, each proving its key."""
    found = [stepping.find(actor, number) for number in numbers]
    proofs: dict[int, bytes] = {}
    refusals: list[Refused] = []
    with Desk(home) as desk:
        for index, request in enumerate(found):
            try:
                proofs[request.pk] = _written(desk, actor, request, pin_file, letters)
            except BanyanError as error:
                refusals.append(Refused(index, error))
    outcome = ra.personalize_many(actor, proofs, clock.now(), origin=ORIGIN)
    places = {request.pk: index for index, request in enumerate(found)}
    proved = list(proofs)
    refusals += [Refused(places[proved[one.index]], one.error) for one in outcome.refusals]
    stepping.tell(actor, found, Outcome(refusals=refusals), as_json)


def _written(desk: Desk, actor: Actor, request: ServiceRequest, pin_file: Path | None, letters: Path | None) -> bytes:
    serial = _named(request.token_serial, request)
    by_hand = pin_file is None and letters is None
    with desk.answering(typed(lambda: pin_of(serial, pin_file, letters), by_hand=by_hand)):
        return write(desk, actor, request, clock.now())


def write_out(actor: Actor, number: str, place: Path, as_json: bool) -> None:
    """Write what a device elsewhere needs: its certificates, the envelope of its encryption key, the nonce to sign."""
    request = stepping.find(actor, number)
    place.mkdir(parents=True, exist_ok=True)
    written: dict[str, str] = {"number": request.number, "token": request.token_serial}
    for one in certificates.certificates_of(actor, request.issued_pair_id or 0):
        name = "encryption" if one.use == one.Use.ENCRYPTION else "signing"
        written[f"{name}_certificate"] = _write(place / f"{name}.pem", certificate_to_pem(bytes(one.der)).encode())
    task = inventory.task_of_issuance(actor, request.issuance_id or 0)
    if task.envelope is not None:
        written["envelope"] = _write(place / "envelope.der", bytes(task.envelope))
    written["nonce"] = _write(place / "nonce.txt", ra.personalization_nonce(request))
    shown.show_card(written, as_json=as_json)


def _write(place: Path, content: bytes) -> str:
    place.write_bytes(content)
    return str(place)


def take_proof(actor: Actor, number: str, signature: bytes, as_json: bool) -> None:
    """Take the proof of a device elsewhere."""
    request = stepping.find(actor, number)
    ra.personalize(actor, request.pk, clock.now(), signature=signature)
    stepping.tell(actor, [request], Outcome(), as_json)
