"""The audit: the list and one record."""

from django.http import HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from banyan.web import errors, words
from banyan.web.middleware import StaffRequest
from banyan.web.needs import needs
from banyan.web.reading import audit
from banyan.web.reading.paging import Cursor


@needs("audit.read")
@require_safe
def listing(request: StaffRequest) -> HttpResponse:
    """A page of records, filtered."""
    wanted = audit.AuditFilter.of(request.GET)
    context = {
        "page": audit.listing(request.actor, Cursor.of(request.GET), wanted),
        "wanted": wanted,
        "chosen": wanted.query(),
        "groups": words.EVENT_GROUPS.items(),
        "event_name": words.event(wanted.event) if wanted.event and not wanted.event.endswith(".") else "",
        "outcomes": [(code, words.STATES[code].word) for code in ("ok", "refused", "alarm")],
        "things": words.OBJECT_TYPES.items(),
        "thing_label": wanted.thing.partition(":")[0],
        "thing_key": wanted.thing.partition(":")[2],
    }
    return render(request, "web/audit.html", context)


@needs("audit.read")
@require_safe
def detail(request: StaffRequest, number: int) -> HttpResponse:
    """One record with everything it says."""
    row = audit.record(request.actor, number)
    if row is None:
        return errors.not_found(request)
    return render(request, "web/audit_record.html", {"row": row})
