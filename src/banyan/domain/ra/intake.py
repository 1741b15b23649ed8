"""What was noted when a request was taken in, sealed at rest like the data themselves."""

import json
from datetime import datetime
from typing import Any

from django.conf import settings

from banyan import sealing
from banyan.domain.ca.rules import canonical_json
from banyan.domain.ra.models import Intake, ServiceRequest
from banyan.domain.ra.values import Brought
from banyan.kernel.actor import Actor


def keep(actor: Actor, request: ServiceRequest, brought: Brought, now: datetime) -> None:
    """Note it in the running transaction; an earlier note is replaced."""
    text = canonical_json(
        {"requester": dict(brought.requester), "form": dict(brought.form), "department": brought.department}
    )
    sealed = sealing.keyring(settings.HOME).fields.seal(text, _context(request.number))
    Intake.objects.update_or_create(
        request=request, defaults={"values_sealed": sealed, "updated_by": actor.id, "updated_at": now}
    )


def read(request: ServiceRequest) -> Brought | None:
    """What was noted; None where nothing was, as on other channels. Raises sealing.SealBroken."""
    row = Intake.objects.filter(request=request).first()
    if row is None:
        return None
    text = sealing.keyring(settings.HOME).fields.open(bytes(row.values_sealed), _context(request.number))
    values: dict[str, Any] = json.loads(text)
    return Brought(values["requester"], values["form"], values["department"])


def _context(number: str) -> tuple[str, str, str]:
    return "ra_intake", "values", number
