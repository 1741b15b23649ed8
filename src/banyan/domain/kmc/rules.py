"""Decisions about key recovery as pure functions of values."""

from collections.abc import Iterable
from datetime import timedelta
from typing import TYPE_CHECKING, Final

from banyan import gm, sealing
from banyan.kernel.errors import N_

if TYPE_CHECKING:
    from banyan.domain.kmc.models import KeyRecovery

APPROVERS: Final = 2
# An unused permission to recover a key ends by itself.
LASTS: Final = timedelta(days=3)


def recovery_digest(recovery: "KeyRecovery") -> str:
    """SM3 (hex) over everything a recovery asks for; an approval is of exactly this."""
    values = [recovery.pk, *(getattr(recovery, name) for name in recovery.GUARDED_FIELDS)]
    return gm.sm3(sealing.canonical("kmc.recovery", values)).hex()


def case_number(text: str) -> str:
    """A case number as it is stored and compared."""
    return text.strip()[:100]


Person = tuple[int | None, int | None]


def approver_fault(approver: Person, *, requester: Person, holder_account: int | None, before: Iterable[Person]) -> str:
    """Why somebody may not approve a recovery (a message template), or nothing.

    People are (account, credential): an account alone does not make a second person.
    """
    account, credential = approver
    if account is None or credential is None:
        return N_("请先登录")
    if account == requester[0] or credential == requester[1]:
        return N_("申请人不能审批自己的申请")
    if holder_account is not None and account == holder_account:
        return N_("持有人不能审批自己密钥的恢复")
    if any(account == other or credential == used for other, used in before):
        return N_("两次审批须由两人作出")
    return ""
