"""The main job: a sheet of applications becomes certificates in tokens, by the people who may do each step."""

import secrets
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from banyan.cli.desk import Desk
from banyan.cli.importing import import_file
from banyan.cli.messages import told
from banyan.cli.personalizing import NewToken, make_tokens, prepare, register_agent, write_all
from banyan.domain.ca import access as certificates
from banyan.domain.ca import actions as ca
from banyan.domain.ca.models import RevocationReason, StatusChange
from banyan.domain.iam.access import actor_from_session
from banyan.domain.iam.login import log_in_with_link
from banyan.domain.inventory import actions as inventory
from banyan.domain.ra import access as requests
from banyan.domain.ra import actions as ra
from banyan.domain.ra.models import ServiceRequest
from banyan.domain.ra.receivers import Receiver, requester_of
from banyan.domain.ra.values import Outcome
from banyan.domain.sheets import access as sheets
from banyan.domain.sheets.models import SheetImport
from banyan.kernel import clock
from banyan.kernel.actor import Actor, system_actor
from banyan.kernel.errors import N_, BanyanError
from banyan.kernel.home import Home

Say = Callable[[str], None]
Advance = Callable[[], None]
_PATIENCE, _PAUSE = 600, 0.2
_PROVINCE, _MACHINE = "350000", "本机"


class StepFailed(BanyanError):
    """A step of the main job was refused for a request that should have passed."""

    code = "cli.step_failed"
    message = N_("{step}没有办成：{reason}")


@dataclass(frozen=True)
class People:
    """The three people without whom no certificate is issued."""

    clerk: Actor
    proofreader: Actor
    approver: Actor


@dataclass
class Result:
    """What the main job did."""

    sheet: SheetImport
    requests: list[int] = field(default_factory=list)
    tokens: list[NewToken] = field(default_factory=list)


def log_people_in(secrets_by_name: Mapping[str, str]) -> People:
    """First log-ins through the links, each with a random password of its own that nobody keeps."""
    actors = {}
    for name in ("clerk", "proofreader", "approver"):
        password = f"Aa1!{secrets.token_urlsafe(24)}"
        opened = log_in_with_link(secret=secrets_by_name[name], password=password, channel="cli", now=clock.now())
        actors[name] = actor_from_session(opened.token, clock.now())
    return People(**actors)


def carry_sheet(home: Home, people: People, sheet: Path, advance: Advance, say: Say) -> Result:
    """Import the sheet and carry every good row to a certificate pair in a token that was handed over.

    ``advance`` does a round with the connectors. Safe to start again: each request is taken from the step it is at.
    """
    imported = import_file(people.clerk, sheet, clock.now(), show=False)
    say(
        told(
            N_("导入 {rows} 行，受理 {good} 件，未受理 {failed} 行"),
            rows=imported.good + imported.failed, good=imported.good, failed=imported.failed,
        )
    )  # fmt: skip
    ids = sheets.request_ids(people.clerk, imported.pk)
    result = Result(imported, list(ids))
    carry(home, people, ids, advance, say, result)
    return result


def carry(home: Home, people: People, ids: Sequence[int], advance: Advance, say: Say, result: Result) -> None:
    """Carry requests that came with their data to pairs in tokens that were handed over."""
    decide(people, ids)
    say(told(N_("校对、审核 {n} 件"), n=len(ids)))
    with Desk(home) as desk:
        issue(desk, people.clerk, ids, result)
        wait_for_certificates(people.clerk, ids, advance, say)
        personalize(desk, people.clerk, ids, result)
    say(told(N_("签发并写入介质 {n} 件"), n=len(ids)))
    deliver(people, ids)
    say(told(N_("通知并交付 {n} 件"), n=len(ids)))


def decide(people: People, ids: Sequence[int]) -> None:
    """Proofread and approve, each by whoever may."""
    _do(ids, people.proofreader, "proofread", "校对", ra.proofread_many)
    _do(ids, people.approver, "approve", "审核", ra.approve_many)


def deliver(people: People, ids: Sequence[int]) -> None:
    """Tell the holders and hand over."""
    _do(ids, people.clerk, "notify_ready", "通知领取", ra.notify_ready_many)
    _do(ids, people.clerk, "hand_over", "交付", _hand_over)


def revoke_one(clerk: Actor, ids: Sequence[int], advance: Advance) -> bool:
    """Revoke the newest pair of the CA that issued the first request's, so that its CRL has something to say.

    A CA's only pair stays, and nothing is done (False); repeating changes nothing. Waits for the CA to take it.
    """
    chosen = requests.requests(clerk).filter(pk__in=list(ids), issued_pair_id__isnull=False).order_by("pk")
    pairs = [certificates.pair(clerk, request.issued_pair_id) for request in chosen if request.issued_pair_id]
    alike = [pair for pair in pairs if pair.ca_id == pairs[0].ca_id]
    if len(alike) < 2:
        return False
    pair = ca.revoke_pair(clerk, alike[-1].pk, RevocationReason.CESSATION_OF_OPERATION, clock.now())
    for _ in range(_PATIENCE):
        if all(change.state == StatusChange.State.DONE for change in certificates.life(clerk, pair.pk).changes):
            return True
        advance()
        time.sleep(_PAUSE)
    raise StepFailed(step=N_("注销"), reason=N_("CA 没有在两分钟内答复"))


def issue(desk: Desk, clerk: Actor, ids: Sequence[int], result: Result) -> None:
    """A token a request: its key, its PKCS#10, the intent."""
    waiting = [one for one in _at(clerk, ids, "issue") if one.issuance_id is None]
    if waiting:
        register_agent(desk, system_actor("sample"), _PROVINCE, _MACHINE, clock.now())
    orders = []
    for request in waiting:
        serial, now = serial_for(request), clock.now()
        result.tokens += make_tokens(desk.home, clerk, [serial], request.region_code, now)
        orders.append(prepare(desk, clerk, request, serial, now))
    passed("签发", ra.issue_many(clerk, orders, clock.now()))


def personalize(desk: Desk, clerk: Actor, ids: Sequence[int], result: Result) -> None:
    """Write the pairs into their tokens and note the proofs."""
    waiting = _at(clerk, ids, "personalize")
    due = [one.pk for one in waiting]
    told = {one.serial for one in result.tokens}
    for one in waiting:  # made before an earlier start broke off
        if one.token_serial not in told and one.token_id is not None:
            pin = inventory.tell_initial_pin(clerk, one.token_id, now=clock.now())
            result.tokens.append(NewToken(one.token_serial, pin))
    if due:
        register_agent(desk, system_actor("sample"), _PROVINCE, _MACHINE, clock.now())
        passed("制证", write_all(desk, clerk, due, clock.now()))


def serial_for(request: ServiceRequest) -> str:
    """The serial number of the soft token made for a request."""
    return f"ST-{request.number}"


def wait_for_certificates(clerk: Actor, ids: Sequence[int], advance: Advance, say: Say = lambda _text: None) -> None:
    """Have the connectors work until every request has its certificates. Raises StepFailed after two minutes."""
    is_told = False
    for _ in range(_PATIENCE):
        advance()
        waiting = _at(clerk, ids, "issue")
        if not waiting:
            return
        if not is_told:
            say(told(N_("等待上级 CA 签发 {n} 件"), n=len(waiting)))
            is_told = True
        time.sleep(_PAUSE)
    raise StepFailed(step=N_("签发"), reason=N_("CA 没有在两分钟内答复"))


def _do(
    ids: Sequence[int], actor: Actor, step: str, title: str, work: Callable[[Actor, Sequence[int], datetime], Outcome]
) -> None:
    due = [one.pk for one in _at(actor, ids, step)]
    if due:
        passed(title, work(actor, due, clock.now()))


def _at(actor: Actor, ids: Sequence[int], step: str) -> list[ServiceRequest]:
    return list(requests.requests(actor).filter(pk__in=list(ids), step=step).order_by("pk"))


def _hand_over(clerk: Actor, ids: Sequence[int], now: datetime) -> Outcome:
    """To each request's registered requester, as if each stood here with the document in hand."""
    of_receiver: dict[Receiver, list[int]] = {}
    for one in requests.requests(clerk).filter(pk__in=list(ids)).order_by("pk"):
        of_receiver.setdefault(_receiver(one), []).append(one.pk)
    whole = Outcome()
    for receiver, theirs in of_receiver.items():
        outcome = ra.hand_over_many(clerk, theirs, now, receiver=receiver)
        whole.requests += outcome.requests
        whole.refusals += outcome.refusals
    return whole


def _receiver(request: ServiceRequest) -> Receiver:
    known = requester_of(request)
    return (
        Receiver(known.name, known.id_number[-4:]) if known.name else Receiver("测试经办", authorization="样例委托书")
    )


def passed(step: str, outcome: Outcome) -> None:
    """Raises StepFailed when a request was refused."""
    if outcome.refusals:
        raise StepFailed(step=step, reason=str(outcome.refusals[0].error))
