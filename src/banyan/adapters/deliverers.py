"""Who delivers the outbox's messages, by target. A target without a line here is not connected: its messages wait."""

from collections.abc import Mapping
from typing import Any

from django.conf import settings

from banyan.adapters import sms as gateways
from banyan.domain.ca import publication
from banyan.domain.outbox.actions import Deliverer
from banyan.domain.outbox.models import OutboxMessage
from banyan.domain.ra import sms
from banyan.kernel import clock
from banyan.kernel.errors import N_

SMS = "sms"
DELIVERERS: dict[str, Deliverer] = {publication.TARGET: publication.deliver}

# What people call a target, whether it is connected or not.
TARGET_NAMES: dict[str, str] = {
    publication.TARGET: N_("目录"),
    SMS: N_("短信"),
}


def connected() -> dict[str, Deliverer]:
    """The targets of this installation; SMS only where a gateway is set: until then clerks call."""
    return {**DELIVERERS, SMS: _by_sms} if settings.BANYAN.sms_gateway else DELIVERERS


def _by_sms(message: OutboxMessage, payload: Mapping[str, Any]) -> None:
    gateway = gateways.gateway(settings.HOME, settings.BANYAN.sms_gateway, settings.BANYAN.sms_gateway_url)
    sms.deliver(message, payload, gateway, clock.now())
