"""What a proofreader looks at, field by field, and how what is typed again is compared. Reads; never writes."""

import difflib
import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final

from banyan import gm
from banyan.domain.ca.rules import canonical_json
from banyan.domain.parties import protection
from banyan.domain.parties.identity_rules import mask_number, mask_phone
from banyan.domain.ra import sealed_data, subjects
from banyan.domain.ra.models import FieldCheck, ServiceRequest, StepRecord
from banyan.domain.ra.processes import Verb
from banyan.domain.ra.subjects import Holder, Holders
from banyan.domain.ra.values import RequestData
from banyan.domain.systems import access as systems
from banyan.domain.systems.policy import CertificateKind
from banyan.kernel.errors import N_

# How often a protected value may be typed wrongly: its positions must not be found by trying.
MOST_TRIES: Final = 5
SETTLED: Final = frozenset({FieldCheck.Result.SAME, FieldCheck.Result.RETYPED, FieldCheck.Result.LOOKED})
_HIDDEN: Final = "＊"


class Care(StrEnum):
    """How a field is checked: by looking; typed again unseen; typed again and never shown whole."""

    PLAIN = "plain"
    CRITICAL = "critical"
    PROTECTED = "protected"


@dataclass(frozen=True, slots=True)
class CheckedField:
    """One field as it was entered. ``label`` is a msgid; the value is in clear and stays on the server if protected."""

    code: str
    label: str
    value: str = field(repr=False)
    care: Care = Care.PLAIN
    is_phone: bool = False

    @property
    def shown(self) -> str:
        """The form that a page may show once the field is settled."""
        if self.care is not Care.PROTECTED:
            return self.value
        return mask_phone(self.value) if self.is_phone else mask_number(self.value)


@dataclass(frozen=True, slots=True)
class Segment:
    """A run of characters that are alike in both lines, or not."""

    text: str
    differs: bool


@dataclass(frozen=True, slots=True)
class Comparison:
    """What was entered and what was typed again, aligned. Of a protected value nothing is told that was not typed."""

    entered: tuple[Segment, ...] = field(repr=False)
    retyped: tuple[Segment, ...] = field(repr=False)
    positions: tuple[int, ...]

    @property
    def is_same(self) -> bool:
        return not self.positions


@dataclass(frozen=True, slots=True)
class Sheet:
    """Everything that is checked of a request, and a digest of exactly this."""

    fields: tuple[CheckedField, ...]
    content_digest: str

    def find(self, code: str) -> CheckedField | None:
        """A field by its code."""
        return next((one for one in self.fields if one.code == code), None)


def sheet(request: ServiceRequest) -> Sheet:
    """The fields of an entered request, in the order of the application form. Raises sealing.SealBroken."""
    holders = Holders.load([request], with_codes=False)
    holder = holders.of(request)
    data = sealed_data.read(sealed_data.open_text(request.number, request.data_sealed))
    found = [*_of_holder(request.kind, holder), *_of_request(request, data, holders), *_of_data(request, data)]
    return Sheet(tuple(one for one in found if one.value), content_digest(request, holder))


def content_digest(request: ServiceRequest, holder: Holder) -> str:
    """SM3 over the data and the versions of the holder's records: what checks were made of."""
    records = [(row.pk, row.version) if row is not None else None for row in _records(holder)]
    return gm.sm3(canonical_json([request.data_digest, records]).encode()).hex()


def compare(one: CheckedField, retyped: str) -> Comparison:
    """Compare what was typed again with what was entered; widths, blanks and (in codes) letter case do not count."""
    entered, typed = _normal(one, one.value), _normal(one, retyped)
    left, right, positions = _aligned(entered, typed)
    if one.care is Care.PROTECTED:
        left = [Segment(_HIDDEN * len(run.text), True) if run.differs else run for run in left]
    return Comparison(tuple(left), tuple(right), tuple(positions))


def is_complete(found: Sheet, checks: Sequence[FieldCheck]) -> bool:
    """Whether every field is settled."""
    return not unsettled(found, checks)


def unsettled(found: Sheet, checks: Sequence[FieldCheck]) -> list[CheckedField]:
    """The fields that are not settled, those that differ among them."""
    settled = {check.field for check in checks if check.result in SETTLED}
    return [one for one in found.fields if one.code not in settled]


def checks_of(request: ServiceRequest, content: str, proofreader: int) -> list[FieldCheck]:
    """What a proofreader has checked of exactly this content."""
    return list(
        FieldCheck.objects.filter(request=request, content_digest=content, proofreader=proofreader).order_by("pk")
    )


def sent_back(request: ServiceRequest) -> tuple[StepRecord, list[FieldCheck]] | None:
    """When and why proofreading sent back the data that stand there, and the marks; None once they were entered anew."""
    if not request.data_digest:
        return None
    back = request.steps.filter(step=Verb.PROOFREAD, outcome="sent_back").order_by("-pk").first()
    if back is None or request.steps.filter(step=Verb.ENTER, pk__gt=back.pk).exists():
        return None
    checks = checks_of(request, sheet(request).content_digest, back.actor)
    return back, [check for check in checks if check.result == FieldCheck.Result.DIFFERS]


def _records(holder: Holder) -> Iterator[subjects.Record | None]:
    yield from (holder.person, holder.organization, holder.device)


def _of_holder(kind: str, holder: Holder) -> Iterator[CheckedField]:
    person, body, device = holder.person, holder.organization, holder.device
    if device is not None:
        yield CheckedField("device.name", N_("设备名称"), device.name, Care.CRITICAL)
        yield CheckedField("device.domain_name", N_("域名"), device.domain_name, Care.CRITICAL)
        yield CheckedField("device.ip_address", N_("IP 地址"), device.ip_address, Care.CRITICAL)
        yield CheckedField("device.serial_number", N_("设备序列号"), device.serial_number, Care.CRITICAL)
        yield CheckedField("device.icp_number", N_("ICP 备案号"), device.icp_number)
    if body is not None and kind in (CertificateKind.ORGANIZATION, CertificateKind.SEAL):
        yield CheckedField("organization.name", N_("单位名称"), body.name, Care.CRITICAL)
        yield CheckedField("organization.uscc", N_("统一社会信用代码"), body.uscc, Care.CRITICAL)
    if person is not None:
        care = Care.CRITICAL if kind == CertificateKind.PERSONAL else Care.PLAIN
        yield CheckedField("person.name", N_("持有人姓名"), person.name, care)
        yield CheckedField("person.id_type", N_("证件类型"), str(person.get_id_type_display()))
        number, phone = protection.open_identity(person), protection.open_phone(person)
        yield CheckedField("person.id_number", N_("证件号码"), number, Care.PROTECTED)
        yield CheckedField("person.phone", N_("手机"), phone, Care.PROTECTED, is_phone=True)
    if body is not None and kind in (CertificateKind.PERSONAL, CertificateKind.DEVICE):
        yield CheckedField("organization.name", N_("单位名称"), body.name)
        yield CheckedField("organization.uscc", N_("统一社会信用代码"), body.uscc, Care.CRITICAL)


def _of_request(request: ServiceRequest, data: RequestData, holders: Holders) -> Iterator[CheckedField]:
    tree = holders.tree
    yield CheckedField("region", N_("所属地区"), tree.full_name(request.region_code))
    yield CheckedField("kind", N_("证书种类"), CertificateKind(request.kind).label)
    number = data.requester.get("id_number", "").rpartition(":")[2]
    phone = data.requester.get("phone", "")
    yield CheckedField("requester.name", N_("经办人"), data.requester.get("name", ""))
    yield CheckedField("requester.id_number", N_("经办人证件号"), number, Care.PROTECTED)
    yield CheckedField("requester.phone", N_("经办人手机"), phone, Care.PROTECTED, is_phone=True)


_SUBJECT_LABELS: Final = {"OU": N_("部门"), "L": N_("市"), "serialNumber": N_("编号")}


def _of_data(request: ServiceRequest, data: RequestData) -> Iterator[CheckedField]:
    for name, value in data.subject.items():
        care = Care.CRITICAL if name == "serialNumber" else Care.PLAIN
        yield CheckedField(f"subject.{name}", _SUBJECT_LABELS.get(name, name), str(value), care)
    policy = systems.policy(request.system).kind(request.kind)
    labels = {one.code: one.label for one in policy.fields}
    for name, value in data.form.items():
        care = Care.CRITICAL if name.endswith("_code") else Care.PLAIN
        yield CheckedField(f"form.{name}", labels.get(name, name), str(value), care)
    yield CheckedField("dns_names", N_("其他域名"), "\n".join(data.dns_names))
    yield CheckedField("ip_addresses", N_("其他 IP 地址"), "\n".join(data.ip_addresses))
    days = data.validity_days or policy.validity_days
    yield CheckedField("validity_days", N_("有效期（天）"), str(days))
    if data.is_classic:
        yield CheckedField("is_classic", N_("算法"), N_("国际算法（设备不支持 SM2）"))


def _normal(one: CheckedField, text: str) -> str:
    squeezed = "".join(unicodedata.normalize("NFKC", text).split())
    return squeezed if one.code.endswith("name") and not one.code.endswith("domain_name") else squeezed.upper()


def _aligned(entered: str, typed: str) -> tuple[list[Segment], list[Segment], list[int]]:
    """Both texts in runs, and the places (from 1, in what was entered) where they differ."""
    if len(entered) == len(typed):
        unequal = [index for index, pair in enumerate(zip(entered, typed, strict=True)) if pair[0] != pair[1]]
        return _runs(entered, set(unequal)), _runs(typed, set(unequal)), [index + 1 for index in unequal]
    left: set[int] = set()
    right: set[int] = set()
    places: set[int] = set()
    for tag, at, end, other_at, other_end in difflib.SequenceMatcher(None, entered, typed, False).get_opcodes():
        if tag != "equal":
            left.update(range(at, end))
            right.update(range(other_at, other_end))
            places.update(range(at + 1, max(end, at + 1) + 1))
    return _runs(entered, left), _runs(typed, right), sorted(places)


def _runs(text: str, unequal: set[int]) -> list[Segment]:
    found: list[Segment] = []
    for index, character in enumerate(text):
        differs = index in unequal
        if found and found[-1].differs == differs:
            found[-1] = Segment(found[-1].text + character, differs)
        else:
            found.append(Segment(character, differs))
    return found
