"""The two time forms of certificates and CRLs (RFC 5280 §4.1.2.5): whole seconds, UTC, ``Z``."""

from datetime import UTC, datetime
from functools import lru_cache

from banyan.pki import strict_der as der

FIRST_YEAR = 1950
GENERALIZED_FROM_YEAR = 2050


def encode_time(moment: datetime) -> bytes:
    """UTCTime through 2049, GeneralizedTime from 2050 on. Parts of a second are dropped.

    Raises ValueError for a naive datetime and before 1950.
    """
    if moment.tzinfo is None:
        raise ValueError("naive datetime")
    utc = moment if moment.tzinfo is UTC else moment.astimezone(UTC)
    if utc.year < FIRST_YEAR:
        raise ValueError("before 1950")
    # Several times faster than strftime: a CRL of a million entries calls this a million times.
    rest = (utc.month, utc.day, utc.hour, utc.minute, utc.second)
    if utc.year < GENERALIZED_FROM_YEAR:
        return b"\x17\x0d%02d%02d%02d%02d%02d%02dZ" % (utc.year % 100, *rest)
    return b"\x18\x0f%04d%02d%02d%02d%02d%02dZ" % (utc.year, *rest)


def read_time(reader: der.Reader) -> datetime:
    """The UTCTime or GeneralizedTime that comes next. Raises DerError for every other form."""
    tag = reader.peek()
    if tag == der.UTC_TIME:
        return _moment(reader.content(tag), 12)
    if tag == der.GENERALIZED_TIME:
        return _moment(reader.content(tag), 14)
    raise der.DerError(f"time expected, found tag {tag:#04x}")


@lru_cache(maxsize=4096)
def _moment(content: bytes, digits: int) -> datetime:
    if len(content) != digits + 1 or content[-1:] != b"Z" or not content[:-1].isdigit():
        raise der.DerError("time not in the form of RFC 5280")
    text = content.decode("ascii")
    if digits == 12:
        text = ("20" if int(text[:2]) < 50 else "19") + text
    try:
        return datetime(
            int(text[:4]),
            int(text[4:6]),
            int(text[6:8]),
            int(text[8:10]),
            int(text[10:12]),
            int(text[12:14]),
            tzinfo=UTC,
        )
    except ValueError as error:
        raise der.DerError("no such time") from error
