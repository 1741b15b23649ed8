"""Notices in words: what stands still, from when until when, what goes on meanwhile."""

from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache

from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from banyan.domain.content import access
from banyan.domain.content.access import Notice
from banyan.domain.content.models import Service

_FRESH_S = 20
# What goes on while a service stands still; intake and issuing as far as they can.
_GOES_ON = {
    Service.ALL: "",
    Service.ISSUING: gettext_lazy("受理、审核、录入、校对照常，恢复后再签发。"),
    Service.SUPERIOR_CA: gettext_lazy("受理、审核、录入、校对照常，签发排队，恢复后自动继续。"),
    Service.KMC: gettext_lazy("受理、审核、录入、校对照常，恢复后再签发。"),
    Service.DIRECTORY: gettext_lazy("业务照常，证书恢复后自动发布。"),
    Service.SMS: gettext_lazy("业务照常，通知改用电话。"),
    Service.ARCHIVES: gettext_lazy("业务照常，档案恢复后补录。"),
    Service.STATISTICS: gettext_lazy("业务照常。"),
    Service.PORTAL: gettext_lazy("窗口业务照常。"),
}


@dataclass(frozen=True)
class NoticeLine:
    """A notice as people read it."""

    what: str
    when: str
    reason: str
    goes_on: str
    is_now: bool


def current(now: datetime) -> list[NoticeLine]:
    """What everybody is told; read anew every ``_FRESH_S`` seconds at most, since every page shows it."""
    return [line(one) for one in _notices(int(now.timestamp()) // _FRESH_S)]


@lru_cache(maxsize=1)
def _notices(turn: int) -> tuple[Notice, ...]:
    return tuple(access.notices(datetime.fromtimestamp(turn * _FRESH_S, tz=timezone.get_default_timezone())))


def forget() -> None:
    """A stop was planned or called off here: the next page shows it."""
    _notices.cache_clear()


def line(notice: Notice) -> NoticeLine:
    """One notice in words."""
    name = str(notice.service.label)
    if notice.until is None:
        what = _("{service}暂时中断").format(service=name)
        when = _("{since} 起，正在恢复").format(since=_moment(notice.since))
    else:
        what = (
            _("{service}停机中").format(service=name) if notice.is_now else _("{service}计划停机").format(service=name)
        )
        when = _("{since} 至 {until}").format(since=_moment(notice.since), until=_moment(notice.until))
    return NoticeLine(what, when, notice.reason, str(_GOES_ON[notice.service]), notice.is_now)


def _moment(value: datetime) -> str:
    return timezone.localtime(value).strftime("%m-%d %H:%M")
