"""What needs a hand, most urgent first: each with a state, a sentence, and where to go."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from django.urls import reverse
from django.utils.http import urlencode
from django.utils.translation import gettext as _

from banyan.domain.administering.actions import KIND as SETTINGS
from banyan.domain.iam import access as iam
from banyan.domain.iam import rights
from banyan.kernel.actor import Actor
from banyan.web import words
from banyan.web.reading.figures import Figures
from banyan.web.reading.health import Health
from banyan.web.reading.staff import AccountRow

MOST = 6
_RIGHTS = {verb: f"requests.{verb}" for verb in ("precheck", "approve", "enter", "proofread", "issue", "personalize")}


@dataclass(frozen=True)
class Item:
    """One line: a state, its word where another fits better, the sentence, and the way to do something about it."""

    state: str
    text: str
    url: str = ""
    link: str = ""
    word: str = ""


def of_work(actor: Actor, figures: Figures, health: Health | None, now: datetime) -> list[Item]:
    """For those who do the work."""
    del now
    items = [
        Item(
            "OVERDUE",
            _("{step}环节超期 {n} 件").format(step=words.step(step.verb), n=step.late),
            _list("requests", step=step.verb, late="1"),
            _("查看"),
        )
        for step in figures.steps
        if step.late
    ]
    items += _of_parts(health) if health is not None else []
    mine = _mine(actor, figures)
    if mine is not None:
        items.append(mine)
    if figures.soon:
        text = _("{n} 件下一工作日前到限").format(n=figures.soon)
        items.append(Item("EXPIRING", text, _list("requests", state="OPEN"), _("查看"), _("将到限")))
    if figures.expiring_near:
        text = _("{n} 张证书 30 天内到期").format(n=figures.expiring_near)
        items.append(Item("EXPIRING", text, _list("certificates", state="EXPIRING"), _("查看")))
    return items[:MOST]


def of_staff(rows: Sequence[AccountRow], now: datetime) -> list[Item]:
    """For administrators: accounts that need a hand, and two-person requests that wait."""
    waiting = list(iam.open_dual_requests(None, now)[:20])
    items = [
        Item(
            "approve",
            _("{who}申请：{what}").format(who=one.requested_by.display_name, what=_(rights.DUAL_KINDS[one.kind].title)),
            url=reverse("settings_change", args=[one.pk]) if one.kind == SETTINGS else "",
            link=_("查看") if one.kind == SETTINGS else "",
            word=_("待第二人确认"),
        )
        for one in waiting
        if one.kind in rights.DUAL_KINDS
    ]
    for state in ("LOCKED_OUT", "NO_PASSWORD"):
        names = [row.account.display_name for row in rows if row.state == state]
        items += [Item(state, name, reverse("staff"), _("查看")) for name in names]
    return items[:MOST]


def _of_parts(health: Health) -> list[Item]:
    items = [
        Item("down", _("{part}进程没有应答，签发会停下来等").format(part=part.name))
        for part in health.parts
        if part.code in ("signer", "kmc") and not part.is_well
    ]
    if health.waiting_superior:
        text = _("{n} 对证书等待上级 CA 签发").format(n=health.waiting_superior)
        items.append(Item("notice", text, _list("requests", step="issue"), _("查看"), _("上级 CA")))
    if health.waiting_own:
        text = _("{n} 对证书排队等待签发").format(n=health.waiting_own)
        items.append(Item("waiting", text, _list("requests", step="issue"), _("查看")))
    if health.dead_letters:
        items.append(Item("notice", _("{n} 条外发消息没有送到").format(n=health.dead_letters)))
    return items


def _mine(actor: Actor, figures: Figures) -> Item | None:
    """The step of this person's role with most to do."""
    own = [step for step in figures.steps if step.verb in _RIGHTS and rights.has(actor, _RIGHTS[step.verb])]
    steps = [step for step in own if step.total]
    if not steps:
        return None
    most = max(steps, key=lambda step: step.total)
    return Item(most.verb, _("等待处理 {n} 件").format(n=most.total), _list("requests", step=most.verb), _("查看"))


def _list(page: str, **chosen: str) -> str:
    return reverse(page) + (f"?{urlencode(chosen)}" if chosen else "")
