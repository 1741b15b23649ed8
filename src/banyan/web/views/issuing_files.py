"""Certificates for equipment: its own PKCS#10 comes in, certificates and envelope go out as files, its signature proves it."""

import io
import zipfile
from typing import Any

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe

from banyan.domain.ca import access as certificates
from banyan.domain.inventory import access as tokens
from banyan.domain.inventory.errors import InventoryError, TokenNotFound
from banyan.domain.inventory.rules import token_serial
from banyan.domain.inventory.stocking import TokenEntry, receive_tokens
from banyan.domain.ra import access as ra
from banyan.domain.ra import actions
from banyan.domain.ra.models import ServiceRequest
from banyan.domain.systems.policy import MediumKind
from banyan.kernel import clock
from banyan.kernel.errors import N_, BanyanError
from banyan.pki.armor import unwrap
from banyan.pki.certificate import certificate_to_pem
from banyan.web import errors, once
from banyan.web.middleware import StaffRequest
from banyan.web.needs import needs
from banyan.web.reading.issuing import container_of
from banyan.web.views import issuing

_LARGEST_PROOF = 4096


class FileMissing(BanyanError):
    """Neither a file nor pasted text came."""

    code = "web.file_missing"
    message = N_("没有收到证书申请。粘贴 PEM 文本，或选择文件。")


@needs("requests.issue")
@require_POST
def take_request(request: StaffRequest, request_id: int) -> HttpResponse:
    """The equipment's PKCS#10; equipment that is on nobody's record is registered with it."""
    typed = {name: request.POST.get(name, "") for name in ("serial", "csr")}

    def do() -> dict[str, Any]:
        one = ra.request(request.actor, request_id)
        serial = token_serial(typed["serial"])
        _register(request, one, serial)
        done = actions.issue(
            request.actor, request_id, clock.now(), csr=_csr(request), token_serial=serial,
            container=container_of(one),
        )  # fmt: skip
        return {"number": done.number}

    try:
        done = once.send(request, "issue-file", do, about=request_id)
    except BanyanError as error:
        return issuing.page(request, request_id, {"error": errors.text(error), "typed": typed}, status=422)
    issuing.ask_ca(request, request_id)
    messages.success(request, _("{number} 已提交签发").format(**done))
    return redirect("issuing_request", request_id)


@needs("requests.issue")
@require_safe
def files(request: StaffRequest, request_id: int) -> HttpResponse:
    """What the equipment needs, in one archive: certificates, the envelope of its encryption key, the nonce it signs."""
    one = actions.give_files(request.actor, request_id)
    content = _archive(request, one)
    response = HttpResponse(content, content_type="application/zip")
    response["Content-Disposition"] = f'attachment; filename="{one.number}.zip"'
    return response


@needs("requests.personalize")
@require_POST
def take_proof(request: StaffRequest, request_id: int) -> HttpResponse:
    """The equipment's signature over the nonce: it holds the pair, and the request goes on."""
    proof = request.FILES.get("proof")
    signature = proof.read(_LARGEST_PROOF) if proof is not None else b""

    def do() -> dict[str, Any]:
        return {"number": actions.personalize(request.actor, request_id, clock.now(), signature=signature).number}

    try:
        done = once.send(request, "proof-file", do, about=request_id)
    except BanyanError as error:
        return issuing.page(request, request_id, {"error": errors.text(error)}, status=422)
    messages.success(request, _("{number} 已核验").format(**done))
    return redirect("issuing")


def _archive(request: StaffRequest, one: ServiceRequest) -> bytes:
    place = io.BytesIO()
    with zipfile.ZipFile(place, "w", zipfile.ZIP_DEFLATED) as archive:
        for held in certificates.certificates_of(request.actor, one.issued_pair_id or 0):
            name = "encryption" if held.use == held.Use.ENCRYPTION else "signing"
            archive.writestr(f"{name}.pem", certificate_to_pem(bytes(held.der)))
        task = tokens.task_of_issuance(request.actor, one.issuance_id or 0)
        if task.envelope is not None:
            archive.writestr("envelope.der", bytes(task.envelope))
        archive.writestr("nonce.txt", actions.personalization_nonce(one))
    return place.getvalue()


def _register(request: StaffRequest, one: ServiceRequest, serial: str) -> None:
    try:
        tokens.token_by_serial(request.actor, serial)
    except TokenNotFound:
        (row,) = receive_tokens(
            request.actor, [TokenEntry(serial)], medium=MediumKind.SERVER_HSM.value, region_code=one.region_code,
            batch=_("设备登记"), now=clock.now(),
        )  # fmt: skip
        if isinstance(row, InventoryError):
            raise row from None


def _csr(request: StaffRequest) -> bytes:
    given = request.FILES.get("file")
    data = given.read() if given is not None else request.POST.get("csr", "").strip().encode()
    if not data:
        raise FileMissing
    return unwrap(data)[1]
