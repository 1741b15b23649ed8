"""The files of people, organizations and equipment."""

from django.http import HttpResponse
from django.shortcuts import render
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST, require_safe

from banyan.domain.parties.looking import reveal_person
from banyan.kernel import clock
from banyan.web.middleware import StaffRequest
from banyan.web.needs import needs
from banyan.web.reading import files as reading
from banyan.web.reading.paging import Cursor

_READ = {"person": reading.person, "organization": reading.organization, "device": reading.device}


@needs("parties.read")
@require_safe
def listing(request: StaffRequest) -> HttpResponse:
    """Who is on record; the search box finds one, this list is for looking through."""
    kinds = reading.kinds()
    kind = kinds.get(request.GET.get("kind", ""), kinds["person"])
    page = reading.listing(request.actor, kind, Cursor.of(request.GET))
    context = {"kinds": kinds.values(), "kind": kind, "page": page, "chosen": {"kind": kind.code}}
    return render(request, "desk/files.html", context)


@needs("parties.read")
@require_safe
def detail(request: StaffRequest, pk: int, kind: str) -> HttpResponse:
    """One file."""
    return render(request, "desk/file.html", {"file": _READ[kind](request.actor, pk, clock.now())})


@needs("parties.reveal")
@never_cache
@require_POST
def reveal(request: StaffRequest, pk: int) -> HttpResponse:
    """A person's numbers in clear, on the answer to this form only; the look and its purpose are on record."""
    now = clock.now()
    purpose = request.POST.get("purpose", "").strip()
    context = {"file": reading.person(request.actor, pk, now)}
    if not purpose:
        return render(request, "desk/file.html", context | {"problem": _("请写明查看的事由。")}, status=422)
    shown = reveal_person(request.actor, pk, purpose=purpose, now=now)
    return render(request, "desk/file.html", context | {"revealed": shown})
