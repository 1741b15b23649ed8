"""Two administrators who set something, and contents to set."""

import copy
from collections.abc import Mapping
from datetime import date, datetime
from typing import Any

from banyan.domain.administering import actions, documents
from banyan.domain.iam.rights import Role
from banyan.domain.rulebook.models import RuleVersion
from banyan.kernel.actor import Actor
from banyan.kernel.clock import now as clock_now
from support.iam import staff


class Administrators:
    """One who asks and one who confirms."""

    def __init__(self, now: datetime | None = None) -> None:
        self.now = now or clock_now()
        self.system: Actor = staff(Role.SYSTEM_ADMIN, now=self.now)
        self.security: Actor = staff(Role.SECURITY_ADMIN, now=self.now)

    def set(self, document: str, content: Mapping[str, Any] | None, *, effective_on: date | None = None) -> RuleVersion:
        """Ask and confirm."""
        request = actions.ask_for_change(
            self.system, document, content, reason="测试", now=self.now, effective_on=effective_on
        )
        return actions.confirm_change(self.security, request, self.now)


def content(document: str) -> dict[str, Any]:
    """A copy of what is in force, to be changed."""
    return copy.deepcopy(dict(documents.in_force(document)))


def reordered(document: str, *verbs: str) -> dict[str, Any]:
    """A process with its steps in this order."""
    found = content(document)
    steps = {step["verb"]: step for step in found["step"]}
    found["step"] = [steps[verb] for verb in verbs]
    return found
