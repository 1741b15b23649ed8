"""Pages of materials as clean images, the original as an attachment, files that wait for the scanner."""

from django.contrib import messages
from django.http import Http404, HttpResponse, HttpResponseBase, StreamingHttpResponse
from django.shortcuts import redirect
from django.utils.http import content_disposition_header
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe

from banyan.adapters import intake_files
from banyan.domain.ra import access as ra
from banyan.domain.ra import actions, album, storing
from banyan.kernel import clock
from banyan.kernel.errors import BanyanError
from banyan.web import errors
from banyan.web.middleware import HIDDEN, StaffRequest
from banyan.web.needs import needs
from banyan.web.taking_in import refused

_SANDBOX = "sandbox; default-src 'none'; frame-ancestors 'none'"


@needs(one_of=ra.MATERIAL_RIGHTS)
@require_safe
def page(request: StaffRequest, request_id: int, material_id: int, sheet: int) -> HttpResponseBase:
    """One page, as it was drawn when the file was taken in."""
    return _image(request, request_id, material_id, sheet, "page")


@needs(one_of=ra.MATERIAL_RIGHTS)
@require_safe
def thumbnail(request: StaffRequest, request_id: int, material_id: int, sheet: int) -> HttpResponseBase:
    """One page, small."""
    return _image(request, request_id, material_id, sheet, "thumb")


@needs(one_of=ra.MATERIAL_RIGHTS)
@require_safe
def original(request: StaffRequest, request_id: int, material_id: int) -> HttpResponseBase:
    """The file as it was handed in; never shown by the browser, and the audit says who took it."""
    material = actions.download_original(request.actor, request_id, material_id)
    response = StreamingHttpResponse(storing.pieces(material), content_type="application/octet-stream")
    response["Content-Length"] = str(material.size)
    name = content_disposition_header(as_attachment=True, filename=material.name)
    response["Content-Disposition"] = name or "attachment"
    return _closed(response)


@needs("requests.create")
@require_POST
def remove(request: StaffRequest, request_id: int, material_id: int) -> HttpResponse:
    """Take a file out of the request; the decisions that were given for it no longer hold."""
    try:
        actions.remove_material(request.actor, request_id, material_id, clock.now())
    except HIDDEN:
        raise
    except BanyanError as error:
        messages.error(request, errors.text(error))
    else:
        messages.success(request, _("材料已移出"))
    return redirect("intake_request", request_id)


@needs("requests.create")
@require_POST
def retry(request: StaffRequest, request_id: int, held_id: int) -> HttpResponse:
    """Have a waiting file scanned again."""
    try:
        actions.take_up_held_file(request.actor, request_id, held_id, intake_files.tools(), clock.now())
    except HIDDEN:
        raise
    except BanyanError as error:
        messages.error(request, errors.text(refused(request.actor, error)))
    else:
        messages.success(request, _("检查通过，材料已加入"))
    return redirect("intake_request", request_id)


@needs("requests.create")
@require_POST
def drop(request: StaffRequest, request_id: int, held_id: int) -> HttpResponse:
    """Give a waiting file up."""
    actions.drop_held_file(request.actor, request_id, held_id)
    messages.success(request, _("材料已移出"))
    return redirect("intake_request", request_id)


def _image(request: StaffRequest, request_id: int, material_id: int, sheet: int, size: album.Size) -> HttpResponseBase:
    material = ra.material(request.actor, request_id, material_id)
    try:
        data = album.page_of(material, sheet, size)
    except LookupError as error:
        raise Http404 from error
    return _closed(HttpResponse(data, content_type="image/jpeg"))


def _closed(response: HttpResponseBase) -> HttpResponseBase:
    response["X-Content-Type-Options"] = "nosniff"
    response["Content-Security-Policy"] = _SANDBOX
    response["Cache-Control"] = "no-store"
    return response
