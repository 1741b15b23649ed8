"""Reading certificates: the only way interfaces see them, with the region scope applied."""

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TypeVar

from django.db import connection, models

from banyan.domain.ca.errors import PairNotFound, UnknownAuthority
from banyan.domain.ca.models import (
    Certificate,
    CertificateAuthority,
    CertificatePair,
    CrlIssue,
    Issuance,
    PairState,
    StatusChange,
    Tally,
)
from banyan.domain.iam import rights
from banyan.domain.parties import access as parties
from banyan.domain.parties.ports import Holding
from banyan.domain.parties.scoping import RegionScoped, ScopedQuerySet
from banyan.domain.prepared import Prepared
from banyan.kernel.actor import Actor

_M = TypeVar("_M", bound=models.Model)
# What a connector is told of an intent.
_HANDED_OUT = Prepared(
    lambda ids: Issuance.objects.filter(pk__among=ids).order_by("id"),
    (
        "task_no", "ca_id", "system", "kind", "profile", "csr_der", "subject_der", "not_before", "not_after",
        "extension_values",
    ),
)  # fmt: skip
_SERIAL = re.compile(r"(?:[0-9A-F]{2}){4,20}")


def locked(found: "models.QuerySet[_M, _M]") -> "models.QuerySet[_M, _M]":
    """The same rows, locked against other writers until the transaction ends (SQLite holds its one lock anyway)."""
    return found.select_for_update(of=("self",)) if connection.vendor == "postgresql" else found


def authorities() -> list[CertificateAuthority]:
    """Every registered CA."""
    return list(CertificateAuthority.objects.order_by("code"))


def authority(code: str) -> CertificateAuthority:
    """One CA. Raises UnknownAuthority."""
    found = CertificateAuthority.objects.filter(code=code).first()
    if found is None:
        raise UnknownAuthority(ca=code)
    return found


def intents_due(connector: str, now: datetime, limit: int) -> list[tuple[Issuance, str]]:
    """Intents that wait to be handed to a connector, oldest first, each with the code of its CA."""
    due = Issuance.objects.filter(connector=connector, state=Issuance.State.INTENT, next_try_at__lte=now)
    ids = list(due.order_by("id").values_list("pk", flat=True)[:limit])
    if not ids:
        return []
    codes = dict(CertificateAuthority.objects.values_list("pk", "code"))
    return [(issuance, codes[issuance.ca_id]) for issuance in _HANDED_OUT.rows(ids)]


def submitted_due(connector: str, now: datetime, limit: int, after: int = 0) -> list[tuple[int, str]]:
    """(key, task number) of submitted intents whose CA should be asked again, oldest first."""
    found = Issuance.objects.filter(
        connector=connector, state=Issuance.State.SUBMITTED, next_try_at__lte=now, pk__gt=after
    ).order_by("id")
    return list(found.values_list("pk", "task_no")[:limit])


def waiting_for_ca(connector: str | None = None) -> dict[str, int]:
    """How many intents wait, by connector (the note “waiting for the superior CA”)."""
    waiting: dict[str, int] = {}
    for state in (Issuance.State.INTENT, Issuance.State.SUBMITTED):
        found = Issuance.objects.filter(state=state)
        if connector:
            found = found.filter(connector=connector)
        for row in found.values("connector").annotate(count=models.Count("pk")).order_by("connector"):
            waiting[row["connector"]] = waiting.get(row["connector"], 0) + row["count"]
    return waiting


def status_changes_due(connector: str, now: datetime, limit: int) -> list[StatusChange]:
    """Changes of status that a CA has not confirmed, oldest first."""
    found = StatusChange.objects.filter(connector=connector, state=StatusChange.State.WAITING)
    due = found.filter(models.Q(next_try_at__isnull=True) | models.Q(next_try_at__lte=now))
    ids = list(due.order_by("id").values_list("pk", flat=True)[:limit])
    if not ids:  # nearly always: the joins are not worth putting together
        return []
    whole = StatusChange.objects.filter(pk__among=ids).select_related("pair__ca")
    return list(whole.prefetch_related("pair__certificates").order_by("id"))


def revoked_entries(authority_id: int, now: datetime) -> Iterator[tuple[str, datetime, str]]:
    """(serial, revoked at, reason) of every certificate a CRL made now must list, in order of recording."""
    found = (
        Certificate.objects.filter(ca_id=authority_id)
        .exclude(state=PairState.VALID)
        .filter(not_after__gte=now, revoked_at__isnull=False)
        .order_by("id")
    )
    for serial, revoked_at, reason in found.values_list("serial", "revoked_at", "reason").iterator(5000):
        assert revoked_at is not None  # noqa: S101  (filtered above)
        yield serial, revoked_at, reason


def last_crl(authority_id: int) -> CrlIssue | None:
    """The newest CRL of a CA that we have."""
    return CrlIssue.objects.filter(ca_id=authority_id).order_by("-number").first()


# For pages and commands: scoped to what the actor may see


@dataclass(frozen=True, slots=True)
class PairLife:
    """A certificate's life: pair, certificates, what it followed and what followed it, changes of status."""

    pair: CertificatePair
    authority: CertificateAuthority
    certificates: list[Certificate]
    predecessor: CertificatePair | None
    successors: list[CertificatePair]
    changes: list[StatusChange]
    issuance: Issuance | None


def pairs(actor: Actor) -> ScopedQuerySet[CertificatePair]:
    """The pairs the actor may see."""
    rights.require(actor, "certificates.read")
    return CertificatePair.objects.visible_to(actor)


def pair(actor: Actor, pair_id: int) -> CertificatePair:
    """One pair. Raises PairNotFound for one that does not exist or lies out of sight: the two are not told apart."""
    found = pairs(actor).filter(pk=pair_id).select_related("ca").first()
    if found is None:
        raise PairNotFound
    return found


def pair_page(
    actor: Actor,
    *,
    before: int | None = None,
    limit: int = 50,
    state: str = "",
    system: str = "",
    kind: str = "",
    expires_before: datetime | None = None,
) -> list[CertificatePair]:
    """A page of pairs, newest first, after the key ``before`` (the last one of the page before)."""
    found = pairs(actor)
    if before is not None:
        found = found.filter(pk__lt=before)
    for name, value in (("state", state), ("system", system), ("kind", kind)):
        if value:
            found = found.filter(**{name: value})
    if expires_before is not None:
        found = found.filter(not_after__lt=expires_before)
    return list(found.order_by("-pk")[:limit])


def newest_pair() -> int:
    """The highest key given to a pair anywhere; where a page that walks by key begins. 0 before the first."""
    found = CertificatePair.objects.unscoped("a key, no row").order_by("-pk").values_list("pk", flat=True)
    return found.first() or 0


def pair_by_serial(actor: Actor, serial: str) -> CertificatePair:
    """The pair of a certificate's serial number (hexadecimal, blanks and colons ignored). Raises PairNotFound."""
    found = _pairs_of_serial(actor, serial)
    if not found:
        raise PairNotFound
    return found[0]


def search_pairs(
    actor: Actor, text: str, *, limit: int = 50, holders: parties.Holders | None = None
) -> list[CertificatePair]:
    """Pairs by one box: serial, token number, ID number, credit code, name or part of it (pinyin too). Newest first.

    ``holders``: what a caller looks up by the same text anyway. Raises parties' SearchTooShort when nothing searchable was
    typed.
    """
    found = _pairs_of_serial(actor, text)
    if found:
        return found
    # The exclusion says what the index on token numbers leaves out; without it the index would not be used.
    by_token = pairs(actor).filter(token_serial="".join(text.split()).upper()).exclude(token_serial="")
    exact = list(by_token.order_by("-pk")[:limit])
    if exact:
        return exact
    on_record = holders or parties.Holders(actor, text, limit=limit)
    return list(pairs(actor).filter(held_by(on_record)).order_by("-pk")[:limit])


def held_by(on_record: parties.Holders) -> models.Q:
    """What belongs to any of these: a condition on pairs, and on requests alike."""
    people, bodies, devices = (
        [row.pk for row in rows] for rows in (on_record.people, on_record.organizations, on_record.devices)
    )
    return models.Q(person__in=people) | models.Q(organization__in=bodies) | models.Q(device__in=devices)


def life(actor: Actor, pair_id: int) -> PairLife:
    """Everything about one pair. Raises PairNotFound."""
    found = pair(actor, pair_id)
    related = pairs(actor)
    return PairLife(
        pair=found,
        authority=found.ca,
        certificates=list(Certificate.objects.filter(pair=found).order_by("pk")),
        predecessor=related.filter(pk=found.supersedes_id).first() if found.supersedes_id else None,
        successors=list(related.filter(supersedes=found).order_by("pk")),
        changes=list(StatusChange.objects.filter(pair=found).order_by("pk")),
        issuance=Issuance.objects.filter(pk=found.issuance_id).first() if found.issuance_id else None,
    )


def certificates_of(actor: Actor, pair_id: int) -> list[Certificate]:
    """The certificates of a pair, signing first, rows checked. Raises PairNotFound, audit RowForged."""
    found = Certificate.objects.filter(pair=pair(actor, pair_id)).order_by("pk")
    return [certificate.verify_row() for certificate in found]


def counts(actor: Actor, names: Iterable[str]) -> dict[tuple[str, str], int]:
    """Numbers kept ready under some names, (name, system) → value, over the regions the actor may see."""
    rights.require(actor, "certificates.read")
    found = Tally.objects.filter(name__in=list(names))
    if actor.regions is not None:
        below = RegionScoped.closure().filter(ancestor__in=sorted(actor.regions)).values("descendant")
        found = found.filter(region_code__in=below)
    rows = found.values("name", "system").annotate(total=models.Sum("value")).order_by("name", "system")
    return {(row["name"], row["system"]): row["total"] for row in rows}


def _pairs_of_serial(actor: Actor, text: str) -> list[CertificatePair]:
    serial = "".join(text.split()).replace(":", "").upper()
    if not _SERIAL.fullmatch(serial):
        return []
    ids = Certificate.objects.filter(serial=serial).values_list("pair_id", flat=True)
    return list(pairs(actor).filter(pk__in=list(ids)).order_by("-pk"))


class PairHoldings:
    """``parties.ports.HoldingsSource``: what people and bodies hold already (重复注册提醒)."""

    def __init__(self, now: datetime, *, leave_out: int | None = None) -> None:
        """``leave_out``: the pair that the question is asked for, when it is issued already."""
        self._now, self._leave_out = now, leave_out

    def holdings_of(self, *, people: Sequence[int], organizations: Sequence[int]) -> list[Holding]:
        """Pairs that still count: not revoked, not expired, across the province."""
        found = CertificatePair.objects.unscoped("parties tell a scoped person only numbers of what lies elsewhere")
        # A person's own pairs, and those of a body itself: not those of every person who works there.
        of_bodies = models.Q(organization__in=list(organizations), person__isnull=True, device__isnull=True)
        current = found.filter(models.Q(person__in=list(people)) | of_bodies, not_after__gte=self._now)
        return [
            Holding(
                pair_id=row.pk,
                kind=row.kind,
                system=row.system,
                medium=row.token_serial,
                application="",
                region_code=row.region_code,
                subject_name=row.subject_name,
                state=row.state,
                person_id=row.person_id,
                organization_id=None if row.person_id is not None else row.organization_id,
            )
            for row in current.exclude(state=PairState.REVOKED).order_by("pk")
            if row.pk != self._leave_out
        ]
