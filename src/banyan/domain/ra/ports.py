"""What this package asks of the layers above."""

from typing import Protocol


class SmsGateway(Protocol):
    """Takes text messages for a mobile number; an adapter speaks the gateway's own protocol.

    ``reference`` names the message: the same one given again is the same message, so a lost answer costs nobody a second
    text. Returns the gateway's own number of the message. Raises GatewayLate, NumberUnknown, GatewayRefused, GatewayError
    (``ra.delivery_errors``).
    """

    def send(self, *, mobile: str, text: str, reference: str) -> str: ...
