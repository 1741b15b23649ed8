"""A simulated SMS platform: it speaks the interface of ``adapters.sms.json_over_http`` and sends nothing to anybody.

For tests and demonstrations: messages are kept in memory, numbers that end in 0000 do not exist, and a mood makes it late,
wrong or busy. ``python -m banyan.adapters.simulated_sms --key FILE --port N`` runs it as a process of its own.
"""

from banyan.adapters.simulated_sms.service import Mood, Platform, serve

__all__ = ["Mood", "Platform", "serve"]
