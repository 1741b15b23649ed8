"""Changes of settings: asked for by one administrator, shown with their difference, confirmed by another; the history."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from banyan.domain.administering import access, actions, calendar_settings, documents
from banyan.domain.iam import access as iam
from banyan.domain.iam import rights
from banyan.domain.iam.dual_control import withdraw_dual
from banyan.domain.iam.errors import DualControlError, SamePerson
from banyan.domain.rulebook import snapshots
from banyan.domain.rulebook.errors import (
    DocumentUnknown,
    EffectiveTooEarly,
    ReasonMissing,
    RulebookError,
    SettingRefused,
)
from banyan.kernel import clock
from banyan.web import errors, once, settings_forms
from banyan.web.middleware import StaffRequest
from banyan.web.needs import needs
from banyan.web.reading import settings
from banyan.web.reading.paging import Cursor

_TABS = (
    ("settings", gettext_lazy("签发系统")),
    ("settings_processes", gettext_lazy("流程")),
    ("settings_materials", gettext_lazy("材料")),
    ("settings_media", gettext_lazy("介质")),
    ("settings_calendar_now", gettext_lazy("日历")),
    ("settings_changes", gettext_lazy("修改与复核")),
)
_PLACES: Mapping[type[RulebookError], str] = {ReasonMissing: "reason", EffectiveTooEarly: "effective_on"}
_REFUSED = 422
_PAGE = 30


@dataclass(frozen=True)
class Ask:
    """What became of a form: the way on, or what is wrong and at which field."""

    done: HttpResponse | None = None
    place: str = ""
    message: str = ""
    reason: str = ""
    effective_on: str = ""

    @property
    def status(self) -> int:
        """The status of the page that shows it."""
        return _REFUSED if self.message else 200

    def context(self, document: str) -> dict[str, Any]:
        """What the foot of every form shows, and where the newest version stands."""
        newest = access.newest_number(document)
        return {
            "document": document,
            "wrong": {self.place or "form": self.message} if self.message else {},
            "reason": self.reason,
            "effective_on": self.effective_on,
            "newest": newest,
            "in_force": snapshots.current().number(document),
        }


def frame(request: StaffRequest, tab: str) -> dict[str, Any]:
    """The tabs of the settings, and what the person may do."""
    waiting = len(access.pending(request.actor, clock.now()))
    tabs = [
        {
            "url": reverse(name),
            "word": word,
            "current": name == tab,
            "count": waiting if name == "settings_changes" else 0,
        }
        for name, word in _TABS
    ]
    return {
        "tabs": tabs,
        "may_set": rights.has(request.actor, "systems.configure"),
        "may_confirm": rights.has(request.actor, "systems.confirm"),
    }


def ask(request: StaffRequest, document: str, read: Callable[[], Mapping[str, Any] | None]) -> Ask:
    """Do what a form asks: store the change for the second person. What is refused comes back with its field."""
    posted = request.POST

    def work() -> dict[str, Any]:
        base = settings_forms.number(posted.get("base", ""))
        made = actions.ask_for_change(
            request.actor,
            document,
            read(),
            reason=posted.get("reason", ""),
            now=clock.now(),
            effective_on=settings_forms.effective_on(posted),
            base=base if isinstance(base, int) else None,
        )
        return {"change": made.pk}

    try:
        done = once.send(request, "settings", work)
    except RulebookError as error:
        if isinstance(error, DocumentUnknown):
            raise
        place = error.place if isinstance(error, SettingRefused) else _PLACES.get(type(error), "")
        return Ask(None, place, errors.text(error), posted.get("reason", ""), posted.get("effective_on", ""))
    return Ask(redirect("settings_change", done["change"]))


@needs("systems.read")
@require_safe
def listing(request: StaffRequest) -> HttpResponse:
    """Changes that wait for the second person, and every version there has been."""
    now = clock.now()
    document = request.GET.get("document", "")
    before = Cursor.of(request.GET).before
    versions = access.versions(request.actor, document, before=before, limit=_PAGE + 1)
    names = iam.names_of([one.asked_by for one in versions] + [one.confirmed_by for one in versions])
    rows = [
        {
            "version": one,
            "title": settings.title(one.document),
            "asked_by": names.get(one.asked_by, ""),
            "confirmed_by": names.get(one.confirmed_by, ""),
            "is_in_force": snapshots.current().number(one.document) == one.number,
            "is_to_come": one.effective_at > now,
            "recomputation": getattr(one, "recomputation", None),
        }
        for one in versions[:_PAGE]
    ]
    waiting = [
        {"request": one, "title": settings.title(access.document_of(one))} for one in access.pending(request.actor, now)
    ]
    context = {
        **frame(request, "settings_changes"),
        "waiting": waiting,
        "rows": rows,
        "document": document,
        "document_title": settings.title(document) if document else "",
        "older": versions[_PAGE - 1].pk if len(versions) > _PAGE else None,
    }
    return render(request, "settings/changes.html", context)


@needs("systems.read")
@require_safe
def detail(request: StaffRequest, change_id: int) -> HttpResponse:
    """One change: what it says, what stood before, who asked and why; the second person decides here."""
    return _shown(request, change_id)


def _shown(request: StaffRequest, change_id: int, message: str = "") -> HttpResponse:
    change = access.change(request.actor, change_id)
    now = clock.now()
    year = calendar_settings.year_of(change.document)
    is_waiting = change.request.state in ("PENDING", "CONFIRMED") and change.request.expires_at > now
    context = {
        **frame(request, "settings_changes"),
        "change": change,
        "title": settings.title(change.document),
        "lines": settings.difference(change.before, change.after),
        "touches": [settings.text(one) for one in change.touches],
        "is_waiting": is_waiting,
        "is_expired": change.request.state == "PENDING" and not is_waiting,
        "is_own": change.request.requested_by_id == request.actor.id,
        "months": settings.months(year, change.content) if year else [],
        "year": year,
        "message": message,
    }
    return render(request, "settings/change.html", context, status=_REFUSED if message else 200)


@needs(one_of=("systems.configure", "systems.confirm"))
@require_POST
def decide(request: StaffRequest, change_id: int) -> HttpResponse:
    """Confirm a change, which carries it out, or take it back."""
    found = access.change(request.actor, change_id).request
    work = _withdraw if request.POST.get("do") == "withdraw" else _confirm
    try:
        once.send(request, f"settings-{change_id}", lambda: work(request, found))
    except (RulebookError, DualControlError, SamePerson) as error:
        return _shown(request, change_id, errors.text(error))
    return redirect("settings_change", change_id)


def _confirm(request: StaffRequest, found: Any) -> dict[str, Any]:
    return {"version": actions.confirm_change(request.actor, found, clock.now()).number}


def _withdraw(request: StaffRequest, found: Any) -> dict[str, Any]:
    return {"withdrawn": withdraw_dual(actor=request.actor, request=found, now=clock.now()).pk}


@needs("systems.read")
@require_http_methods(["GET", "HEAD", "POST"])
def version(request: StaffRequest, document: str, number: int) -> HttpResponse:
    """One version against the one before, and asking for it again. Number 0 is what the product ships."""
    row = access.version(request.actor, document, number) if number else None
    asked = Ask()
    if request.method == "POST":
        content = None if row is None or not row.content else documents.at(document, number)
        asked = ask(request, document, lambda: content)
    if asked.done is not None:
        return asked.done
    before, after = (
        access.compared(document, number) if number else ([], documents.lines(document, documents.shipped(document)))
    )
    names = iam.names_of([row.asked_by, row.confirmed_by]) if row else {}
    context = {
        **frame(request, "settings_changes"),
        **asked.context(document),
        "row": row,
        "number": number,
        "names": {"asked": names.get(row.asked_by, ""), "confirmed": names.get(row.confirmed_by, "")} if row else {},
        "title": settings.title(document),
        "lines": settings.difference(before, after)
        if number
        else [settings.Line("same", settings.text(one)) for one in after],
        "what": _("第 {n} 版").format(n=number) if number else _("产品自带"),
    }
    return render(request, "settings/version.html", context, status=asked.status)
