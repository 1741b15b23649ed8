"""Issuing into tokens: one screen, and what its script asks for. The token agent on the clerk's machine does the writing."""

from contextlib import closing
from typing import Any, cast

from django.conf import settings
from django.contrib import messages
from django.core.exceptions import BadRequest
from django.http import HttpResponse, JsonResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe

from banyan.adapters.connectors import open_connector
from banyan.domain.inventory import access as tokens
from banyan.domain.inventory import agents
from banyan.domain.inventory.errors import InitialPinUnknown, InventoryError
from banyan.domain.inventory.models import TokenState
from banyan.domain.inventory.sealed_tasks import Begun
from banyan.domain.inventory.stocking import TokenEntry, receive_tokens
from banyan.domain.papers import letters
from banyan.domain.ra import access as ra
from banyan.domain.ra import actions, work
from banyan.domain.ra.errors import StepNotDue
from banyan.domain.ra.processes import Verb
from banyan.domain.systems import access as systems
from banyan.kernel import clock
from banyan.kernel.actor import system_actor
from banyan.kernel.errors import BanyanError, ServiceUnavailable
from banyan.web import once, words
from banyan.web.middleware import StaffRequest
from banyan.web.needs import needs
from banyan.web.reading import issuing as reading
from banyan.web.reading.queue import Queue, queue
from banyan.web.reading.today import url_of_step
from banyan.web.script import base64_of, ensure_own_origin, for_script, octets, read, with_agent

_BEGUN = frozenset({"agent", "profile", "serial", "nonce", "is_blank"})
_ORDER = frozenset({"serial", "request"})
_FEW = 20  # of what waits for a CA is carried on while a clerk waits; the rest is the jobs' work


@needs("requests.issue")
@require_safe
def listing(request: StaffRequest) -> HttpResponse:
    """The most urgent request; a word that nothing waits when there is none."""
    verb = _verb(request)
    system = request.GET.get("system", "")
    if "after" not in request.GET and "before" not in request.GET:
        first = work.first(request.actor, verb, system=system) or work.first(request.actor, _other(verb))
        if first is not None:
            return redirect("issuing_request", first)
    return _screen(request, None, _queue(request, verb, None), {})


@needs("requests.issue")
@require_safe
def detail(request: StaffRequest, request_id: int) -> HttpResponse:
    """The screen with a request open."""
    return page(request, request_id, {})


def page(request: StaffRequest, request_id: int, further: dict[str, Any], *, status: int = 200) -> HttpResponse:
    """The screen with a request open; ``further`` is what a form that was refused has to say."""
    facts = reading.facts(request.actor, request_id, clock.now())
    verb = Verb.PERSONALIZE if facts.request.step == Verb.PERSONALIZE else Verb.ISSUE
    shown = _queue(request, verb, request_id)
    __, following = work.neighbours(request.actor, verb, facts.request) if facts.request.step else (None, None)
    context: dict[str, Any] = {
        "can_issue": facts.request.step in reading.STEPS,
        "elsewhere": "" if facts.request.step in reading.STEPS else url_of_step(facts.request),
        "following": following or _first_other(request, verb, request_id),
        "issue_steps": _steps(),
        **further,
    }
    response = _screen(request, facts, shown, context)
    response.status_code = status
    return response


@needs("requests.issue")
@require_POST
@for_script
def look(request: StaffRequest, request_id: int) -> HttpResponse:
    """Whether the token that is plugged in serves this request, by our books."""
    sent = read(request, frozenset({"serial"}))
    one = ra.request(request.actor, request_id)
    return JsonResponse(reading.look_at_token(request.actor, one, sent["serial"]))


@needs("requests.issue")
@require_POST
@for_script
def receive(request: StaffRequest, request_id: int) -> HttpResponse:
    """Put a token that is plugged in and on nobody's record into stock, for the region of the request."""
    sent = read(request, frozenset({"serial", "medium"}))
    one = ra.request(request.actor, request_id)
    (row,) = receive_tokens(
        request.actor, [TokenEntry(sent["serial"])], medium=sent["medium"], region_code=one.region_code,
        batch=_("窗口登记"), now=clock.now(),
    )  # fmt: skip
    if isinstance(row, InventoryError):
        raise row
    return JsonResponse(reading.token_words(tokens.token_by_serial(request.actor, row.serial)))


@needs("requests.issue")
@require_POST
@for_script
def begin(request: StaffRequest, request_id: int) -> HttpResponse:
    """A task was begun at the agent: the PINs sealed for it, and what the key's request must say.

    ``sealed`` is empty for a holder's own token: the agent asks its holder for the PIN.
    """
    sent = read(request, _BEGUN)
    ensure_own_origin(request)
    now = clock.now()
    one = ra.request(request.actor, request_id)
    if sent["is_blank"]:
        _make_pins(request, sent["serial"])
    begun = Begun(sent["agent"], settings.BANYAN.origin, sent["profile"], octets(sent["nonce"]))
    try:
        sealed = actions.seal_pins(request.actor, request_id, sent["serial"], begun, now)
    except InitialPinUnknown:
        sealed = ""
    told = {"sealed": sealed, "subject": base64_of(bytes(one.subject_der)), "container": reading.container_of(one)}
    return JsonResponse(told)


@needs("requests.issue")
@require_POST
@for_script
def order(request: StaffRequest, request_id: int) -> HttpResponse:
    """The token's PKCS#10: the issuance is opened and its CA asked at once; how it stands is in the answer."""
    sent = read(request, _ORDER)
    one = ra.request(request.actor, request_id)
    try:
        one = actions.issue(
            request.actor, request_id, clock.now(), csr=octets(sent["request"]), token_serial=sent["serial"],
            container=reading.container_of(one),
        )  # fmt: skip
    except StepNotDue:
        if one.step != Verb.PERSONALIZE:  # sent again after a lost answer: it stands where it should
            raise
    return _state(request, request_id)


@needs("requests.issue")
@require_POST
@for_script
def state(request: StaffRequest, request_id: int) -> HttpResponse:
    """How far the issuance is; with the pair, once there is one."""
    read(request, frozenset())
    return _state(request, request_id)


@needs("requests.personalize")
@require_POST
@for_script
def written(request: StaffRequest, request_id: int) -> HttpResponse:
    """The token's proof that it holds the pair: the request goes on."""
    sent = read(request, frozenset({"signature"}))
    ensure_own_origin(request)
    one = actions.personalize(
        request.actor, request_id, clock.now(), signature=octets(sent["signature"]), origin=settings.BANYAN.origin
    )
    following = work.first(request.actor, Verb.ISSUE) or work.first(request.actor, Verb.PERSONALIZE)
    has_letter = letters.may_print(request.actor, one)
    return JsonResponse({"step": words.step(one.step), "next": following, "has_letter": has_letter})


@needs("requests.issue")
@require_POST
def void(request: StaffRequest, request_id: int) -> HttpResponse:
    """Void the pair that could not be written, or set the prepared token aside; the request stays to be issued."""
    reason = request.POST.get("reason", "").strip()
    if not reason:
        raise BadRequest("no reason given")

    def do() -> dict[str, Any]:
        one = ra.request(request.actor, request_id)
        if one.step == Verb.PERSONALIZE:
            is_damaged = request.POST.get("token") == "damaged"
            actions.void_pair(request.actor, request_id, clock.now(), reason=reason, is_token_damaged=is_damaged)
        else:
            actions.set_token_aside(request.actor, request_id, clock.now(), reason=reason)
        return {"number": one.number}

    done = once.send(request, "void", do, about=request_id)
    messages.success(request, _("{number}：请插入介质重新签发").format(**done))
    return redirect("issuing_request", request_id)


def _state(request: StaffRequest, request_id: int) -> JsonResponse:
    one = ra.request(request.actor, request_id)
    if one.step == Verb.ISSUE and one.issuance_id is not None:
        ask_ca(request, request_id)
        one = ra.request(request.actor, request_id)
    told: dict[str, Any] = {"step": one.step, "version": one.version, "is_waiting": one.issuance_id is not None}
    if one.step == Verb.PERSONALIZE:
        told["pair"] = reading.writing(request.actor, one)
        told["serial"] = one.token_serial
    elif one.issuance_id is None:
        told["refusal"] = reading.facts(request.actor, request_id, clock.now()).refusal
    return JsonResponse(told)


def ask_ca(request: StaffRequest, request_id: int) -> None:
    """Ask the CA now, since somebody waits; when it does not answer the jobs go on asking."""
    issuance = ra.story(request.actor, request_id).issuance
    if issuance is None:
        return
    try:
        connector = open_connector(issuance.connector, settings.HOME)
        with closing(cast(Any, connector)):
            actions.carry_on(system_actor("jobs"), connector, clock.now(), limit=_FEW)
    except (ServiceUnavailable, BanyanError):
        return


def _make_pins(request: StaffRequest, serial: str) -> None:
    token = tokens.token_by_serial(request.actor, serial)
    if token.state == TokenState.IN_STOCK and token.initial_pin_sealed is None:
        agents.make_pins(request.actor, [token.pk], now=clock.now())


def _screen(request: StaffRequest, facts: reading.Facts | None, shown: Queue, context: dict[str, Any]) -> HttpResponse:
    now = clock.now()
    context |= {
        "facts": facts,
        "queue": shown,
        "done": reading.done_today(request.actor, now),
        "agent_port": settings.BANYAN.agent_port,
        "media": [
            (medium.value, _(medium.label))
            for medium in (systems.policy(facts.request.system).media if facts is not None else ())
        ],
    }
    return with_agent(request, render(request, "desk/issuing.html", context))


def _queue(request: StaffRequest, verb: Verb, here: int | None) -> Queue:
    is_writing = verb is Verb.PERSONALIZE
    return queue(
        request.actor, verb, request.GET, clock.now(), url_of_step,
        title=_("待制证") if is_writing else _("待签发"),
        nothing=_("没有写到一半的证书") if is_writing else _("没有待签发的申请单"),
        here=here, base={"list": "write"} if is_writing else {},
    )  # fmt: skip


def _verb(request: StaffRequest) -> Verb:
    return Verb.PERSONALIZE if request.GET.get("list") == "write" else Verb.ISSUE


def _other(verb: Verb) -> Verb:
    return Verb.ISSUE if verb is Verb.PERSONALIZE else Verb.PERSONALIZE


def _first_other(request: StaffRequest, verb: Verb, here: int) -> int | None:
    found = [one.pk for one in work.page(request.actor, verb, limit=2) if one.pk != here]
    return found[0] if found else None


def _steps() -> list[tuple[str, str, str]]:
    return [
        ("detect", _("检测介质"), ""),
        ("key", _("介质内生成签名密钥对"), _("私钥不出介质")),
        ("issue", _("签发双证书"), ""),
        ("write", _("写入证书与加密密钥"), ""),
        ("verify", _("回读核对"), ""),
        ("label", _("打印标签"), ""),
    ]
