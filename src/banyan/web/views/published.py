"""What certificates point to: the list of revoked ones and the certificate of their CA, for anybody (B2)."""

import re

from django.conf import settings
from django.http import FileResponse, Http404, HttpRequest
from django.views.decorators.http import require_safe

from banyan.web.middleware import public

_KINDS = {"crl": "application/pkix-crl", "cer": "application/pkix-cert"}
_CODE = re.compile(r"[a-z0-9][a-z0-9-]{0,39}")


@public
@require_safe
def published(request: HttpRequest, kind: str, code: str) -> FileResponse:
    """``/crl/<code>.crl`` and ``/ca/<code>.cer``, DER as the public directory holds it."""
    del request
    folder = {"crl": "crl", "cer": "ca"}[kind]
    place = settings.HOME.public / folder / f"{code}.{kind}"
    if not _CODE.fullmatch(code) or not place.is_file():
        raise Http404
    return FileResponse(place.open("rb"), content_type=_KINDS[kind])
