"""The registered issuing systems: a new one is one file here and one line below."""

import tomllib
from collections.abc import Mapping
from functools import cache, lru_cache
from importlib.resources import files
from typing import Any

from banyan.domain.rulebook import snapshots
from banyan.domain.rulebook.snapshots import Snapshot

from ..errors import RegistryInvalid
from ..policy import (
    CertificateKind,
    FieldType,
    FormField,
    IdentifyCode,
    KindPolicy,
    MediumKind,
    RenewalWindow,
    SystemPolicy,
)

REGISTRY = (
    "general.toml",
    "xinchuang.toml",
    "mobile.toml",
    "eseal.toml",
)

_SYSTEM_KEYS = {
    "code",
    "name",
    "short_name",
    "number_prefix",
    "renewal",
    "soft_tokens",
    "tool",
    "application_form",
    "kind",
    "field",
}
_KIND_KEYS = {
    "kind",
    "profile",
    "ca",
    "classic_profile",
    "classic_ca",
    "validity_days",
    "longest_validity_days",
    "identify_code",
    "media",
    "fields",
}
_FIELD_KEYS = {"code", "label", "type", "required", "max_length", "choices", "hint"}


def document_of(code: str) -> str:
    """The name of a system's document in the rulebook."""
    return f"system:{code}"


def policies() -> dict[str, SystemPolicy]:
    """Every registered system by its code, in the order of the registry: as shipped, or as the rulebook sets it.

    Raises RegistryInvalid for a wrong file or version.
    """
    return _policies(snapshots.current())


@lru_cache(maxsize=4)
def _policies(rules: Snapshot) -> dict[str, SystemPolicy]:
    found: dict[str, SystemPolicy] = {}
    for order, (name, data) in enumerate(shipped().items()):
        document = document_of(data["code"])
        content = rules.content(document)
        file = name if content is None else f"{document}/{rules.number(document)}"
        policy = read_policy(data if content is None else content, file=file, order=order)
        clash = [other for other in found.values() if other.number_prefix == policy.number_prefix]
        if policy.code in found or clash:
            raise RegistryInvalid(file=name, problem=f"code {policy.code} or prefix {policy.number_prefix} twice")
        found[policy.code] = policy
    return found


@cache
def shipped() -> dict[str, dict[str, Any]]:
    """What each file of the registry says, unchecked. Raises RegistryInvalid."""
    return {name: _parsed(files(__package__).joinpath(name).read_text("utf-8"), name) for name in REGISTRY}


def load_policy(text: str, *, file: str, order: int = 0) -> SystemPolicy:
    """One system's policy from the text of its file. Raises RegistryInvalid naming the file and what is wrong."""
    return read_policy(_parsed(text, file), file=file, order=order)


def _parsed(text: str, file: str) -> dict[str, Any]:
    try:
        return tomllib.loads(text)
    except ValueError as error:
        raise RegistryInvalid(file=file, problem=str(error)) from error


def read_policy(data: Mapping[str, Any], *, file: str, order: int = 0) -> SystemPolicy:
    """One system's policy from the values of its file or version. Raises RegistryInvalid."""
    try:
        return _system(data, order)
    except (KeyError, ValueError, TypeError, AttributeError) as error:
        raise RegistryInvalid(file=file, problem=f"{type(error).__name__}: {error}") from error


def _system(data: Mapping[str, Any], order: int) -> SystemPolicy:
    _ensure_known(data, _SYSTEM_KEYS)
    fields = {entry["code"]: _field(entry) for entry in data.get("field", [])}
    kinds = tuple(_kind(entry, fields) for entry in data["kind"])
    if len({policy.kind for policy in kinds}) != len(kinds) or not kinds:
        raise ValueError("each kind once, at least one")
    renewal, soft = data["renewal"], data["soft_tokens"]
    return SystemPolicy(
        code=data["code"],
        name=data["name"],
        short_name=data["short_name"],
        number_prefix=data["number_prefix"],
        order=order,
        renewal=RenewalWindow(_positive(renewal["opens_months"]), _positive(renewal["grace_days"], least=0)),
        soft_token_variant=soft["variant"],
        allows_soft_tokens=bool(soft["allowed"]),
        tool=data.get("tool", ""),
        application_form=data.get("application_form", ""),
        kinds=kinds,
    )


def _kind(data: dict[str, Any], fields: dict[str, FormField]) -> KindPolicy:
    _ensure_known(data, _KIND_KEYS)
    days, longest = _positive(data["validity_days"]), _positive(data["longest_validity_days"])
    if days > longest:
        raise ValueError("validity_days above longest_validity_days")
    classic = (data.get("classic_profile", ""), data.get("classic_ca", ""))
    if bool(classic[0]) != bool(classic[1]):
        raise ValueError("classic_profile and classic_ca belong together")
    return KindPolicy(
        kind=CertificateKind(data["kind"]),
        profile=data["profile"],
        ca=data["ca"],
        classic_profile=classic[0],
        classic_ca=classic[1],
        validity_days=days,
        longest_validity_days=longest,
        identify_code=IdentifyCode(data["identify_code"]),
        media=tuple(MediumKind(medium) for medium in data["media"]),
        fields=tuple(fields[code] for code in data.get("fields", [])),
    )


def _field(data: dict[str, Any]) -> FormField:
    _ensure_known(data, _FIELD_KEYS)
    field_type, choices = FieldType(data["type"]), tuple(data.get("choices", []))
    if (field_type is FieldType.CHOICE) != bool(choices):
        raise ValueError(f"field {data['code']}: choices belong to type choice")
    return FormField(
        code=data["code"],
        label=data["label"],
        type=field_type,
        is_required=bool(data["required"]),
        max_length=_positive(data.get("max_length", 100)),
        choices=choices,
        hint=data.get("hint", ""),
    )


def _ensure_known(data: Mapping[str, Any], known: set[str]) -> None:
    unknown = set(data) - known
    if unknown:
        raise ValueError(f"unknown keys {sorted(unknown)}")


def _positive(value: int, least: int = 1) -> int:
    if type(value) is not int or value < least:
        raise ValueError(f"{value!r} is not a number of at least {least}")
    return value
