"""Settings: processes as ordered lists, materials as a table, calendars as twelve months."""

from typing import Any

from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods, require_safe

from banyan.domain.administering import access, calendar_settings, documents, process_settings
from banyan.domain.iam import rights
from banyan.domain.parties.errors import NotFound
from banyan.domain.ra import working_days
from banyan.domain.ra.models import Business, Channel
from banyan.domain.ra.processes import MATERIALS_DOCUMENT, Verb, document_of, processes
from banyan.domain.ra.working_days import local_date
from banyan.domain.rulebook import snapshots
from banyan.domain.systems.policy import CertificateKind
from banyan.kernel import clock
from banyan.web import settings_forms
from banyan.web.middleware import StaffRequest
from banyan.web.needs import needs
from banyan.web.reading import settings
from banyan.web.views.settings_changes import Ask, ask, frame

_LARGEST_NOTICE = 64 * 1024


@needs("systems.read")
@require_safe
def process_list(request: StaffRequest) -> HttpResponse:
    """Every process with its steps."""
    rows = [
        {
            "process": process,
            "businesses": [label for code, label in Business.choices if code in process.businesses],
            "channels": [label for code, label in Channel.choices if code in process.channels],
            "days": sum(step.working_days for step in process.steps),
        }
        for process in processes().values()
    ]
    return render(request, "settings/processes.html", {**frame(request, "settings_processes"), "rows": rows})


@needs("systems.read")
@require_http_methods(["GET", "HEAD", "POST"])
def process(request: StaffRequest, code: str) -> HttpResponse:
    """One process: its steps in order, moved by buttons and keys; deadline and role of each."""
    if code not in processes():
        raise NotFound
    document = document_of(code)
    content: Any = access.newest_content(document)
    asked = Ask()
    if request.method == "POST":
        content = settings_forms.process(request.POST, document)
        if "move" in request.POST:
            content = settings_forms.moved(content, request.POST["move"])
            asked = Ask(reason=request.POST.get("reason", ""), effective_on=request.POST.get("effective_on", ""))
        else:
            asked = ask(request, document, lambda: content)
    if asked.done is not None:
        return asked.done
    verbs = [step["verb"] for step in content["step"]]
    left_out = [step for step in documents.shipped(document)["step"] if step["verb"] not in verbs]
    steps = [_step(step, is_left_out=False) for step in content["step"]]
    steps += [_step(step, is_left_out=True) for step in left_out]
    context = {
        **frame(request, "settings_processes"),
        **asked.context(document),
        "process": processes()[code],
        "steps": steps,
        "moved": request.POST.get("move", ""),
    }
    return render(request, "settings/process.html", context, status=asked.status)


def _step(step: dict[str, Any], *, is_left_out: bool) -> dict[str, Any]:
    known = step["verb"] in set(Verb)
    return {
        **step,
        "label": Verb(step["verb"]).label if known else step["verb"],
        "roles": [(role.value, rights.ROLE_NAMES[role]) for role in process_settings.roles_for(Verb(step["verb"]))]
        if known
        else [],
        "is_optional": step["verb"] in process_settings.OPTIONAL,
        "is_left_out": is_left_out,
    }


@needs("systems.read")
@require_http_methods(["GET", "HEAD", "POST"])
def materials(request: StaffRequest) -> HttpResponse:
    """Materials by business, kind and channel."""
    content: Any = access.newest_content(MATERIALS_DOCUMENT)
    asked = Ask()
    if request.method == "POST":
        content = settings_forms.materials(request.POST)
        asked = ask(request, MATERIALS_DOCUMENT, lambda: content)
    if asked.done is not None:
        return asked.done
    blank = {"code": settings_forms.NEW, "name": "", "businesses": [], "kinds": [], "channels": []}
    groups: list[tuple[str, list[tuple[str, Any]]]] = [
        ("businesses", list(Business.choices)),
        ("kinds", [(kind.value, kind.label) for kind in CertificateKind]),
        ("channels", list(Channel.choices)),
    ]
    rows = [
        {
            "entry": entry,
            "groups": [
                (place, [(code, label, code in entry[place]) for code, label in known]) for place, known in groups
            ],
        }
        for entry in (*content["material"], *([blank] if rights.has(request.actor, "systems.configure") else []))
    ]
    context = {
        **frame(request, "settings_materials"),
        **asked.context(MATERIALS_DOCUMENT),
        "rows": rows,
        "groups": groups,
        "NEW": settings_forms.NEW,
    }
    return render(request, "settings/materials.html", context, status=asked.status)


@needs("systems.read")
@require_safe
def calendar_now(request: StaffRequest) -> HttpResponse:
    """The calendar of this year."""
    del request
    return redirect("settings_calendar", local_date(clock.now()).year)


@needs("systems.read")
@require_http_methods(["GET", "HEAD", "POST"])
def calendar(request: StaffRequest, year: int) -> HttpResponse:
    """A year in twelve months; importing its notice, changing a day."""
    document = working_days.document_of(year)
    if calendar_settings.year_of(document) is None:
        raise NotFound
    asked = Ask()
    if request.method == "POST":
        asked = ask(request, document, lambda: _calendar_content(request, year))
    if asked.done is not None:
        return asked.done
    content = documents.in_force(document)
    number = snapshots.current().number(document)
    context = {
        **frame(request, "settings_calendar_now"),
        **asked.context(document),
        "year": year,
        "years": [one for one in range(year - 2, year + 3) if calendar_settings.year_of(working_days.document_of(one))],
        "months": settings.months(year, content),
        "is_known": content["is_known"],
        "is_set": number and snapshots.current().content(document) is not None,
        "lines": [settings.text(one) for one in calendar_settings.lines(content)],
        "recomputations": access.recomputations(request.actor),
        "typed": request.POST,
        "which": request.POST.get("what", ""),
    }
    return render(request, "settings/calendar.html", context, status=asked.status)


def _calendar_content(request: StaffRequest, year: int) -> dict[str, Any]:
    if request.POST.get("what") == "day":
        return settings_forms.single_day(request.POST, access.newest_content(working_days.document_of(year)))
    given = request.FILES.get("file")
    return settings_forms.notice(request.POST, year, given.read(_LARGEST_NOTICE) if given else b"")
