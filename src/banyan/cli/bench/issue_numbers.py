"""Numbers of nobody: well formed, built on a region code that was never given out."""

from datetime import date, timedelta

_FIRST_DAY = date(1950, 1, 1)
_DAYS = 18_000
_ID_WEIGHTS = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)


def resident_id(number: int) -> str:
    """A resident-ID number (GB 11643) with a right checksum, another one for every ``number`` below 180 million."""
    day = _FIRST_DAY + timedelta(days=number // 1000 % _DAYS)
    body = f"3599{number // (1000 * _DAYS):02d}{day:%Y%m%d}{number % 1000:03d}"
    total = sum(int(digit) * weight for digit, weight in zip(body, _ID_WEIGHTS, strict=True))
    return body + "10X98765432"[total % 11]
