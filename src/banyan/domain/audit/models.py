"""The audit chain, its head, and the base of rows it guards."""

from collections.abc import Callable, Sequence
from datetime import datetime
from functools import cache
from operator import attrgetter
from typing import Any, ClassVar, Self

from django.conf import settings
from django.db import models

from banyan import gm, sealing
from banyan.domain import bulk
from banyan.domain.audit import chain, collecting
from banyan.domain.audit.errors import RowForged, StaleRow


class AuditRecord(models.Model):
    """One record of the chain; never changed, never deleted.

    ``chain`` is HMAC-SM3 over the previous record's chain value and this record's content (see ``chain.py``).
    """

    id = models.BigIntegerField(primary_key=True)
    epoch = models.IntegerField()
    at_us = models.BigIntegerField(help_text="microseconds since 1970, UTC")
    actor_kind = models.CharField(max_length=16)
    actor_id = models.BigIntegerField()
    actor_name = models.CharField(max_length=128)
    session_id = models.BigIntegerField(null=True)
    credential_id = models.BigIntegerField(null=True)
    event = models.CharField(max_length=64)
    outcome = models.CharField(max_length=16)
    object_type = models.CharField(max_length=64, blank=True)
    object_id = models.BigIntegerField(null=True)
    detail = models.TextField(
        blank=True, help_text="JSON: field names, codes and keyed digests, never protected values"
    )
    rows = models.BinaryField(help_text="guarded rows after the write: type, id, version, MAC")
    chain = models.BinaryField(max_length=32)

    class Meta:
        db_table = "audit_record"
        indexes = [models.Index(fields=["object_type", "object_id"], name="audit_record_object")]

    def __str__(self) -> str:
        return f"{self.id} {self.event}"

    @property
    def at(self) -> datetime:
        """When it happened, aware, UTC."""
        return chain.instant(self.at_us)


class AuditHead(models.Model):
    """The one row that says where the chain ends; locked last, just before commit."""

    id = models.IntegerField(primary_key=True)
    sequence = models.BigIntegerField()
    epoch = models.IntegerField()
    chain = models.BinaryField(max_length=32)

    class Meta:
        db_table = "audit_head"

    def __str__(self) -> str:
        return f"{self.epoch}/{self.sequence}"


class GuardedModel(models.Model):
    """Base of rows whose change outside the product must be found: certificates, approvals, stock, rights.

    ``GUARDED_FIELDS`` names the fields (their column attribute, such as ``ca_id``) that the MAC covers,
    beside table, primary key and version. Rows are written by ``save``, ``insert_guarded`` or
    ``update_guarded`` inside an action that also records them; anything else is refused here or found by the
    verifier. ``GUARDED_BYTES`` names columns of many bytes with the guarded column that holds their SM3: so
    the MAC stays cheap and an edit of the bytes is found all the same.
    """

    GUARDED_FIELDS: ClassVar[tuple[str, ...]] = ()
    GUARDED_BYTES: ClassVar[tuple[tuple[str, str], ...]] = ()

    row_version = models.IntegerField(default=0, editable=False)
    row_mac = models.BinaryField(max_length=sealing.rows.MAC_BYTES, default=b"", editable=False)

    class Meta:
        abstract = True

    @classmethod
    def guard_label(cls) -> str:
        """Table and guarded columns, the first part of what the MAC covers."""
        return f"{cls._meta.label_lower}({','.join(cls.GUARDED_FIELDS)})"

    def guarded_values(self) -> tuple[Any, ...]:
        """Primary key, version and the guarded fields, in order."""
        return _guarded(type(self))(self)

    def seal(self) -> None:
        """Compute the MAC of the row as it stands (primary key and version must be set)."""
        self.row_mac = ring().rows.mac(self.guard_label(), self.guarded_values())

    def is_row_genuine(self) -> bool:
        """Whether the row carries the MAC of its content."""
        are_bytes_right = all(
            gm.sm3(bytes(getattr(self, content))) == bytes(getattr(self, digest))
            for content, digest in self.GUARDED_BYTES
        )
        mac = ring().rows.mac(self.guard_label(), self.guarded_values())
        return are_bytes_right and bytes(self.row_mac) == mac

    def verify_row(self) -> Self:
        """The row itself when genuine. Raises RowForged (an audited refusal) otherwise."""
        if not self.is_row_genuine():
            raise RowForged(row=f"{self._meta.label_lower}:{self.pk}")
        return self

    def save(self, *args: Any, **kwargs: Any) -> None:
        """Write the whole row, sealed, one version on. Raises StaleRow when somebody else wrote it in
        between.
        """
        del args, kwargs  # a guarded row is always written whole
        if self._state.adding:
            insert_guarded([self])
            return
        update_guarded([self])

    def delete(self, *args: Any, **kwargs: Any) -> tuple[int, dict[str, int]]:
        """Delete the row; ``audit.record`` must name it in the same action, before this call."""
        collecting.note_deletion(self._meta.label_lower, self.pk)
        return super().delete(*args, **kwargs)


@cache
def _guarded(model: type[GuardedModel]) -> Callable[[GuardedModel], tuple[Any, ...]]:
    return attrgetter(model._meta.pk.attname, "row_version", *model.GUARDED_FIELDS)


def ring() -> sealing.Keyring:
    """The keys of this installation."""
    return sealing.keyring(settings.HOME)


def seal_many(rows: Sequence[GuardedModel], *, ahead: bool = False) -> None:
    """Give rows without one a primary key, move each one version on and compute all MACs in one batch."""
    if not rows:
        return
    without = [row for row in rows if row.pk is None]
    if without:
        for row, pk in zip(without, bulk.next_ids(type(without[0]), len(without), ahead=ahead), strict=True):
            row.pk = pk
    for row in rows:
        row.row_version += 1
    label = rows[0].guard_label()
    macs = ring().rows.mac_many([(label, row.guarded_values()) for row in rows])
    for row, mac in zip(rows, macs, strict=True):
        row.row_mac = mac


def are_genuine(rows: Sequence[GuardedModel]) -> list[bool]:
    """Which rows of one model carry the MAC of their content; computed in one batch."""
    macs = ring().rows.mac_many([(row.guard_label(), row.guarded_values()) for row in rows])
    return [bytes(row.row_mac) == mac for row, mac in zip(rows, macs, strict=True)]


def insert_guarded(rows: Sequence[GuardedModel], *, ahead: bool = False) -> None:
    """Seal and insert new rows of one model, inside an action (``ahead``: see ``bulk.next_ids``)."""
    if not rows:
        return
    collector = collecting.current(type(rows[0])._meta.label_lower)
    seal_many(rows, ahead=ahead)
    bulk.insert_many(rows)
    collector.note_written(rows)


def update_guarded(rows: Sequence[GuardedModel], fields: Sequence[str] | None = None) -> None:
    """Seal and write changed rows of one model, inside an action, each only if its version is still the one
    read.

    ``fields`` (column attributes) limits what is written; version and MAC always are. Raises StaleRow.
    """
    if not rows:
        return
    meta = type(rows[0])._meta
    collector = collecting.current(meta.label_lower)
    before = [row.row_version for row in rows]
    seal_many(rows)
    if fields is None:
        fields = [field.name for field in meta.concrete_fields if not field.primary_key]
    written = (*fields, "row_version", "row_mac")
    if bulk.update_rows(rows, written, where="row_version", before=before) != len(rows):
        for row, version in zip(rows, before, strict=True):
            row.row_version = version
        raise StaleRow(row=f"{meta.label_lower}:{rows[0].pk}" if len(rows) == 1 else meta.label_lower)
    collector.note_written(rows)
