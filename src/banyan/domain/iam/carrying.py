"""From a confirmed two-person request to what it asks for, where nothing has to be handed to the one who asked."""

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

from banyan.domain import audit
from banyan.domain.iam import actions, binding, codes, people, policy, staff_login
from banyan.domain.iam.dual_control import confirm_dual
from banyan.domain.iam.models import DualControlRequest
from banyan.kernel.actor import Actor

_WORK: Mapping[str, Callable[..., Any]] = {
    people.GRANT: actions.grant_role,
    people.END: people.end_role,
    binding.BIND: binding.bind_certificate,
    binding.UNBIND: binding.unbind_certificate,
    staff_login.KIND: staff_login.set_staff_login,
    codes.RESET: codes.reset_code,
    policy.KIND: policy.set_policy,
}
# Kinds that a confirmation carries out by itself.
AT_ONCE = frozenset(_WORK)


@audit.action
def confirm_and_carry_out(*, actor: Actor, request: DualControlRequest, now: datetime) -> Any:
    """Second person: confirm, and where nothing more is needed have it done, or neither; None when a third step is left.

    Raises what confirming and the doing itself raise.
    """
    confirmed = confirm_dual(actor=actor, request=request, now=now)
    work = _WORK.get(confirmed.kind)
    return work(actor=actor, request=confirmed, now=now) if work is not None else None


def carry_out(*, actor: Actor, request: DualControlRequest, now: datetime) -> Any:
    """Carry out what was confirmed before; None for a kind that is carried out elsewhere."""
    work = _WORK.get(request.kind)
    return work(actor=actor, request=request, now=now) if work is not None else None
