"""Settings: the issuing systems at a glance, one system, its switch; media and vendors."""

from typing import Any

from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from banyan.domain.administering import access, documents, system_settings
from banyan.domain.ra import access as ra
from banyan.domain.systems import access as systems
from banyan.domain.systems.actions import configure_system
from banyan.domain.systems.errors import SystemsError
from banyan.domain.systems.policy import CertificateKind, MediumKind
from banyan.domain.systems.registry import document_of
from banyan.kernel import clock
from banyan.web import errors, once, settings_forms, words
from banyan.web.middleware import StaffRequest
from banyan.web.needs import needs
from banyan.web.reading import settings
from banyan.web.views.settings_changes import Ask, ask, frame


@needs("systems.read")
@require_safe
def overview(request: StaffRequest) -> HttpResponse:
    """The four systems: kinds, media, forms, open requests, whether they run and through which connector."""
    counts = ra.open_by_system()
    rows = [
        {"status": status, "word": words.system(status.policy.code), "open": counts.get(status.policy.code, 0)}
        for status in systems.statuses()
    ]
    return render(request, "settings/overview.html", {**frame(request, "settings"), "rows": rows})


@needs("systems.read")
@require_http_methods(["GET", "HEAD", "POST"])
def system(request: StaffRequest, code: str) -> HttpResponse:
    """One system's policy, and asking for another."""
    status = systems.status(code)
    document = document_of(code)
    content = dict(access.newest_content(document))
    asked = Ask()
    if request.method == "POST":
        posted = settings_forms.system(request.POST, content)
        asked = ask(request, document, lambda: posted)
        content = posted
    if asked.done is not None:
        return asked.done
    return render(request, "settings/system.html", _system(request, status, content, asked), status=asked.status)


@needs("systems.configure")
@require_POST
def switch(request: StaffRequest, code: str) -> HttpResponse:
    """Switch a system on or off, or give it a connector of its own."""
    status = systems.status(code)

    def work() -> dict[str, Any]:
        seen = settings_forms.number(request.POST.get("version", ""))
        row = configure_system(
            request.actor,
            code,
            seen if isinstance(seen, int) and seen else None,
            is_enabled="is_enabled" in request.POST,
            connector=request.POST.get("connector", "").strip()[:40],
            now=clock.now(),
        )
        return {"version": row.version}

    try:
        once.send(request, f"system-{code}", work)
    except SystemsError as error:
        content = dict(access.newest_content(document_of(code)))
        asked = Ask(place="switch", message=errors.text(error))
        return render(request, "settings/system.html", _system(request, status, content, asked), status=asked.status)
    return redirect("settings_system", code)


@needs("systems.read")
@require_safe
def media(request: StaffRequest) -> HttpResponse:
    """Which media each system takes, which products are registered, which makers' devices the token agent knows."""
    rows = [
        {"word": words.system(status.policy.code), "code": status.policy.code, "allowed": set(status.policy.media)}
        for status in systems.statuses()
    ]
    context = {
        **frame(request, "settings_media"),
        "rows": rows,
        "kinds": list(MediumKind),
        "products": access.media(request.actor),
        "vendors": settings.vendors(),
    }
    return render(request, "settings/media.html", context)


def _system(request: StaffRequest, status: systems.SystemStatus, content: dict[str, Any], asked: Ask) -> dict[str, Any]:
    document = document_of(status.policy.code)
    shipped = {entry["code"]: entry for entry in documents.shipped(document).get("field", [])}
    kinds = [
        {
            "code": entry["kind"],
            "name": CertificateKind(entry["kind"]).label,
            "entry": entry,
            "media": [(one.value, one.label, one in entry["media"]) for one in MediumKind],
        }
        for entry in content["kind"]
    ]
    blank = {"code": settings_forms.NEW, "label": "", "type": "text", "required": False, "max_length": 60, "hint": ""}
    fields = [
        {
            "entry": entry,
            "choices": "\n".join(entry.get("choices", ())),
            "is_shipped": entry["code"] in shipped,
            "is_kept": shipped.get(entry["code"], {}).get("required", False),
            "kinds": [(one["code"], one["name"], entry["code"] in one["entry"].get("fields", ())) for one in kinds],
        }
        for entry in (*content.get("field", ()), blank)
    ]
    return {
        **frame(request, "settings"),
        **asked.context(document),
        "status": status,
        "content": content,
        "kinds": kinds,
        "fields": fields,
        "types": [(kind.value, word) for kind, word in system_settings.FIELD_TYPES.items()],
    }
