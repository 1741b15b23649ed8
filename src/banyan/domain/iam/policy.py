"""What the installation asks of passwords and sessions (安全策略): one guarded row, changed by two people.

Why a row and no file: as for the log-in method, ``docs/adr/0012-certificate-log-in.md``.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from datetime import datetime, timedelta
from typing import Final

from banyan.domain import audit
from banyan.domain.audit.errors import RowForged
from banyan.domain.iam.dual_control import request_dual, use_dual
from banyan.domain.iam.errors import PolicyInvalid, PolicyUnchanged
from banyan.domain.iam.models import DualControlRequest, SecurityPolicy
from banyan.domain.iam.rules import PasswordRules
from banyan.kernel.actor import Actor, system_actor
from banyan.kernel.errors import N_

KIND: Final = "iam.set_policy"
_ONLY = 1


@dataclass(frozen=True)
class Setting:
    """One number of the policy as people see it; one between 0 and 1 is a switch."""

    name: str
    unit: str
    least: int
    most: int
    note: str = ""

    @property
    def is_switch(self) -> bool:
        return (self.least, self.most) == (0, 1)


# In the order of the page.
SETTINGS: Mapping[str, Setting] = {
    "password_length": Setting(N_("口令最少位数"), N_("位"), 8, 64),
    "password_classes": Setting(N_("字符种类"), N_("类"), 2, 4, N_("大写、小写、数字、符号四类中至少有几类")),
    "passwords_remembered": Setting(N_("不能重复最近用过的口令"), N_("个"), 0, 24),
    "password_days": Setting(N_("口令有效期"), N_("天"), 0, 730, N_("0 表示不限。到期后先修改口令才能工作")),
    "refuses_common": Setting(N_("不许用常见口令"), "", 0, 1, N_("如 Password123!、Qwer1234")),
    "needs_code": Setting(
        N_("没有证书的人必须用动态口令"), "", 0, 1, N_("登录方式为“先口令，后证书”时，还没有绑定证书的人以动态口令代替")
    ),
    "idle_minutes": Setting(N_("会话闲置多久结束"), N_("分钟"), 5, 240),
    "session_hours": Setting(N_("会话最长"), N_("小时"), 1, 24),
    "sessions_most": Setting(N_("每个账号同时有几个会话"), N_("个"), 1, 50, N_("再登录时，最久没用的一个结束")),
}


@dataclass(frozen=True)
class Policy:
    """The numbers in force."""

    password_length: int = 10
    password_classes: int = 3
    passwords_remembered: int = 5
    password_days: int = 0
    refuses_common: int = 1
    needs_code: int = 0
    idle_minutes: int = 30
    session_hours: int = 10
    sessions_most: int = 10

    @property
    def passwords(self) -> PasswordRules:
        return PasswordRules(self.password_length, self.password_classes, bool(self.refuses_common))

    @property
    def idle(self) -> timedelta:
        return timedelta(minutes=self.idle_minutes)

    @property
    def session_life(self) -> timedelta:
        return timedelta(hours=self.session_hours)

    @property
    def numbers(self) -> dict[str, int]:
        """Setting → value."""
        return {field.name: getattr(self, field.name) for field in fields(self)}


def policy() -> Policy:
    """The policy in force. Raises RowForged, recorded, when the row was written by hand."""
    row = SecurityPolicy.objects.filter(pk=_ONLY).first()
    if row is None:
        return Policy()
    if not row.is_row_genuine():
        error = RowForged(row=f"{row._meta.label_lower}:{row.pk}")
        audit.refusal(system_actor("iam"), "iam.policy_read", error, row)
        raise error
    return _with(Policy(), json.loads(row.settings))


def ask_for_policy(*, actor: Actor, changes: Mapping[str, int], now: datetime) -> DualControlRequest:
    """First person: ask for other numbers; the second one reads only what changes.

    Raises PolicyInvalid, PolicyUnchanged, RightMissing.
    """
    held = policy().numbers
    wanted = {name: value for name, value in changes.items() if held[name] != value}
    _ensure(wanted)
    if not wanted:
        raise PolicyUnchanged
    payload = {name: [held[name], value] for name, value in wanted.items()}
    return request_dual(actor=actor, kind=KIND, payload=payload, now=now)


@audit.action
def set_policy(*, actor: Actor, request: DualControlRequest, now: datetime) -> SecurityPolicy:
    """Carry out a confirmed request. Holds from the next log-in and the next page on."""
    _, payload = use_dual(actor=actor, request=request, kind=KIND, now=now)
    wanted = {name: after for name, (_before, after) in payload.items()}
    _ensure(wanted)
    audit.alone()  # or of two changes carried out at once one would be lost
    row = SecurityPolicy.objects.filter(pk=_ONLY).first() or SecurityPolicy(id=_ONLY, settings="{}")
    numbers = {**json.loads(row.settings), **wanted}
    defaults = Policy().numbers
    kept = {name: value for name, value in numbers.items() if defaults[name] != value}
    row.settings, row.changed_at = json.dumps(kept, sort_keys=True, separators=(",", ":")), now
    row.save()
    audit.record(actor, "iam.policy_set", row, **wanted)
    return row


def _with(held: Policy, numbers: Mapping[str, int]) -> Policy:
    return replace(held, **{name: value for name, value in numbers.items() if name in SETTINGS})


def _ensure(numbers: Mapping[str, int]) -> None:
    for name, value in numbers.items():
        setting = SETTINGS[name]
        if not setting.least <= value <= setting.most:
            raise PolicyInvalid(name=setting.name, least=setting.least, most=setting.most)
