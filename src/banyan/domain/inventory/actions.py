"""The only writes to media, tokens and tasks: one function a verb, each audited, bulk first."""

from .agents import end_agent, make_pins, register_agent, seal_personalization, seal_unblocking, tell_initial_pin
from .personalizing import TaskEntry, open_tasks, record_verified, record_written, void_task
from .stocking import TokenEntry, install_media, receive_tokens, register_medium
from .token_life import (
    abandon,
    assign,
    come_back,
    damage,
    destroy,
    find,
    finish,
    hand_over,
    lock,
    lose,
    move_stock,
    open_admin_pin_for_unlock,
    personalize,
    release,
    restock,
    ship,
    take_back,
    unlock,
)

__all__ = [
    "TaskEntry", "TokenEntry", "abandon", "assign", "come_back", "damage", "destroy", "end_agent", "find", "finish",
    "hand_over",
    "install_media", "lock", "lose", "make_pins", "move_stock", "open_admin_pin_for_unlock", "open_tasks", "personalize",
    "receive_tokens", "record_verified", "record_written", "register_agent", "register_medium", "release",
    "restock", "seal_personalization", "seal_unblocking", "ship", "take_back", "tell_initial_pin",
    "unlock", "void_task",
]  # fmt: skip
