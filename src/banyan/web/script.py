"""What pages' scripts send and get, and which pages may speak to the token agent of the machine."""

import base64
import binascii
import json
from collections.abc import Callable, Mapping
from functools import wraps
from typing import Any, ParamSpec

from csp.decorators import csp_update
from django.conf import settings
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.utils.translation import gettext as _

from banyan.domain.iam.errors import OriginDiffers
from banyan.kernel.errors import BanyanError
from banyan.web import errors

P = ParamSpec("P")
_LARGEST = 64 * 1024


class Unreadable(Exception):
    """What the script sent is none of ours."""


def for_script(view: Callable[P, HttpResponse]) -> Callable[P, HttpResponse]:
    """JSON in and out: what is no JSON is refused, and an error of ours is told as one."""

    @wraps(view)
    def run(*args: P.args, **kwargs: P.kwargs) -> HttpResponse:
        request: Any = args[0]
        if request.content_type != "application/json":
            return errors.for_script(code="web.media_type", message=_("只接受 application/json。"), status=415)
        try:
            return view(*args, **kwargs)
        except Unreadable:
            message = _("浏览器送来的内容读不懂，没有改变任何数据。请刷新页面后重试。")
            return errors.for_script(code="web.unreadable", message=message, status=400)
        except BanyanError as error:
            return errors.for_script(code=error.code, message=errors.text(error))

    return run


def read(request: HttpRequest, names: frozenset[str]) -> dict[str, str]:
    """The fields of a message, each a text, none missing, none more. Raises Unreadable."""
    if len(request.body) > _LARGEST:
        raise Unreadable
    try:
        pairs = json.loads(request.body, object_pairs_hook=list)
        sent = dict(pairs)
    except (ValueError, TypeError, RecursionError) as error:
        raise Unreadable from error
    is_whole = isinstance(pairs, list) and len(sent) == len(pairs) and sent.keys() == names
    if not is_whole or not all(isinstance(value, str) for value in sent.values()):
        raise Unreadable
    return sent


def octets(text: str) -> bytes:
    """Base64 of a message. Raises Unreadable."""
    try:
        return base64.b64decode(text, validate=True)
    except (ValueError, binascii.Error) as error:
        raise Unreadable from error


def base64_of(data: bytes) -> str:
    """Octets as messages carry them."""
    return base64.b64encode(data).decode()


def ensure_own_origin(request: HttpRequest) -> None:
    """Browsers name the page's origin with every POST; the agent signs it too, so another one could not succeed."""
    if request.headers.get("Origin") != settings.BANYAN.origin:
        raise OriginDiffers(url=settings.BANYAN.url)


def with_agent(request: HttpRequest, response: HttpResponse) -> HttpResponse:
    """Let this page speak to the token agent of the machine; no other page may."""
    port = settings.BANYAN.agent_port
    sources: Mapping[str, Any] = {"connect-src": [f"wss://localhost:{port}", f"https://localhost:{port}"]}

    def page(_request: HttpRequest) -> HttpResponseBase:
        return response

    csp_update(dict(sources))(page)(request)
    return response
