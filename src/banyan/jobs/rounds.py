"""One round of the work that needs no person; safe to repeat at any moment and after any crash."""

import logging
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial

from django.db import DatabaseError

from banyan.adapters import deliverers
from banyan.adapters.checkpoints import signing
from banyan.adapters.connectors import EMBEDDED, connector
from banyan.domain import outbox
from banyan.domain.audit import checkpoints, epochs
from banyan.domain.ca import access, publication
from banyan.domain.ca import actions as ca
from banyan.domain.ca.models import CrlIssue, Origin
from banyan.domain.content import actions as content
from banyan.domain.content.models import Service
from banyan.domain.desk import drafts, presence
from banyan.domain.ra import actions as ra
from banyan.kernel.actor import Actor, system_actor
from banyan.kernel.errors import BanyanError, ServiceUnavailable
from banyan.kernel.home import Home

CHECKPOINT_EVERY = timedelta(minutes=15)
LOOK_EVERY = timedelta(seconds=30)
CRL_EVERY = timedelta(hours=12)
SLICES_A_ROUND = 20
_log = logging.getLogger(__name__)
_looked_at: list[datetime] = []  # when this process last did what is done seldom


@dataclass
class RoundOutcome:
    """What a round did; ``failed`` names what could not be done and will be tried again."""

    issued: int = 0
    delivered: int = 0
    crls: int = 0
    failed: tuple[str, ...] = ()

    @property
    def did_anything(self) -> bool:
        return bool(self.issued or self.delivered or self.crls)


def work(home: Home, now: datetime) -> RoundOutcome:
    """One round: connectors, CRLs, outbox, which services answer. One part that fails does not keep the others from their work."""
    outcome = RoundOutcome()
    parts: dict[str, Callable[[], None]] = {
        "connectors": partial(carry_on_all, home, now, outcome),
        "crl": partial(renew_crls, home, now, outcome),
        "due dates": partial(recompute_due_dates, now),
        "outbox": partial(deliver, home, now, outcome),
        "seldom": partial(seldom, home, now),
        "epoch": partial(finish_epoch, home, now),
        "checkpoint": partial(checkpoint, home, now),
        "quarantine": partial(tidy, now),
    }
    for name, part in parts.items():
        try:
            part()
        except ServiceUnavailable as error:
            outcome.failed += (f"{name}: {error}",)
        except DatabaseError as error:
            # another jobs process did the same at the same moment, or the database is away: the next round sees
            _log.warning("%s: %s", name, type(error).__name__)
            outcome.failed += (f"{name}: {type(error).__name__}",)
        except BanyanError as error:
            _log.error("%s: %s [%s]", name, error, error.code)
            outcome.failed += (f"{name}: {error}",)
    return outcome


def carry_on_all(home: Home, now: datetime, outcome: RoundOutcome) -> None:
    """Hand out intents and collect certificates, connector by connector."""
    actor = system_actor("jobs")
    for name in sorted({authority.connector for authority in access.authorities() if authority.connector}):
        link = connector(name, home)
        report = ra.carry_on(actor, link, now)
        outcome.issued += report.issued
        ca.settle_status_changes(actor, link, now)


def seldom(home: Home, now: datetime) -> None:
    """What need not be done every round: see which services answer, forget drafts and who left without saying so."""
    if _looked_at and now - _looked_at[0] < LOOK_EVERY:
        return
    _looked_at[:] = [now]
    note_services(home, now)
    drafts.drop_old(now)
    presence.drop_old(now)


def note_services(home: Home, now: datetime) -> None:
    """See which CAs and key-holding processes answer; one that is silent for long gets a notice that goes by itself."""
    are_up = {Service.SUPERIOR_CA: True, Service.ISSUING: True}
    for name in sorted({authority.connector for authority in access.authorities() if authority.connector}):
        service = Service.ISSUING if name == EMBEDDED else Service.SUPERIOR_CA
        are_up[service] = are_up[service] and connector(name, home).status().is_up
    content.note_services(system_actor("jobs"), {str(name): is_up for name, is_up in are_up.items()}, now)


def renew_crls(home: Home, now: datetime, outcome: RoundOutcome) -> None:
    """A CRL for every own issuing CA whose last one is older than half a day, or which has none."""
    for authority in access.authorities():
        if authority.origin != Origin.OWN or authority.kind != "ISSUING" or not authority.connector:
            continue
        last = access.last_crl(authority.pk)
        if last is None or now - last.this_update >= CRL_EVERY:
            make_crl(home, authority.code, system_actor("jobs"), now)
            outcome.crls += 1


def make_crl(home: Home, code: str, actor: Actor, now: datetime) -> CrlIssue:
    """Have a CRL made at once (also after an urgent revocation); the outbox publishes it."""
    return ca.issue_crl(actor, code, connector(access.authority(code).connector, home), now)


def recompute_due_dates(now: datetime) -> None:
    """Bring due dates of open requests to a calendar that took effect, some slices a round."""
    for _ in range(SLICES_A_ROUND):
        if not ra.recompute_due_dates(system_actor("jobs"), now):
            return


def finish_epoch(home: Home, now: datetime) -> None:
    """Carry out an epoch of the audit that was declared and cut off; looked for as often as checkpoints are signed."""
    if _is_checkpoint_due(home, now):
        epochs.finish_epoch(home, actor=system_actor("jobs"), now=now, sign=signing(home))


def checkpoint(home: Home, now: datetime) -> None:
    """Have the end of the audit chain signed into the file outside the database, every quarter of an hour."""
    if _is_checkpoint_due(home, now):
        epochs.write_checkpoint(home, now=now, sign=signing(home))


def tidy(now: datetime) -> None:
    """Remove what uploads left behind that were cut off."""
    ra.tidy_quarantine(system_actor("jobs"), now)


def _is_checkpoint_due(home: Home, now: datetime) -> bool:
    last = checkpoints.file_of(home)
    return not last.exists() or now.timestamp() - last.stat().st_mtime >= CHECKPOINT_EVERY.total_seconds()


def deliver(home: Home, now: datetime, outcome: RoundOutcome) -> None:
    """Deliver what the outbox holds for connected targets; what is for the others waits until they are."""
    publication.publish_authorities(home)
    outcome.delivered += outbox.deliver_due(now, deliverers.connected(), limit=2000).delivered
