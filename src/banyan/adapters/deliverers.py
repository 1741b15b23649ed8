"""Who delivers the outbox's messages, by target. A target without a line here is not connected: its messages wait."""

from banyan.domain.ca import publication
from banyan.domain.outbox.actions import Deliverer
from banyan.kernel.errors import N_

DELIVERERS: dict[str, Deliverer] = {publication.TARGET: publication.deliver}

# What people call a target, whether it is connected or not.
TARGET_NAMES: dict[str, str] = {
    publication.TARGET: N_("目录"),
    "sms": N_("短信"),
}
