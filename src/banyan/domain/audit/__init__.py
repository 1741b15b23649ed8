"""The audit: every action one record in a keyed chain that an outsider to the product cannot rewrite.

Import ``from banyan.domain import audit`` and use ``@audit.action``, ``audit.record``, ``audit.record_many``,
``audit.refusal``, ``audit.digest``. Models and guarded rows live in ``audit.models``. Names are loaded at
first use, since Django reads this file before its models are ready.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from banyan.domain.audit.actions import action, action_scope, alone, digest, record, record_many, refusal
    from banyan.domain.audit.verifying import verify

_WHERE = {
    "action": "actions",
    "action_scope": "actions",
    "alone": "actions",
    "digest": "actions",
    "record": "actions",
    "record_many": "actions",
    "refusal": "actions",
    "verify": "verifying",
}

__all__ = ["action", "action_scope", "alone", "digest", "record", "record_many", "refusal", "verify"]


def __getattr__(name: str) -> Any:
    if name in _WHERE:
        value = getattr(import_module(f"{__name__}.{_WHERE[name]}"), name)
        globals()[name] = value
        return value
    raise AttributeError(name)
