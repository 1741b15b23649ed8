"""Errors as pages: what happened, what to do next; the code last and small."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.translation import gettext as _

from banyan.kernel.errors import BanyanError, fill


def text(error: BanyanError) -> str:
    """The error's message in the reader's language."""
    return fill(_(error.template), error.fields)


def page(request: HttpRequest, *, status: int, title: str, message: str, code: str = "") -> HttpResponse:
    """An error page."""
    context = {"title": title, "message": message, "code": code}
    return render(request, "web/error.html", context, status=status)


def refused(request: HttpRequest, error: BanyanError, *, status: int = 403) -> HttpResponse:
    """The page for an error of ours."""
    return page(request, status=status, title=_("没有办成"), message=text(error), code=error.code)


def not_found(request: HttpRequest, exception: Exception) -> HttpResponse:
    """404: what is not there and what may not be seen look alike."""
    del exception
    return page(request, status=404, title=_("没有这一页"), message=_("没有找到，或者不在您的查看范围内。检查号码后再查一次。"))


def failed(request: HttpRequest) -> HttpResponse:
    """500: nothing of the fault is shown; it is in the log."""
    return page(request, status=500, title=_("出错了"), message=_("系统没有完成这一步，数据没有改变。稍后再试；还不行，请联系运维。"))


def stale_form(request: HttpRequest, reason: str = "") -> HttpResponse:
    """The form was open too long, or came from somewhere else."""
    del reason
    return page(request, status=403, title=_("页面已过时"), message=_("这一页打开得太久了。返回上一页刷新，再提交一次。"))
