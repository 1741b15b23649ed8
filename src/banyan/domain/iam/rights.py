"""The one table of the roles and the rights they hold; documents and tests read it."""

from dataclasses import dataclass
from enum import StrEnum

from banyan.domain.iam.errors import RightMissing
from banyan.domain.iam.right_names import RIGHTS
from banyan.kernel.actor import Actor
from banyan.kernel.errors import N_


class Role(StrEnum):
    """Roles a person may be granted."""

    SYSTEM_ADMIN = "system_admin"
    SECURITY_ADMIN = "security_admin"
    AUDIT_ADMIN = "audit_admin"
    CLERK = "clerk"
    PROOFREADER = "proofreader"
    APPROVER = "approver"
    KMC_OFFICER = "kmc_officer"
    CA_OPERATOR = "ca_operator"
    POINT_CLERK = "point_clerk"


ROLE_NAMES: dict[Role, str] = {
    Role.SYSTEM_ADMIN: N_("系统管理员"),
    Role.SECURITY_ADMIN: N_("安全管理员"),
    Role.AUDIT_ADMIN: N_("审计管理员"),
    Role.CLERK: N_("业务员"),
    Role.PROOFREADER: N_("校对员"),
    Role.APPROVER: N_("审核员"),
    Role.KMC_OFFICER: N_("密钥管理员"),
    Role.CA_OPERATOR: N_("CA 操作员"),
    Role.POINT_CLERK: N_("签发点业务员"),
}

# The three separated administrators (GB/T 22239-2019 8.1.5): nobody holds two of them or does business beside
# one.
ADMINISTRATORS = frozenset({Role.SYSTEM_ADMIN, Role.SECURITY_ADMIN, Role.AUDIT_ADMIN})

# Held at one remote issuing point, and nothing else beside it: whoever works there never approves (规范 3.3.1.4).
POINT_ROLES = frozenset({Role.POINT_CLERK})

_READ = frozenset({"requests.read", "certificates.read", "tokens.read", "parties.read", "ca.read", "statistics.read"})

# role → rights
ROLE_RIGHTS: dict[Role, frozenset[str]] = {
    Role.SYSTEM_ADMIN: frozenset(
        {
            "iam.read",
            "iam.manage_accounts",
            "iam.confirm_grants",
            "systems.configure",
            "systems.read",
            "points.read",
            "points.manage",
            "statistics.read",
            "outbox.manage",
            "papers.manage",
            # Whoever puts an agent on the list decides where PINs go: nobody who works with tokens does.
            "tokens.register_agents",
            "ca.read",
            "audit.open_epoch",
        }
    ),
    Role.SECURITY_ADMIN: frozenset(
        {
            "iam.read",
            "iam.grant_roles",
            "iam.confirm_links",
            "systems.read",
            "systems.confirm",
            "papers.confirm",
            "points.read",
            "ca.read",
            "kmc.read",
        }
    ),
    Role.AUDIT_ADMIN: frozenset(
        {
            "audit.read",
            "audit.verify",
            "audit.checkpoint",
            "audit.open_epoch",
            "systems.read",
            "iam.read",
            "iam.confirm_links",
        }
    ),
    Role.CLERK: _READ
    | {
        "requests.create",
        "requests.precheck",
        "requests.enter",
        "requests.issue",
        "requests.personalize",
        "requests.hand_over",
        "sheet.import",
        "certificates.export",
        "certificates.revoke",
        "certificates.import",
        "tokens.manage",
        "tokens.unlock",
        "tokens.print_pin_letter",
        "parties.edit",
        "kmc.request_recovery",
    },
    # 录入 and 签发 at a remote issuing point; approving stays with the centre.
    Role.POINT_CLERK: _READ
    | {
        "points.read",
        "requests.create",
        "requests.precheck",
        "requests.enter",
        "requests.issue",
        "requests.personalize",
        "requests.hand_over",
        "certificates.export",
        "tokens.manage",
        "tokens.unlock",
        "parties.edit",
    },
    Role.PROOFREADER: _READ | {"requests.proofread"},
    Role.APPROVER: _READ | {"requests.approve", "certificates.revoke", "certificates.hold", "parties.reveal"},
    Role.KMC_OFFICER: frozenset({"kmc.read", "kmc.approve_recovery", "certificates.read", "requests.read"}),
    Role.CA_OPERATOR: _READ | {"ca.manage", "ca.publish_crl", "certificates.hold", "certificates.export", "kmc.read"},
}

# What parts of the product may do for nobody in particular.
SYSTEM_RIGHTS = frozenset(
    {
        "requests.read",
        "certificates.read",
        "tokens.read",
        "parties.read",
        "ca.read",
        "kmc.read",
        "ca.publish_crl",
        "audit.verify",
        "audit.checkpoint",
    }
)


@dataclass(frozen=True)
class DualKind:
    """A doing that needs two people: the right to ask for it and the right to confirm it."""

    title: str
    request_right: str
    confirm_right: str


# kind of dual-control request → who may ask, who may confirm
DUAL_KINDS: dict[str, DualKind] = {
    "iam.grant_role": DualKind(N_("授予角色"), "iam.grant_roles", "iam.confirm_grants"),
    "iam.end_role": DualKind(N_("收回角色"), "iam.grant_roles", "iam.confirm_grants"),
    "iam.reset_code": DualKind(N_("清除动态口令"), "iam.manage_accounts", "iam.confirm_links"),
    "iam.set_policy": DualKind(N_("改变安全策略"), "systems.configure", "iam.confirm_links"),
    "iam.renew_link": DualKind(N_("重发登录链接"), "iam.manage_accounts", "iam.confirm_links"),
    "iam.bind_certificate": DualKind(N_("绑定登录证书"), "iam.manage_accounts", "iam.confirm_links"),
    "iam.unbind_certificate": DualKind(N_("解除登录证书的绑定"), "iam.manage_accounts", "iam.confirm_links"),
    "iam.set_staff_login": DualKind(N_("改变工作人员的登录方式"), "systems.configure", "iam.confirm_links"),
    "rulebook.change": DualKind(N_("修改业务设置"), "systems.configure", "systems.confirm"),
    "papers.change": DualKind(N_("修改打印模板或图片"), "papers.manage", "papers.confirm"),
    "kmc.recover": DualKind(N_("恢复加密密钥"), "kmc.request_recovery", "kmc.approve_recovery"),
    "kmc.approve_recovery": DualKind(N_("批准恢复加密密钥"), "kmc.approve_recovery", "kmc.approve_recovery"),
    "ca.rollover": DualKind(N_("CA 换代"), "ca.manage", "ca.manage"),
    "audit.open_epoch": DualKind(N_("开启新的审计纪元"), "audit.open_epoch", "audit.open_epoch"),
}


def rights_of(roles: frozenset[Role]) -> frozenset[str]:
    """All rights of some roles together."""
    return frozenset().union(*(ROLE_RIGHTS[role] for role in roles))


def has(actor: Actor, right: str) -> bool:
    """Whether the actor holds a right. An unknown right is a defect and raises KeyError."""
    if right not in RIGHTS:
        raise KeyError(right)
    return right in actor.rights or (actor.kind == "system" and right in SYSTEM_RIGHTS)


def require(actor: Actor, right: str) -> None:
    """Raises RightMissing (an audited refusal) unless the actor holds the right."""
    if not has(actor, right):
        raise RightMissing(actor=actor.name, right=right)
