"""Messages to outside systems, written with the business they tell about and delivered afterwards.

Import ``from banyan.domain import outbox``: ``outbox.enqueue``, ``outbox.enqueue_many``,
``outbox.idempotent``, ``outbox.deliver_due``. Names are loaded at first use, since Django reads this file
before its models are ready.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from banyan.domain.outbox.actions import (
        Envelope,
        OnceOnly,
        deliver_due,
        enqueue,
        enqueue_many,
        idempotent,
    )

__all__ = ["Envelope", "OnceOnly", "deliver_due", "enqueue", "enqueue_many", "idempotent"]


def __getattr__(name: str) -> Any:
    if name in __all__:
        value = getattr(import_module(f"{__name__}.actions"), name)
        globals()[name] = value
        return value
    raise AttributeError(name)
