"""Lint of subject names in their DER, made for batches in which most attributes repeat from row to row."""

from typing import Any, Final

from banyan.pki import names, oids
from banyan.pki import strict_der as der
from banyan.pki.der_bounds import bounds
from banyan.pki.profile import Profile

Breach = tuple[str, dict[str, Any]]
_REMEMBERED: Final = 8192
# Attributes that differ from holder to holder are judged afresh; remembering them would push the others out.
_PERSONAL: Final = frozenset(("CN", "serialNumber", "SN", "GN", "emailAddress", "UID"))
_COMMON_NAME_HEAD: Final = der.oid(oids.COMMON_NAME) + bytes((der.UTF8_STRING,))
_Verdict = tuple[str, int, list[Breach]]  # attribute, its place in the order (-1 when not allowed), breaches


class SubjectLint:
    """Judges DER names against the order, bounds and fixed values of a profile."""

    def __init__(self, profile: Profile) -> None:
        self._rank = {attribute: rank for rank, attribute in enumerate(profile.subject_order)}
        self._required = profile.subject_required
        self._required_mask = sum(1 << self._rank[attribute] for attribute in profile.subject_required)
        self._repeatable = frozenset(self._rank[attribute] for attribute in profile.subject_repeatable)
        self._fixed = profile.subject_fixed
        self._known: dict[bytes, _Verdict] = {}
        self._has_usual_common_name = "CN" in self._rank and "CN" not in self._fixed
        self._usual_common_name: _Verdict = ("CN", self._rank.get("CN", -1), [])

    def judge(self, name_der: bytes) -> list[Breach]:
        """Breaches in one name, none when all is well."""
        try:
            return self._walk(name_der)
        except (der.DerError, UnicodeDecodeError, IndexError):
            return [("subject.structure", {})]

    def _walk(self, name_der: bytes) -> list[Breach]:
        breaches: list[Breach] = []
        known = self._known
        if len(name_der) < 0x82 and name_der[0] == der.SEQUENCE and name_der[1] == len(name_der) - 2:
            at, end = 2, len(name_der)
        else:
            at, end = bounds(name_der, 0, len(name_der), der.SEQUENCE)
            if end != len(name_der):
                raise der.DerError("trailing data")
        seen, last = 0, -1
        while at < end:
            length = name_der[at + 1]
            after = at + 2 + length if length < 0x80 else bounds(name_der, at, end, der.SET)[1]
            relative = name_der[at:after]
            verdict = known.get(relative)
            if verdict is None:
                if after > end:
                    raise der.DerError("longer than what holds it")
                verdict = self._relative(relative)
            attribute, rank, faults = verdict
            if faults:
                breaches += faults
            if rank > last:
                last = rank
            elif rank >= 0:
                if seen >> rank & 1 and rank not in self._repeatable:
                    breaches.append(("subject.repeated", {"attribute": attribute}))
                elif rank < last:
                    breaches.append(("subject.order", {"attribute": attribute}))
            if rank >= 0:
                seen |= 1 << rank
            at = after
        if self._required_mask & ~seen:
            missing = [attribute for attribute in self._required if not seen >> self._rank[attribute] & 1]
            breaches += [("subject.required", {"attribute": attribute}) for attribute in missing]
        return breaches

    def _relative(self, relative: bytes) -> _Verdict:
        # The usual common name, known by its exact header: SET, SEQUENCE, OID, UTF8String in short form.
        size = len(relative)
        if size < 0x80 and relative[4:10] == _COMMON_NAME_HEAD and self._has_usual_common_name:
            head = (der.SET, size - 2, der.SEQUENCE, size - 4, size - 11)
            if (relative[0], relative[1], relative[2], relative[3], relative[10]) == head:
                text = relative[11:].decode()
                if 0 < len(text) <= 64 and text.isprintable() and text[0] != " " and text[-1] != " ":
                    return self._usual_common_name
        verdict = self._careful(relative)
        if verdict[0] not in _PERSONAL:
            if len(self._known) >= _REMEMBERED:
                self._known.clear()
            self._known[relative] = verdict
        return verdict

    def _careful(self, relative: bytes) -> _Verdict:
        members = list(names.attributes(der.tlv(der.SEQUENCE, relative)))
        if len(members) != 1:
            raise der.DerError("multi-valued relative name")
        attribute, tag, text = members[0]
        rank = self._rank.get(attribute, -1)
        shown = {"attribute": attribute}
        breaches: list[Breach] = []
        if rank < 0:
            breaches.append(("subject.attribute", shown))
        if tag != names.string_tag(attribute):
            breaches.append(("subject.type", shown))
        bound = names.BOUNDS.get(attribute, names.DEFAULT_BOUND)
        if not 0 < len(text) <= bound:
            breaches.append(("subject.length", {**shown, "bound": bound}))
        elif names.text_fault(attribute, text) is not None:
            breaches.append(("subject.characters", shown))
        if self._fixed.get(attribute, text) != text:
            breaches.append(("subject.fixed", shown))
        return attribute, rank, breaches
