"""Filling an installation with held pairs, fast: copies of really issued ones, written by the product's bulk writer.

What decides the cost of the next pair is there in full: as many rows in every table, as long, in every index, with the
unique values (serials, keys, numbers) of each copy its own; signer's journal, its index of used keys and the KMC's
store likewise. The copies are not genuine: their MACs, signatures and audit links are those of their model. Nothing
measured reads them.
"""

import secrets
import sqlite3
import string
import struct
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django.db import connection, transaction

from banyan.cli.bench.issue_alone import SignerHere, keys_for
from banyan.cli.bench.issue_world import CLERK, Stock, done
from banyan.domain import bulk
from banyan.domain.ca.models import CertificatePair, Issuance
from banyan.domain.ra import actions as ra
from banyan.kernel import clock
from banyan.kernel.actor import system_actor
from banyan.kernel.home import Home
from banyan.kernel.identifiers import new_serial, serial_hex
from banyan.signer.journal import Journal
from banyan.signer.journal_entry import Entry
from banyan.signer.process import signer_kek

_MODELS = 200
_COPIES_AT_ONCE = 10
_MODEL_FIRST = 90_000_000

Change = Callable[[Any], Any]


def _serial(_: Any) -> str:
    return serial_hex(new_serial(clock.now()))


def _number(_: Any) -> str:
    return "H" + "".join(secrets.choice(string.digits) for _ in range(18))


def _random(size: int) -> Change:
    return lambda _: secrets.token_bytes(size)


# Table → columns that name rows of others (column → table), and columns unique to each copy.
_REQUEST, _ISSUANCE, _PAIR = "ra_servicerequest", "ca_issuance", "ca_certificatepair"
_PERSON, _TOKEN = "parties_person", "inventory_token"
_TABLES: Mapping[str, tuple[Mapping[str, str], Mapping[str, Change]]] = {
    _PERSON: ({}, {"id_index": _random(16)}),
    _TOKEN: ({"holder_person_id": _PERSON}, {"serial": _number}),
    _REQUEST: (
        {
            "person_id": _PERSON, "approval_id": "ra_approval", "proofreading_id": "ra_proofreading",
            "token_id": _TOKEN, "issuance_id": _ISSUANCE, "issued_pair_id": _PAIR,
        },
        {"number": _number, "token_serial": _number},
    ),
    "ra_steprecord": ({"request_id": _REQUEST}, {}),
    "ra_entry": ({"request_id": _REQUEST}, {}),
    "ra_approval": ({"request_id": _REQUEST}, {}),
    "ra_proofreading": ({"request_id": _REQUEST}, {}),
    _ISSUANCE: (
        {
            "request_id": _REQUEST, "approval_id": "ra_approval", "proofreading_id": "ra_proofreading",
            "person_id": _PERSON, "token_id": _TOKEN,
        },
        {"signing_serial": _serial, "encryption_serial": _serial},
    ),
    _PAIR: (
        {"issuance_id": _ISSUANCE, "request_id": _REQUEST, "person_id": _PERSON, "token_id": _TOKEN},
        {"token_serial": _number},
    ),
    "ca_certificate": ({"pair_id": _PAIR}, {"serial": _serial, "sm3": _random(32)}),
    "inventory_personalizationtask": ({"issuance_id": _ISSUANCE, "token_id": _TOKEN}, {}),
    "outbox_message": ({}, {}),
    "audit_record": ({}, {}),
}  # fmt: skip


@dataclass
class _Copied:
    """The model rows of one table. ``first`` and ``span``: where their ids lie."""

    table: str
    columns: list[str]
    rows: list[tuple[Any, ...]]
    first: int
    span: int

    def moved(self, value: Any, copy: int) -> Any:
        """The id of the copy of a model row; another row's id stays."""
        is_model = value is not None and self.first <= value < self.first + self.span
        return value + copy * self.span if is_model else value


def fill(home: Home, wanted: int, models: int = _MODELS) -> int:
    """Hold at least ``wanted`` pairs, copies of ``models`` that are issued now; returns how many there are."""
    held = CertificatePair.objects.unscoped("the bench counts all").count()
    copies = -(-(wanted - held - models) // models)
    if copies < 1:
        return held
    before = {table: _last(table) for table in _TABLES}
    issuances = issue_models(home, models)
    copied = {table: _read(table, before[table] + 1) for table in _TABLES}
    # While rows wait for those they name, SQLite would look for them in whole tables at each insert.
    with connection.constraint_checks_disabled():
        for start in range(1, copies + 1, _COPIES_AT_ONCE):
            numbers = range(start, min(start + _COPIES_AT_ONCE, copies + 1))
            with transaction.atomic():
                for one in copied.values():
                    bulk.insert_values(one.table, one.columns, _copies(one, copied, numbers))
                _copy_keys(copied[_ISSUANCE], issuances, numbers)
    for one in copied.values():
        _set_next_id(one, copies)
    _fill_journal(home, copied[_ISSUANCE], issuances, copies)
    _fill_escrow(home, copied[_ISSUANCE], issuances, copies)
    settle()
    return CertificatePair.objects.unscoped("the bench counts all").count()


def issue_models(home: Home, count: int) -> list[int]:
    """Really issue ``count`` new pairs; returns the keys of their intents."""
    stock = Stock(home, made=_MODEL_FIRST + CertificatePair.objects.unscoped("a place of its own").count())
    stock.prepare(count)
    done(ra.issue_many(CLERK, stock.take(count), clock.now(), check_signatures=False))
    waiting = list(Issuance.objects.filter(state=Issuance.State.INTENT).values_list("pk", flat=True))
    signer = SignerHere(home)
    try:
        signer.keys |= keys_for(home, waiting)
        ra.carry_on(system_actor("jobs"), signer, clock.now())
    finally:
        signer.close()
    return waiting


def _last(table: str) -> int:
    with connection.cursor() as cursor:
        cursor.execute(f'SELECT coalesce(max(id), 0) FROM "{table}"')  # noqa: S608  (our own tables)
        return int(cursor.fetchone()[0])


def _read(table: str, first: int) -> _Copied:
    statement = f'SELECT * FROM "{table}" WHERE id >= {first} ORDER BY id'  # noqa: S608  (our own tables)
    if connection.vendor == "sqlite":
        # Plain values as they are stored, without conversions to and fro.
        with sqlite3.connect(connection.settings_dict["NAME"]) as plain:
            found = plain.execute(statement)
            columns, rows = [one[0] for one in found.description], found.fetchall()
    else:
        with connection.cursor() as cursor:
            cursor.execute(statement)
            columns, rows = [one[0] for one in cursor.description], cursor.fetchall()
    place = columns.index("id")
    last = max((row[place] for row in rows), default=first)
    return _Copied(table, columns, rows, first, last - first + 1)


def _copies(one: _Copied, copied: Mapping[str, _Copied], numbers: range) -> Iterator[list[Any]]:
    references, unique = _TABLES[one.table]
    at = {name: place for place, name in enumerate(one.columns)}
    targets = [(at[name], copied[table]) for name, table in references.items()]
    own = [(at[name], change) for name, change in unique.items()]
    key = at["id"]
    for number in numbers:
        for row in one.rows:
            made = list(row)
            made[key] = one.moved(made[key], number)
            for place, target in targets:
                made[place] = target.moved(made[place], number)
            for place, change in own:
                made[place] = change(made[place])
            yield made


def _copy_keys(issuances: _Copied, models: Sequence[int], numbers: range) -> None:
    count = 2 * len(models) * len(numbers)
    drawn = iter(struct.unpack(f">{count}q", secrets.token_bytes(8 * count)))
    rows = [
        (next(drawn), issuances.moved(one, number), is_second)
        for number in numbers
        for one in models
        for is_second in (False, True)
    ]
    bulk.insert_values("ca_subjectkey", ("key", "issuance_id", "is_encryption"), sorted(rows))


def _set_next_id(one: _Copied, copies: int) -> None:
    last = one.first + (copies + 1) * one.span - 1
    with connection.cursor() as cursor:
        if one.table == "audit_record":
            cursor.execute("UPDATE audit_head SET sequence = %s", [last])
        elif connection.vendor == "postgresql":
            cursor.execute("SELECT setval(pg_get_serial_sequence(%s, 'id'), %s)", [one.table, last])
        else:
            cursor.execute("UPDATE sqlite_sequence SET seq = %s WHERE name = %s", [last, one.table])


def _fill_journal(home: Home, issuances: _Copied, models: Sequence[int], copies: int) -> None:
    journal = Journal(home.signer, signer_kek(home))
    try:
        entries = list(journal.find(models).values())
        for number in range(1, copies + 1):
            made = [_entry(entry, issuances.moved(entry.issuance, number)) for entry in entries]
            marks = [secrets.token_bytes(16) for _ in range(4 * len(made))]
            journal.append(made, marks, now=clock.now())
    finally:
        journal.close()


def _entry(entry: Entry, issuance: int) -> Entry:
    return Entry(
        issuance, entry.ca, entry.profile, secrets.token_bytes(16), _other(entry.signing), _other(entry.encryption),
        entry.context,
    )  # fmt: skip


def _other(certificate: bytes) -> bytes:
    """As many bytes, as new to a compressor as another certificate: its serial, key and signature."""
    drawn = secrets.token_bytes(16 + 64 + 64)
    return certificate[:15] + drawn[:16] + certificate[31:300] + drawn[16:80] + certificate[364:-64] + drawn[80:]


def _fill_escrow(home: Home, issuances: _Copied, models: Sequence[int], copies: int) -> None:
    store = sqlite3.connect(home.kmc / "store.db")
    names = "issuance, public, data_key, sealed, recipient, since"
    rows = store.execute(
        f"SELECT {names} FROM in_use WHERE issuance BETWEEN ? AND ?",  # noqa: S608  (names above)
        (min(models), max(models)),
    ).fetchall()
    marks = ", ".join("?" * 6)
    for number in range(1, copies + 1):
        made = [
            (issuances.moved(row[0], number), secrets.token_bytes(65), row[2], secrets.token_bytes(len(row[3])),
             secrets.token_bytes(65), row[5])
            for row in rows
        ]  # fmt: skip
        with store:
            store.executemany(f"INSERT INTO in_use ({names}) VALUES ({marks})", made)  # noqa: S608  (names above)
    store.close()


def settle() -> None:
    """Leave nothing for later that service would have done meanwhile: checkpoints, statistics."""
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            cursor.execute("VACUUM (ANALYZE)")
            cursor.execute("CHECKPOINT")
        else:
            cursor.execute("PRAGMA wal_checkpoint(TRUNCATE)")
            cursor.fetchall()
