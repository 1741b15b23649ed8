"""Request numbers: the system's prefix, the day, a sequence that never returns. ``TY20261123000042``."""

from collections.abc import Sequence
from datetime import date

from django.db import connection

from banyan.domain.ra.models import NumberSequence

_DIGITS = 6


def take_numbers(prefix: str, day: date, count: int) -> Sequence[str]:
    """``count`` new numbers, inside the running transaction; two transactions never get the same one."""
    key = f"{prefix}{day:%Y%m%d}"
    table = NumberSequence._meta.db_table
    with connection.cursor() as cursor:
        cursor.execute(
            f'INSERT INTO {table} (prefix, "last") VALUES (%s, %s) '  # noqa: S608  (our own table's name)
            f'ON CONFLICT (prefix) DO UPDATE SET "last" = {table}."last" + excluded."last" RETURNING "last"',
            [key, count],
        )
        last = int(cursor.fetchone()[0])
    return [f"{key}{number:0{_DIGITS}d}" for number in range(last - count + 1, last + 1)]
