"""Decisions of an issuing system's policy as pure functions of values and ``now``."""

import calendar
import ipaddress
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

from .errors import (
    ClassicNotOffered,
    FormFieldAddress,
    FormFieldCharacters,
    FormFieldChoice,
    FormFieldInvalid,
    FormFieldMissing,
    FormFieldTooLong,
    FormFieldUnknown,
    KindNotOffered,
    MediumNotAllowed,
    RenewalCounterOnly,
    RenewalTooEarly,
    RenewalTooLate,
    SoftTokenRefused,
    UnknownKind,
    ValidityInvalid,
)
from .policy import CertificateKind, FieldType, FormField, KindPolicy, MediumKind, SystemPolicy
from .seal_codes import read_seal_code

# Days, unlike instants, are those of the province.
_LOCAL = ZoneInfo("Asia/Shanghai")
_SM2 = "SM2"


@dataclass(frozen=True)
class Issuing:
    """By which profile and which CA a request is issued."""

    profile: str
    ca: str
    policy_variant: str


def certificate_kind(text: str) -> CertificateKind:
    """A kind by its code or its Chinese name, with or without 证书. Raises UnknownKind."""
    wanted = text.strip()
    for kind in CertificateKind:
        if wanted in (kind.value, kind.label, kind.label.removesuffix("证书")):
            return kind
    raise UnknownKind(value=wanted[:20], known="、".join(kind.label for kind in CertificateKind))


@lru_cache(maxsize=256)
def medium_kind(text: str) -> MediumKind | None:
    """A medium by its code or its Chinese name, blanks and letter case ignored; None when it is not one."""
    wanted = _squeezed(text)
    for medium in MediumKind:
        if wanted in (_squeezed(medium.value), _squeezed(medium.label), *map(_squeezed, _MEDIUM_NAMES[medium])):
            return medium
    return None


def ensure_kind(policy: SystemPolicy, kind: str) -> KindPolicy:
    """How the system issues a kind. Raises KindNotOffered."""
    try:
        return policy.kind(kind)
    except KeyError as error:
        offered = "、".join(entry.kind.label for entry in policy.kinds)
        raise KindNotOffered(system=policy.name, kind=_kind_label(kind), offered=offered) from error


def ensure_medium(policy: SystemPolicy, kind: str, medium: str, *, soft_tokens: bool) -> MediumKind:
    """The medium, when certificates of this kind may live in it. Raises MediumNotAllowed or SoftTokenRefused.

    ``soft_tokens`` says whether the installation allows them at all (never in production).
    """
    found, allowed = medium_kind(medium), ensure_kind(policy, kind).media
    if found is None or found not in allowed:
        names = "、".join(entry.label for entry in allowed)
        shown = found.label if found else medium[:20]
        raise MediumNotAllowed(system=policy.name, kind=_kind_label(kind), medium=shown, allowed=names)
    if found is MediumKind.SOFT and not (soft_tokens and policy.allows_soft_tokens):
        raise SoftTokenRefused
    return found


def issuing(policy: SystemPolicy, kind: str, medium: str, *, algorithm: str = _SM2) -> Issuing:
    """Profile, CA and policy variant for a request whose key is of ``algorithm``. Raises ClassicNotOffered.

    Certificates in soft tokens carry a distinct policy identifier: the profile's ``software`` variant.
    """
    entry = ensure_kind(policy, kind)
    variant = policy.soft_token_variant if medium == MediumKind.SOFT else "hardware"
    if algorithm == _SM2:
        return Issuing(entry.profile, entry.ca, variant)
    if not entry.classic_profile:
        raise ClassicNotOffered(system=policy.name, kind=entry.kind.label, algorithm=algorithm)
    return Issuing(entry.classic_profile, entry.classic_ca, variant)


def validity(policy: SystemPolicy, kind: str, days: int | None = None) -> timedelta:
    """How long a certificate is valid: the kind's default, or ``days`` within its limit. Raises ValidityInvalid."""
    entry = ensure_kind(policy, kind)
    wanted = entry.validity_days if days is None else days
    if not 1 <= wanted <= entry.longest_validity_days:
        raise ValidityInvalid(days=wanted, most=entry.longest_validity_days)
    return timedelta(days=wanted)


def ensure_renewable(policy: SystemPolicy, not_after: datetime, now: datetime, *, at_counter: bool) -> None:
    """Whether a certificate may be renewed now (规范 3.1.1.1-6).

    From two months before expiry; afterwards for some days at the counter only. Raises RenewalTooEarly,
    RenewalCounterOnly or RenewalTooLate.
    """
    opens = renewal_opens(policy, not_after)
    if now < opens:
        raise RenewalTooEarly(opens_on=_day(opens).isoformat())
    if now <= not_after:
        return
    closes = not_after + timedelta(days=policy.renewal.grace_days)
    if now > closes:
        raise RenewalTooLate(expired_on=_day(not_after).isoformat())
    if not at_counter:
        raise RenewalCounterOnly(expired_on=_day(not_after).isoformat(), closes_on=_day(closes).isoformat())


def renewal_opens(policy: SystemPolicy, not_after: datetime) -> datetime:
    """When renewal opens: calendar months before expiry at the same time of day, or the month's last day."""
    local = not_after.astimezone(_LOCAL)
    months = local.year * 12 + local.month - 1 - policy.renewal.opens_months
    year, month = divmod(months, 12)
    day = min(local.day, calendar.monthrange(year, month + 1)[1])
    return local.replace(year=year, month=month + 1, day=day).astimezone(not_after.tzinfo)


def check_form(policy: SystemPolicy, kind: str, values: Mapping[str, str]) -> dict[str, str]:
    """The extra fields of a system's form, cleaned and in the order of the form.

    Raises FormFieldMissing, FormFieldInvalid or FormFieldUnknown.
    """
    fields = ensure_kind(policy, kind).fields
    unknown = set(values) - {field.code for field in fields}
    if unknown:
        raise FormFieldUnknown(field=min(unknown)[:40])
    return {field.code: check_field(field, values.get(field.code, "")) for field in fields}


def check_field(field: FormField, value: str) -> str:
    """One extra field, cleaned. Raises FormFieldMissing or FormFieldInvalid."""
    text = " ".join(value.split())
    if not text:
        if field.is_required:
            raise FormFieldMissing(field=field.label, hint=field.hint)
        return ""
    if len(text) > field.max_length:
        raise FormFieldTooLong(field=field.label, most=field.max_length)
    if not text.isprintable() or text[0] in "=+@":
        raise FormFieldCharacters(field=field.label)
    return _FIELD_READERS[field.type](field, text)


def _text(field: FormField, text: str) -> str:
    del field
    return text


def _choice(field: FormField, text: str) -> str:
    for choice in field.choices:
        if _squeezed(choice) == _squeezed(text):
            return choice
    raise FormFieldChoice(field=field.label, choices="、".join(field.choices))


def _address(field: FormField, text: str) -> str:
    try:
        return str(ipaddress.ip_address(text))
    except ValueError as error:
        raise FormFieldAddress(field=field.label) from error


def _medium(field: FormField, text: str) -> str:
    found = medium_kind(text)
    if found is None:
        raise FormFieldInvalid(field=field.label, hint=field.hint)
    return found.value


_FIELD_READERS = {
    FieldType.TEXT: _text,
    FieldType.CHOICE: _choice,
    FieldType.ADDRESS: _address,
    FieldType.MEDIUM: _medium,
    FieldType.SEAL_CODE: read_seal_code,
}
# What people write on forms beside the official names.
_MEDIUM_NAMES: dict[MediumKind, tuple[str, ...]] = {
    MediumKind.USB_KEY: ("UKey", "USBKey", "智能密码钥匙", "KEY"),
    MediumKind.TF_KEY: ("TF卡", "SD卡", "SD Key", "TF Key"),
    MediumKind.SIM_KEY: ("SIM卡", "SIM Key"),
    MediumKind.SIM_OVERLAY: ("SIM贴片卡", "贴片卡", "SIM贴膜卡"),
    MediumKind.SERVER_HSM: ("密码机", "服务器密码机", "加密机"),
    MediumKind.SOFT: ("软令牌", "软证书", "SOFT"),
}


def _kind_label(kind: str) -> str:
    return CertificateKind(kind).label if kind in set(CertificateKind) else str(kind)[:20]


def _squeezed(text: str) -> str:
    return "".join(text.split()).replace("_", "").casefold()


def _day(moment: datetime) -> date:
    return moment.astimezone(_LOCAL).date()
