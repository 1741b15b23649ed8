"""Certificates: the list, one pair's whole life, the certificate as a file."""

from collections.abc import Sequence

from django.http import HttpResponse, HttpResponseNotFound
from django.shortcuts import render
from django.views.decorators.http import require_safe

from banyan.domain.ca import access
from banyan.domain.iam import rights
from banyan.domain.systems import access as systems
from banyan.kernel import clock
from banyan.pki.certificate import certificate_to_pem
from banyan.web import errors, words
from banyan.web.middleware import StaffRequest
from banyan.web.needs import needs
from banyan.web.reading import certificates
from banyan.web.reading.paging import Cursor

_USES = {"signing": ("SIGNING", "BOTH"), "encryption": ("ENCRYPTION",)}


@needs("certificates.read")
@require_safe
def listing(request: StaffRequest) -> HttpResponse:
    """A page of certificates, filtered."""
    now = clock.now()
    kinds, known = certificates.words_of_kind(), [status.policy.code for status in systems.statuses()]
    chosen = {
        "state": _one_of(request.GET.get("state", ""), certificates.STATES),
        "kind": _one_of(request.GET.get("kind", ""), [code for code, _ in kinds]),
        "system": _one_of(request.GET.get("system", ""), known),
    }
    page = certificates.listing(request.actor, Cursor.of(request.GET), now, **chosen)
    context = {
        "page": page,
        "chosen": chosen,
        "states": [(code, words.STATES[code].word) for code in certificates.STATES],
        "kinds": kinds,
        "systems": [(code, words.system(code)) for code in known],
    }
    return render(request, "web/certificates.html", context)


@needs("certificates.read")
@require_safe
def detail(request: StaffRequest, pair_id: int) -> HttpResponse:
    """Both certificates of a pair and its whole life."""
    now = clock.now()
    story = certificates.story(request.actor, pair_id, now)
    may_export = rights.has(request.actor, "certificates.export")
    return render(request, "web/certificate.html", {"story": story, "may_export": may_export, "now": now})


@needs("certificates.export")
@require_safe
def export(request: StaffRequest, pair_id: int, use: str) -> HttpResponse:
    """One certificate as a PEM file."""
    for row in access.certificates_of(request.actor, pair_id):
        if row.use in _USES.get(use, ()):
            response = HttpResponse(certificate_to_pem(bytes(row.der)), content_type="application/x-pem-file")
            response["Content-Disposition"] = f'attachment; filename="{row.serial}.pem"'
            return response
    return HttpResponseNotFound(errors.not_found(request).content)


def _one_of(value: str, known: Sequence[str]) -> str:
    return value if value in known else ""
