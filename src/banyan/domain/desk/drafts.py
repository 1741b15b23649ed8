"""Forms as typed so far: kept while somebody types, given back when the page is opened again, gone when the form is sent.

Nobody but the account sees a draft, and nothing is decided by one, so keeping it is no business and leaves no audit record.
"""

import json
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any, Final

from django.conf import settings
from django.db import transaction

from banyan import sealing
from banyan.domain.desk.errors import DraftTooLarge
from banyan.domain.desk.models import Draft
from banyan.kernel.actor import Actor

LARGEST: Final = 64 * 1024
KEPT: Final = timedelta(days=14)


def keep(actor: Actor, form: str, values: Mapping[str, str], now: datetime) -> None:
    """Keep what is typed into a form; no values at all forget it. Raises DraftTooLarge."""
    if not values:
        forget(actor, form)
        return
    text = json.dumps(dict(values), ensure_ascii=False)
    if len(text.encode()) > LARGEST:
        raise DraftTooLarge
    sealed = _ring().fields.seal(text, _context(actor, form))
    with transaction.atomic():
        Draft.objects.update_or_create(
            account=actor.id, form=form, defaults={"values_sealed": sealed, "updated_at": now}
        )


def find(actor: Actor, form: str) -> tuple[dict[str, str], datetime | None]:
    """What the actor typed into a form and has not sent, and when; nothing for an unknown form."""
    row = Draft.objects.filter(account=actor.id, form=form).first()
    if row is None:
        return {}, None
    values: dict[str, Any] = json.loads(_ring().fields.open(bytes(row.values_sealed), _context(actor, form)))
    return values, row.updated_at


def forget(actor: Actor, form: str) -> None:
    """The form was sent, or its draft thrown away."""
    Draft.objects.filter(account=actor.id, form=form).delete()


def drop_old(now: datetime) -> int:
    """Forget drafts that nobody came back to; how many."""
    return Draft.objects.filter(updated_at__lt=now - KEPT).delete()[0]


def _context(actor: Actor, form: str) -> tuple[str, str]:
    return "desk_draft", f"{actor.id}/{form}"


def _ring() -> sealing.Keyring:
    return sealing.keyring(settings.HOME)
