"""What every page shows around its content: navigation, language, the mark of a sample."""

from typing import Any

from django.conf import settings
from django.http import HttpRequest
from django.urls import NoReverseMatch, reverse
from django.utils.functional import SimpleLazyObject
from django.utils.translation import gettext_lazy as _

from banyan.domain.iam import access, rights
from banyan.domain.ra import access as ra
from banyan.domain.ra import work
from banyan.domain.ra.processes import Verb
from banyan.kernel import clock
from banyan.kernel.actor import Actor
from banyan.web.reading import confirmations, notices

_SETTINGS = (
    "settings_system", "settings_switch", "settings_media", "settings_processes", "settings_process", "settings_materials",
    "settings_calendar", "settings_changes", "settings_change", "settings_decide", "settings_version",
)  # fmt: skip
# Whoever may confirm something has the inbox in sight; others reach it from the page of what they asked for.
CONFIRMING = tuple(sorted({kind.confirm_right for kind in rights.DUAL_KINDS.values()}))
# page name, word, icon, right that opens it (one of several), names of the pages below it
_ENTRIES: tuple[tuple[str, Any, str, str | tuple[str, ...] | None, tuple[str, ...]], ...] = (
    ("dashboard", _("运行总览"), "layout-dashboard", None, ("figures",)),
    ("certificates", _("证书"), "file-certificate", "certificates.read", ("certificate",)),
    ("requests", _("申请单"), "inbox", "requests.read", ("request",)),
    ("services", _("服务"), "server", "ca.read", ()),
    ("stops", _("停机"), "clock", "systems.configure", ()),
    ("agents", _("介质助手"), "device-usb", "tokens.register_agents", ()),
    ("statistics", _("统计"), "chart-histogram", "statistics.read", ()),
    ("staff", _("人员"), "users", "iam.read", ("staff_new", "staff_person", "staff_link", "policy", "rights")),
    ("confirmations", _("待确认"), "checks", CONFIRMING, ()),
    ("points", _("签发点"), "map-pin", "points.read", ("point", "point_new")),
    ("settings", _("设置"), "settings", "systems.read", _SETTINGS),
    ("papers", _("打印模板"), "printer", ("papers.manage", "papers.confirm"), ("paper", "paper_picture")),
    ("audit", _("审计"), "history", "audit.read", ("audit_record",)),
)
# The counter's rail follows the process: page name, word, icon, the steps done there; a page without steps is for all.
_RAIL: tuple[tuple[str, Any, str, tuple[Verb, ...]], ...] = (
    ("today", _("今日"), "sun", ()),
    ("intake", _("受理"), "inbox", (Verb.PRECHECK,)),
    ("approvals", _("审核"), "gavel", (Verb.APPROVE,)),
    ("entries", _("录入"), "pencil", (Verb.ENTER,)),
    ("proofreadings", _("校对"), "eye-check", (Verb.PROOFREAD,)),
    ("issuing", _("签发"), "certificate", (Verb.ISSUE, Verb.PERSONALIZE)),
    ("delivery", _("领取"), "package-export", (Verb.NOTIFY_READY, Verb.HAND_OVER, Verb.UNLOCK, Verb.REVOKE)),
    ("files", _("档案"), "folder", ()),
)
# Pages of an entry that are not called after it.
_BELOW: dict[str, tuple[str, ...]] = {
    "approvals": ("approval",),
    "entries": ("entry",),
    "proofreadings": ("proofreading",),
    "delivery": ("unlocking", "revoking", "parcels"),
}
# A phone has room for these.
_ON_PHONE = frozenset({"today", "approvals", "entries", "proofreadings", "delivery"})
# Searching looks through all of these at once.
SEARCH_RIGHTS = ("requests.read", "certificates.read", "parties.read", "tokens.read")


def frame(request: HttpRequest) -> dict[str, Any]:
    """Context for every template. Touches no database before a template asks for the person's name or the rail."""
    actor = getattr(request, "actor", None)
    match = request.resolver_match
    here = (match.url_name or "") if match else ""
    entries = [
        {
            "url": reverse(name),
            "icon": icon,
            "name": word,
            "current": here == name or here in below,
            "count": SimpleLazyObject(lambda: confirmations.count_for(actor, clock.now()))
            if name == "confirmations"
            else 0,
        }
        for name, word, icon, right, below in _ENTRIES
        if actor is not None and _opens(actor, right)
    ]
    return {
        "navigation": entries,
        "has_desk": actor is not None and has_desk(actor),
        "rail": SimpleLazyObject(lambda: _rail(actor, here)),
        "is_sample": settings.BANYAN.state == "sample",
        "can_search": actor is not None and all(rights.has(actor, right) for right in SEARCH_RIGHTS),
        "notices": SimpleLazyObject(lambda: notices.current(clock.now())),
        "person_name": SimpleLazyObject(lambda: _name_of(actor)),
    }


def _opens(actor: Actor, right: str | tuple[str, ...] | None) -> bool:
    wanted = (right,) if isinstance(right, str) else right
    return wanted is None or any(rights.has(actor, one) for one in wanted)


def has_desk(actor: Actor) -> bool:
    """Whether a person does steps of requests, so that the counter is their place."""
    return rights.has(actor, "requests.read") and any(work.may_do(actor, verb) for verb in Verb)


def _rail(actor: Actor | None, here: str) -> list[dict[str, Any]]:
    if actor is None or not has_desk(actor):
        return []
    counts = ra.work_counts(actor)
    found = []
    for name, word, icon, steps in _RAIL:
        mine = [verb for verb in steps if work.may_do(actor, verb)]
        url = _url(name)
        if url and (mine or not steps):
            count = sum(counts.get(verb, 0) for verb in mine)
            current = here == name or here.startswith(f"{name}_") or here in _BELOW.get(name, ())
            found.append(
                {
                    "url": url,
                    "name": word,
                    "icon": icon,
                    "count": count,
                    "current": current,
                    "on_phone": name in _ON_PHONE,
                }
            )
    return found


def _url(name: str) -> str:
    try:
        return reverse(name)
    except NoReverseMatch:
        return ""


def _name_of(actor: Actor | None) -> str:
    return access.names_of([actor.id]).get(actor.id, actor.name) if actor is not None else ""
