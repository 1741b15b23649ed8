"""CRLs read from their bytes, also of fifty megabytes: the head at once, entries when they are asked for."""

from array import array
from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from enum import IntEnum
from functools import cached_property
from typing import Final

from banyan.kernel.errors import N_
from banyan.pki import armor, names, oids
from banyan.pki import extension_values as values
from banyan.pki import strict_der as der
from banyan.pki.der_bounds import bounds
from banyan.pki.errors import Malformed
from banyan.pki.names import Name
from banyan.pki.times import read_time


class Reason(IntEnum):
    """CRLReason (RFC 5280 §5.3.1)."""

    UNSPECIFIED = 0
    KEY_COMPROMISE = 1
    CA_COMPROMISE = 2
    AFFILIATION_CHANGED = 3
    SUPERSEDED = 4
    CESSATION_OF_OPERATION = 5
    CERTIFICATE_HOLD = 6
    REMOVE_FROM_CRL = 8
    PRIVILEGE_WITHDRAWN = 9
    AA_COMPROMISE = 10


@dataclass(frozen=True, slots=True)
class RevokedEntry:
    """One revoked certificate; ``serial`` is the magnitude without a sign octet."""

    serial: bytes
    revoked_at: datetime
    reason: Reason


# Any other critical extension means that the CRL must not be relied on (RFC 5280 §5.2).
UNDERSTOOD: Final = frozenset(
    (
        oids.AUTHORITY_KEY_IDENTIFIER,
        oids.CRL_NUMBER,
        oids.DELTA_CRL_INDICATOR,
        oids.ISSUING_DISTRIBUTION_POINT,
        oids.FRESHEST_CRL,
    )
)


@dataclass(frozen=True)
class Crl:
    """A parsed CRL. ``tbs_span`` and ``entries_span`` are bounds in ``der``; entries are read there."""

    der: bytes
    tbs_span: tuple[int, int]
    issuer_der: bytes
    this_update: datetime
    next_update: datetime | None
    entries_span: tuple[int, int]
    extensions: tuple[values.Extension, ...]
    tbs_algorithm_der: bytes
    algorithm_der: bytes
    signature: bytes

    @property
    def tbs_der(self) -> bytes:
        """The signed bytes."""
        return self.der[self.tbs_span[0] : self.tbs_span[1]]

    @cached_property
    def issuer(self) -> Name:
        """Issuer. Raises Malformed when a string in it does not decode."""
        return names.decode_name(self.issuer_der)

    def _value(self, oid: str) -> bytes | None:
        return next((extension.value for extension in self.extensions if extension.oid == oid), None)

    @property
    def number(self) -> int | None:
        """cRLNumber."""
        return values.read(self._value(oids.CRL_NUMBER), values.number)

    @property
    def base_number(self) -> int | None:
        """BaseCRLNumber of a delta, None for a complete CRL."""
        return values.read(self._value(oids.DELTA_CRL_INDICATOR), values.number)

    @property
    def is_delta(self) -> bool:
        """Whether it lists only changes since ``base_number``."""
        return self._value(oids.DELTA_CRL_INDICATOR) is not None

    @property
    def authority_key_id(self) -> bytes | None:
        """keyIdentifier of the issuer."""
        return values.read(self._value(oids.AUTHORITY_KEY_IDENTIFIER), values.authority_key_id)

    @property
    def issuing_point_urls(self) -> tuple[str, ...]:
        """URLs of the issuingDistributionPoint: the part of the certificates that the CRL covers."""
        found = values.read(self._value(oids.ISSUING_DISTRIBUTION_POINT), values.issuing_point)
        return () if found is None else found[0]

    @property
    def is_partial_by_flag(self) -> bool:
        """Whether flags or reasons of the issuingDistributionPoint narrow the CRL (or it is indirect)."""
        found = values.read(self._value(oids.ISSUING_DISTRIBUTION_POINT), values.issuing_point)
        return found is not None and found[1]

    @property
    def delta_crl_urls(self) -> tuple[str, ...]:
        """URLs of freshestCRL."""
        return values.read(self._value(oids.FRESHEST_CRL), values.point_urls) or ()

    @property
    def unknown_critical(self) -> tuple[str, ...]:
        """Critical extensions that we do not understand."""
        return tuple(one.oid for one in self.extensions if one.is_critical and one.oid not in UNDERSTOOD)

    def find(self, serial: bytes) -> RevokedEntry | None:
        """The entry of a serial (magnitude), None when it is not listed. Raises Malformed.

        A miss is one search over the bytes; a hit is confirmed at the boundary of an entry.
        """
        wanted = der.integer(int.from_bytes(serial, "big"))
        start, end = self.entries_span
        at = self.der.find(wanted, start, end)
        while at >= 0:
            # The entry that holds this place; it is the one when its first field begins just here.
            begin = self._starts[bisect_right(self._starts, at) - 1]
            if bounds(self.der, begin, end, der.SEQUENCE)[0] == at:
                return self._entry(begin)[0]
            at = self.der.find(wanted, at + 1, end)
        return None

    def entries(self) -> Iterator[RevokedEntry]:
        """All entries in the order of the list. Raises Malformed."""
        at, end = self.entries_span
        while at < end:
            entry, at = self._entry(at)
            yield entry

    def __len__(self) -> int:
        """How many entries there are. Raises Malformed."""
        return len(self._starts)

    @cached_property
    def _starts(self) -> "array[int]":
        """Where each entry begins: eight bytes an entry."""
        data, (at, end) = self.der, self.entries_span
        starts = array("L")
        try:
            while at < end:
                starts.append(at)
                length = data[at + 1]
                if length < 0x80 and data[at] == der.SEQUENCE:
                    at += 2 + length
                else:
                    at = bounds(data, at, end, der.SEQUENCE)[1]
        except (der.DerError, IndexError) as error:
            raise Malformed(what=N_("吊销列表"), detail=str(error)) from error
        if at != end:
            raise Malformed(what=N_("吊销列表"), detail="last entry")
        return starts

    def _entry(self, at: int) -> tuple[RevokedEntry, int]:
        data, end = self.der, self.entries_span[1]
        try:
            content, after = bounds(data, at, end, der.SEQUENCE)
            fields = der.Reader(data, content, after)
            serial = fields.integer()
            if serial < 0:
                raise der.DerError("negative serial number")
            revoked_at = read_time(fields)
            reason = Reason.UNSPECIFIED
            if not fields.at_end:
                reason = _reason(values.read_extensions(fields.enter()))
            fields.finish()
        except (der.DerError, UnicodeDecodeError) as error:
            raise Malformed(what=N_("吊销列表"), detail=str(error)) from error
        magnitude = serial.to_bytes((serial.bit_length() + 7) // 8 or 1, "big")
        return RevokedEntry(magnitude, revoked_at, reason), after


def _reason(extensions: tuple[values.Extension, ...]) -> Reason:
    for extension in extensions:
        if extension.oid == oids.REASON_CODE:
            reader = der.Reader(extension.value)
            content = reader.content(0x0A)
            reader.finish()
            try:
                return Reason(int.from_bytes(content, "big"))
            except ValueError as error:
                raise der.DerError("reason code") from error
        if extension.is_critical:
            raise der.DerError(f"critical entry extension {extension.oid}")
    return Reason.UNSPECIFIED


def parse_crl(data: bytes | str) -> Crl:
    """Read a CRL from DER, PEM or bare Base64. Raises Malformed for anything that is not exactly one CRL.

    Entries are walked over when they are first asked for, and Malformed raised then when one of them is
    broken.
    """
    try:
        label, content = armor.unwrap(data)
        if label not in (None, "X509 CRL", "CRL"):
            raise armor.ArmorError(f"PEM label {label}")
        return _parse(content)
    except (armor.ArmorError, der.DerError, UnicodeDecodeError) as error:
        raise Malformed(what=N_("吊销列表"), detail=str(error)) from error


def _parse(data: bytes) -> Crl:
    start, end = bounds(data, 0, len(data), der.SEQUENCE)
    if end != len(data):
        raise der.DerError("trailing data")
    tbs_start, tbs_end = bounds(data, start, end, der.SEQUENCE)
    after = der.Reader(data, tbs_end, end)
    algorithm_der = after.element(der.SEQUENCE)
    signature = after.bits()
    after.finish()
    der.whole(algorithm_der).oid()

    at = tbs_start
    is_version_2 = data[at : at + 1] == b"\x02"
    if is_version_2:
        content, at = bounds(data, at, tbs_end, der.INTEGER)
        if data[content:at] != b"\x01":
            raise der.DerError("version")
    (tbs_algorithm_der, at), (issuer_der, at) = _element(data, at, tbs_end, 2)
    times = der.Reader(data, at, tbs_end)
    this_update, next_update = read_time(times), None
    at = _skip_time(data, at, tbs_end)
    if data[at : at + 1] in (b"\x17", b"\x18") and at < tbs_end:
        next_update = read_time(times)
        at = _skip_time(data, at, tbs_end)
    entries_span = (at, at)
    if at < tbs_end and data[at] == der.SEQUENCE:
        entries_span = bounds(data, at, tbs_end, der.SEQUENCE)
        at = entries_span[1]
    tail = der.Reader(data, at, tbs_end)
    tagged = tail.enter_optional(0xA0)
    extensions: tuple[values.Extension, ...] = ()
    if tagged is not None:
        if not is_version_2:
            raise der.DerError("extensions need version 2")
        extensions = values.read_extensions(tagged.enter())
        tagged.finish()
    tail.finish()
    return Crl(
        der=data,
        tbs_span=(start, tbs_end),
        issuer_der=issuer_der,
        this_update=this_update,
        next_update=next_update,
        entries_span=entries_span,
        extensions=extensions,
        tbs_algorithm_der=tbs_algorithm_der,
        algorithm_der=algorithm_der,
        signature=signature,
    )


def _element(data: bytes, at: int, limit: int, count: int) -> list[tuple[bytes, int]]:
    """``count`` SEQUENCE elements from ``at``: each with the offset behind it."""
    found = []
    for _ in range(count):
        end = bounds(data, at, limit, der.SEQUENCE)[1]
        found.append((data[at:end], end))
        at = end
    return found


def _skip_time(data: bytes, at: int, limit: int) -> int:
    return bounds(data, at, limit, data[at] if at < limit else der.UTC_TIME)[1]
