"""Errors as pages: what happened, what to do next; the code last and small. Nothing of the inside is shown."""

from collections.abc import Mapping
from typing import Any

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render
from django.utils.translation import gettext as _

from banyan.domain.iam.rights import ROLE_NAMES, Role
from banyan.kernel.errors import BanyanError, fill
from banyan.web.sessions import recognise_if_known

_FAULT = 500


def text(error: BanyanError) -> str:
    """The error's message in the reader's language."""
    return fill(_(error.template), {name: _in_words(value) for name, value in error.fields.items()})


def page(
    request: HttpRequest, *, status: int, title: str, message: str, code: str = "", icon: str = "info-circle"
) -> HttpResponse:
    """An error page: within the frame for who is logged in, unless the fault may lie in the frame itself."""
    if status < _FAULT:
        recognise_if_known(request)
    context: Mapping[str, Any] = {"title": title, "message": message, "code": code, "icon": icon}
    is_framed = hasattr(request, "actor") and status < _FAULT
    return render(request, f"web/error{'_console' if is_framed else ''}.html", dict(context), status=status)


def refused(request: HttpRequest, error: BanyanError, *, status: int = 403) -> HttpResponse:
    """The page for an error of ours."""
    title = _("没有办成")
    return page(request, status=status, title=title, message=text(error), code=error.code, icon="alert-triangle")


def for_script(*, code: str, message: str, status: int = 403) -> HttpResponse:
    """An error for a page's script."""
    return JsonResponse({"error": {"code": code, "message": message}}, status=status)


def bad_request(request: HttpRequest, exception: Exception) -> HttpResponse:
    """400: what came is no request that this page knows."""
    del exception
    message = _("浏览器送来的内容读不懂，没有改变任何数据。回到首页重新操作。")
    return page(request, status=400, title=_("读不懂的请求"), message=message)


def forbidden(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    """403 raised by Django itself."""
    del exception
    message = _("您的账号不能做这一步。需要时请联系安全管理员。")
    return page(request, status=403, title=_("没有办成"), message=message, icon="lock")


def not_found(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    """404: what is not there and what may not be seen look alike."""
    del exception
    message = _("没有找到，或者不在您的查看范围内。检查号码后再查一次。")
    return page(request, status=404, title=_("没有这一页"), message=message, icon="search")


def failed(request: HttpRequest) -> HttpResponse:
    """500: nothing of the fault is shown; it is in the log."""
    message = _("系统没有完成这一步，数据没有改变。稍后再试；还不行，请联系运维。")
    return page(request, status=500, title=_("出错了"), message=message, icon="alert-triangle")


def stale_form(request: HttpRequest, reason: str = "") -> HttpResponse:
    """The form was open too long, or came from somewhere else."""
    del reason
    message = _("这一页打开得太久了。返回上一页刷新，再提交一次。")
    if request.content_type == "application/json":
        return for_script(code="web.stale_page", message=_("这一页打开得太久了。请刷新后重试。"))
    return page(request, status=403, title=_("页面已过时"), message=message, icon="refresh")


def _in_words(value: Any) -> Any:
    """A field that is itself a message, or the name of a role, in the reader's language."""
    if isinstance(value, Role):
        return _(ROLE_NAMES[value])
    return _(value) if isinstance(value, str) and value and not value.isascii() else value
