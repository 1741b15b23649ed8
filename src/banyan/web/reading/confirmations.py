"""Two-person requests as the second person reads them: what is asked in words, never as data."""

import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.utils.translation import gettext as _

from banyan.domain.iam import access, rights
from banyan.domain.iam.carrying import AT_ONCE
from banyan.domain.iam.models import DualControlRequest, DualState
from banyan.domain.iam.policy import SETTINGS
from banyan.domain.iam.rights import DUAL_KINDS, ROLE_NAMES, Role
from banyan.domain.iam.staff_login import Method
from banyan.domain.parties import access as parties
from banyan.domain.parties.errors import PartiesError
from banyan.domain.parties.regions import RegionTree
from banyan.kernel.actor import Actor

MOST = 100
_LINK = "iam.renew_link"


@dataclass(frozen=True)
class Waiting:
    """One request: what it asks, and what this person may do about it."""

    row: DualControlRequest
    title: str
    lines: list[tuple[str, str]]
    may_confirm: bool
    may_withdraw: bool
    may_carry_out: bool
    is_at_once: bool
    gives_link: bool

    @property
    def is_confirmed(self) -> bool:
        return self.row.state == DualState.CONFIRMED


@dataclass(frozen=True)
class Names:
    """What keys in requests stand for; read once for a page."""

    accounts: Mapping[int, str]
    points: Mapping[int, str]
    tree: RegionTree


def waiting(actor: Actor, now: datetime) -> list[Waiting]:
    """Open requests of the kinds in which the actor has a part, oldest first: to be confirmed, or to be carried out."""
    found = list(access.unfinished_dual_requests(kinds_of(actor), now)[:MOST])
    payloads = [json.loads(row.payload) for row in found]
    names = _names(payloads)
    return [_waiting(actor, row, payload, names) for row, payload in zip(found, payloads, strict=True)]


def kinds_of(actor: Actor) -> list[str]:
    """The kinds that the actor may ask for or confirm."""
    return [
        kind
        for kind, one in DUAL_KINDS.items()
        if rights.has(actor, one.request_right) or rights.has(actor, one.confirm_right)
    ]


def count_for(actor: Actor, now: datetime) -> int:
    """How many requests wait for this person's confirmation."""
    kinds = [kind for kind, one in DUAL_KINDS.items() if rights.has(actor, one.confirm_right)]
    if not kinds:
        return 0
    return int(access.open_dual_requests(None, now).filter(kind__in=kinds).exclude(requested_by=actor.id).count())


def _waiting(actor: Actor, row: DualControlRequest, payload: Mapping[str, Any], names: Names) -> Waiting:
    kind = DUAL_KINDS[row.kind]
    is_pending, is_mine = row.state == DualState.PENDING, row.requested_by_id == actor.id
    may_confirm = is_pending and not is_mine and rights.has(actor, kind.confirm_right)
    is_one_of_two = is_mine or row.confirmed_by_id == actor.id
    can_here = row.kind in AT_ONCE or (row.kind == _LINK and rights.has(actor, "iam.manage_accounts"))
    return Waiting(
        row=row,
        title=_(kind.title),
        lines=[
            line for name, value in sorted(payload.items(), key=_place) if (line := _line(row.kind, name, value, names))
        ],
        may_confirm=may_confirm,
        may_withdraw=is_pending and (is_mine or may_confirm),
        may_carry_out=not is_pending and is_one_of_two and can_here,
        is_at_once=row.kind in AT_ONCE,
        gives_link=row.kind == _LINK,
    )


def _place(item: tuple[str, Any]) -> int:
    """Who first, then what, then where; the policy's settings in the order of its page."""
    order = [*_LINES, *SETTINGS]
    return order.index(item[0]) if item[0] in order else len(order)


def _line(kind: str, name: str, value: Any, names: Names) -> tuple[str, str] | None:
    if kind == "iam.set_policy":
        before, after = value
        setting = SETTINGS[name]
        return _(setting.name), _("{before} 改为 {after}").format(
            before=_number(name, before), after=_number(name, after)
        )
    make = _LINES.get(name)
    if make is not None:
        return make(value, names)
    return None if name in _UNTOLD else (str(name), str(value))


def number_in_words(name: str, value: int) -> str:
    """A number of the policy with its unit; a switch as 是 or 否."""
    return _number(name, value)


def _number(name: str, value: int) -> str:
    setting = SETTINGS[name]
    if setting.is_switch:
        return _("是") if value else _("否")
    if name == "password_days" and not value:
        return _("不限")
    return f"{value} {_(setting.unit)}" if setting.unit else str(value)


def regions_in_words(codes: Iterable[str] | None, tree: RegionTree) -> str:
    """Where a role reaches."""
    if codes is None:
        return _("全省")
    return _("、").join(_region(code, tree) for code in codes)


def _region(code: str, tree: RegionTree) -> str:
    try:
        return f"{tree.full_name(code)} {code}"
    except PartiesError:
        return code


def _method(value: str) -> str:
    return _(Method(value).label) if value in set(Method) else value


def _role(value: str) -> str:
    return _(ROLE_NAMES[Role(value)]) if value in set(Role) else value


_UNTOLD = frozenset({"grant"})
_LINES: Mapping[str, Callable[[Any, Names], tuple[str, str]]] = {
    "account": lambda value, names: (_("账号"), names.accounts.get(value, str(value))),
    "role": lambda value, _all: (_("角色"), _role(value)),
    "point": lambda value, names: (_("签发点"), names.points.get(value, str(value))),
    "regions": lambda value, names: (_("范围"), regions_in_words(value, names.tree)),
    "method": lambda value, _all: (_("登录方式"), _method(value)),
    "holder": lambda value, _all: (_("证书持有人"), value),
    "serial": lambda value, _all: (_("序列号"), value),
    "recognised_by": lambda value, _all: (
        _("识别方式"),
        _("按身份识别，更新后的证书同样有效") if str(value).startswith("identity:") else _("只认这一张"),
    ),
    "ca": lambda value, _all: ("CA", value),
    "reason": lambda value, _all: (_("原因"), value),
    "disowned": lambda value, _all: (_("与检查点不符的记录"), _("{n} 处").format(n=len(value))),
}


def _names(payloads: Iterable[Mapping[str, Any]]) -> Names:
    payloads = list(payloads)
    accounts = access.full_names_of(payload.get("account") for payload in payloads)
    points = parties.point_names(payload.get("point") for payload in payloads)
    return Names(accounts, points, parties.region_tree())


def account_of(row: DualControlRequest) -> int:
    """The account that a request is about; 0 for none."""
    return int(json.loads(row.payload).get("account", 0))
