"""What may be set of a process: the order of its steps, their deadlines and the roles; never what makes issuing safe."""

from collections.abc import Mapping
from typing import Any, Final

from banyan.domain.administering.said import Said, say
from banyan.domain.iam import rights
from banyan.domain.iam.rights import ROLE_RIGHTS, Role
from banyan.domain.ra.errors import ProcessInvalid
from banyan.domain.ra.processes import Verb, document_of, processes, read_process, shipped_process, shipped_processes
from banyan.domain.rulebook.errors import SettingRefused
from banyan.kernel.errors import N_

LONGEST_DAYS: Final = 60
# A step that a process may do without; every other one makes it right or safe.
OPTIONAL: Final = frozenset({Verb.NOTIFY_READY})
# What has to be done before what, wherever both are. Signing needs an approval and a proofreading whatever stands here:
# the signer looks for both by itself.
_BEFORE: Final = (
    (Verb.PRECHECK, Verb.APPROVE),
    (Verb.PRECHECK, Verb.ENTER),
    (Verb.ENTER, Verb.PROOFREAD),
    (Verb.PROOFREAD, Verb.ISSUE),
    (Verb.APPROVE, Verb.ISSUE),
    (Verb.ISSUE, Verb.PERSONALIZE),
    (Verb.PERSONALIZE, Verb.NOTIFY_READY),
    (Verb.PERSONALIZE, Verb.HAND_OVER),
    (Verb.NOTIFY_READY, Verb.HAND_OVER),
    (Verb.APPROVE, Verb.UNLOCK),
    (Verb.APPROVE, Verb.REVOKE),
)
_FIXED: Final = ("code", "name", "businesses", "channels")


def names() -> dict[str, str]:
    """Document → name of its process."""
    return {document_of(process.code): process.name for process in processes().values()}


def roles_for(verb: Verb) -> list[Role]:
    """The roles that may do a step."""
    right = _rights()[verb]
    return [role for role in Role if right in ROLE_RIGHTS[role]]


def check(code: str, data: Mapping[str, Any]) -> None:
    """Raises SettingRefused for a process that may not be set."""
    base = shipped_process(code)
    if set(data) != set(base) or any(data[key] != base[key] for key in _FIXED):
        raise SettingRefused("steps", N_("流程的名称、业务和渠道随产品发布，不能修改。"))
    verbs = [str(step.get("verb")) for step in data["step"]]
    known = [step["verb"] for step in base["step"]]
    for verb in verbs:
        if verb not in known or verbs.count(verb) > 1:
            raise SettingRefused("steps", N_("步骤“{step}”不属于这个流程，或出现了两次。"), step=_label(verb))
    for verb in known:
        if verb not in verbs and verb not in OPTIONAL:
            raise SettingRefused("steps", N_("这个流程不能没有“{step}”。"), step=_label(verb))
    _check_order(verbs, known)
    for step in data["step"]:
        _check_step(step)
    try:
        read_process(data, file=code)
    except ProcessInvalid as error:
        raise SettingRefused("steps", N_("流程不完整：{problem}。"), problem=error.fields["problem"]) from error


def _check_order(verbs: list[str], known: list[str]) -> None:
    for first, then in _BEFORE:
        if first in verbs and then in verbs and verbs.index(first) > verbs.index(then):
            raise SettingRefused(
                f"step.{then}", N_("“{first}”须在“{then}”之前。"), first=_label(first), then=_label(then)
            )
    if known[0] == Verb.ENTER and verbs[0] != Verb.ENTER:
        raise SettingRefused(f"step.{verbs[0]}", N_("这些渠道的数据随申请而来，第一步须是“录入”。"))


def _check_step(step: Mapping[str, Any]) -> None:
    verb = Verb(step["verb"])
    if set(step) != {"verb", "right", "role", "working_days"} or step["right"] != _rights()[verb]:
        raise SettingRefused(f"step.{verb}", N_("“{step}”所需的权限随产品发布，不能修改。"), step=verb.label)
    if step["role"] not in roles_for(verb):
        raise SettingRefused(f"role.{verb}", N_("这个角色没有“{step}”的权限，请另选一个。"), step=verb.label)
    days = step["working_days"]
    if type(days) is not int or not 1 <= days <= LONGEST_DAYS:
        raise SettingRefused(f"days.{verb}", N_("期限请填 1 到 {most} 个工作日。"), most=LONGEST_DAYS)


def lines(data: Mapping[str, Any]) -> list[Said]:
    """The steps as sentences."""
    return [
        say(
            N_("第 {n} 步 {step}，{role}，{days} 个工作日"),
            n=number,
            step=_label(step["verb"]),
            role=rights.ROLE_NAMES[Role(step["role"])],
            days=step["working_days"],
        )
        for number, step in enumerate(data["step"], 1)
    ]


def _label(verb: str) -> str:
    return Verb(verb).label if verb in set(Verb) else verb[:20]


def _rights() -> dict[Verb, str]:
    return {Verb(step["verb"]): step["right"] for data in shipped_processes().values() for step in data["step"]}
