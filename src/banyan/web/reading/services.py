"""How the services stand that the counter can work without, and what is left to be done because one was down."""

from dataclasses import dataclass
from datetime import datetime

from django.utils.translation import gettext as _

from banyan.domain.content import access as content
from banyan.domain.content.models import Outage
from banyan.domain.iam import rights
from banyan.domain.ra import work
from banyan.kernel.actor import Actor
from banyan.web.reading import health
from banyan.web.reading.health import Part
from banyan.web.reading.queue import QueueRow, rows_of
from banyan.web.reading.today import url_of_step

_SHOWN = 20


@dataclass(frozen=True)
class LeftWork:
    """Something that waits for a service: how much, and where one sees it."""

    what: str
    count: int
    todo: str


@dataclass(frozen=True)
class Standing:
    """The whole page."""

    parts: list[Part]
    left: list[LeftWork]
    waiting: list[QueueRow]
    outages: list[Outage]


def standing(actor: Actor, now: datetime) -> Standing:
    """Services, what waits for them, requests whose CA is silent, and what was down lately."""
    found = health.health()
    left = []
    if found.waiting_superior:
        left.append(LeftWork(_("等待上级 CA 的证书"), found.waiting_superior, _("恢复后自动继续，不用重做")))
    if found.waiting_own:
        left.append(LeftWork(_("等待签发的证书"), found.waiting_own, _("签发服务恢复后自动继续")))
    if found.dead_letters:
        left.append(LeftWork(_("没有送到的外发消息"), found.dead_letters, _("请系统管理员查明原因后重发")))
    for target in found.queued:
        left.append(LeftWork(_("待发：{name}").format(name=target.name), target.waiting, target.todo))
    waiting = work.waiting_for_ca(actor, limit=_SHOWN) if rights.has(actor, "requests.read") else []
    return Standing(found.parts, left, rows_of(actor, waiting, now, url_of_step), content.outages(limit=_SHOWN))
