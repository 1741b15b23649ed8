"""A request's data at rest: canonical JSON with a salt, sealed to the request's number."""

import json
import secrets
from collections.abc import Mapping, Sequence
from typing import Any

from django.conf import settings

from banyan import sealing
from banyan.domain.ca.rules import canonical_json
from banyan.domain.ra.values import RequestData

_SALT = "_salt"


def text_of(data: RequestData) -> str:
    """The canonical text that is digested and sealed; salted, so its digest cannot be tried against guesses."""
    return canonical_json(
        {
            "subject": dict(data.subject),
            "form": dict(data.form),
            "requester": dict(data.requester),
            "validity_days": data.validity_days,
            "dns_names": list(data.dns_names),
            "ip_addresses": list(data.ip_addresses),
            "is_classic": data.is_classic,
            _SALT: secrets.token_hex(16),
        }
    )


def seal_many(items: Sequence[tuple[str, str]]) -> list[bytes]:
    """Seal (number of the request, text) pairs."""
    return _ring().fields.seal_many((text, _context(number)) for number, text in items)


def open_text(number: str, sealed: bytes | memoryview) -> str:
    """The canonical text of a request. Raises sealing.SealBroken."""
    return _ring().fields.open(bytes(sealed), _context(number))


def read(text: str) -> RequestData:
    """The data in a canonical text."""
    values: Mapping[str, Any] = json.loads(text)
    return RequestData(
        subject=values["subject"],
        form=values["form"],
        requester=values["requester"],
        validity_days=values["validity_days"],
        dns_names=tuple(values["dns_names"]),
        ip_addresses=tuple(values["ip_addresses"]),
        is_classic=values["is_classic"],
    )


def _context(number: str) -> tuple[str, str, str]:
    return "ra_servicerequest", "data", number


def _ring() -> sealing.Keyring:
    return sealing.keyring(settings.HOME)
