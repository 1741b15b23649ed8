"""Where elements of DER begin and end, without copying: for names in bulk, certificates in bulk and CRLs of
50 MB.
"""

from banyan.pki.strict_der import DerError


def bounds(data: bytes, at: int, limit: int, tag: int) -> tuple[int, int]:
    """(content start, end) of the element at ``at``, which must carry ``tag`` and end by ``limit``. Raises
    DerError.
    """
    if limit - at < 2:
        raise DerError(f"element expected at offset {at}, but the data end")
    if data[at] != tag:
        raise DerError(f"tag {tag:#04x} expected at offset {at}, found {data[at]:#04x}")
    length = data[at + 1]
    start = at + 2
    if length >= 0x80:
        count = length & 0x7F
        start += count
        if not 1 <= count <= 4 or start > limit:
            raise DerError(f"bad length at offset {at + 1}")
        length = int.from_bytes(data[start - count : start], "big")
        if length < 0x80 or length >> (8 * (count - 1)) == 0:
            raise DerError(f"length not minimal at offset {at + 1}")
    end = start + length
    if end > limit:
        raise DerError(f"element at offset {at} is longer than what holds it")
    return start, end
