"""Certificate profiles as data: TOML files in ``profiles/``, versioned, loaded into frozen values and
validated.

A profile says everything about a kind of certificate that is not the holder's: algorithms, key usage,
extensions, policies, order and bounds of the name, greatest validity. GB/T 20518-2018 §5, RFC 5280 §4.2.
"""

import re
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from functools import cache
from importlib import resources
from pathlib import Path
from typing import Any, Final

from banyan.pki import oids
from banyan.pki import strict_der as der
from banyan.pki.errors import ProfileInvalid
from banyan.pki.names import Name

# The enterprise number kept for examples (RFC 5612): sample installations only; a real one sets the arc it owns.
# Not ITU-T's 2.999, which some decoders in use cannot read.
SAMPLE_POLICY_ARC: Final = "1.3.6.1.4.1.32473.35"


class Kind(StrEnum):
    """What kind of holder the certificate is for."""

    PERSONAL = "PERSONAL"
    ORGANIZATION = "ORGANIZATION"
    DEVICE = "DEVICE"
    SEAL = "SEAL"
    AUTHORITY = "AUTHORITY"


class Use(StrEnum):
    """What one certificate of the profile is used for; SIGNING and ENCRYPTION together make a pair."""

    SIGNING = "SIGNING"
    ENCRYPTION = "ENCRYPTION"
    BOTH = "BOTH"
    ROOT = "ROOT"
    ISSUING_CA = "ISSUING_CA"
    OCSP = "OCSP"


class Presence(StrEnum):
    """Whether a moving extension stands in the certificate."""

    ABSENT = "absent"
    OPTIONAL = "optional"
    REQUIRED = "required"


class IdentifyCodeForm(StrEnum):
    """How the holder's document number appears: not at all, as a keyed HMAC-SM3, or in clear."""

    ABSENT = "absent"
    HMAC = "hmac"
    CLEAR = "clear"


KEY_USAGE_BITS: Final = (
    "digitalSignature",
    "nonRepudiation",
    "keyEncipherment",
    "dataEncipherment",
    "keyAgreement",
    "keyCertSign",
    "cRLSign",
    "encipherOnly",
    "decipherOnly",
)
KEY_ALGORITHMS: Final = ("SM2", "P256", "RSA")
SIGNATURE_ALGORITHMS: Final[dict[str, str]] = {"SM2": oids.SM2_WITH_SM3, "P256": oids.ECDSA_WITH_SHA256}


def signature_algorithm_der(algorithm: str, parameters: str = "absent") -> bytes:
    """AlgorithmIdentifier of the signature a ``SM2`` or ``P256`` key makes; ``parameters`` is ``absent`` or
    ``null``.
    """
    return der.algorithm(SIGNATURE_ALGORITHMS[algorithm], der.NULL_DER if parameters == "null" else b"")


@dataclass(frozen=True, slots=True)
class Profile:
    """One version of a certificate profile.

    ``signature_algorithm`` is the issuer's key algorithm (``SM2``, ``P256``). ``signature_parameters`` is
    ``absent`` or ``null``. ``maximum_days`` bounds the validity. ``subject_order`` lists the allowed
    attributes in their order; ``subject_fixed`` those with one allowed value. Policies are dotted, the soft
    ones replace the others for software tokens.
    """

    code: str
    version: int
    name: str
    kind: Kind
    uses: tuple[Use, ...]
    key_algorithms: tuple[str, ...]
    signature_algorithm: str
    signature_parameters: str
    maximum_days: int
    key_usage: Mapping[Use, tuple[str, ...]]
    subject_order: tuple[str, ...]
    subject_required: tuple[str, ...]
    subject_repeatable: tuple[str, ...]
    subject_fixed: Mapping[str, str]
    policies: tuple[str, ...]
    soft_token_policies: tuple[str, ...]
    extended_key_usage: tuple[str, ...]
    basic_constraints: str
    path_length: int | None
    crl_distribution_points: bool
    freshest_crl: bool
    authority_information_access: bool
    ocsp_no_check: bool
    identify_code: IdentifyCodeForm
    identify_code_presence: Presence
    organization_code: Presence
    alternative_names: Presence

    @property
    def is_pair(self) -> bool:
        """Whether the profile yields a signing and an encryption certificate (双证书)."""
        return Use.SIGNING in self.uses and Use.ENCRYPTION in self.uses

    @property
    def is_authority(self) -> bool:
        """Whether the holder may issue certificates."""
        return self.basic_constraints == "ca"

    @property
    def signature_oid(self) -> str:
        """Dotted OID of the signature algorithm."""
        return SIGNATURE_ALGORITHMS[self.signature_algorithm]

    @property
    def signature_algorithm_der(self) -> bytes:
        """AlgorithmIdentifier of the signature, parameters absent or NULL as the profile says."""
        return signature_algorithm_der(self.signature_algorithm, self.signature_parameters)

    def order(self, attributes: Mapping[str, str | Iterable[str]]) -> Name:
        """A name with the given attributes in the profile's order, fixed ones added.

        Empty values are left out; a repeatable attribute may have several values. Raises ProfileInvalid for
        an attribute that the profile does not know.
        """
        values = {**self.subject_fixed, **attributes}
        unknown = [attribute for attribute in values if attribute not in self.subject_order]
        if unknown:
            raise ProfileInvalid(profile=self.code, reason=f"subject {', '.join(unknown)}")
        ordered: list[tuple[str, str]] = []
        for attribute in self.subject_order:
            value = values.get(attribute, "")
            texts = [value] if isinstance(value, str) else list(value)
            ordered += [(attribute, text) for text in texts if text]
        return tuple(ordered)


_CODE: Final = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")
_TOP: Final = frozenset(
    [
        "code",
        "version",
        "name",
        "kind",
        "uses",
        "key_algorithms",
        "signature_algorithm",
        "signature_parameters",
        "maximum_days",
        "key_usage",
        "subject",
        "policies",
        "extensions",
    ]
)
_SUBJECT: Final = frozenset(["order", "required", "repeatable", "fixed"])
_POLICIES: Final = frozenset(["hardware", "software"])
_EXTENSIONS: Final = frozenset(
    [
        "extended_key_usage",
        "basic_constraints",
        "path_length",
        "crl_distribution_points",
        "freshest_crl",
        "authority_information_access",
        "ocsp_no_check",
        "identify_code",
        "identify_code_presence",
        "organization_code",
        "alternative_names",
    ]
)


def load_profiles(directory: Path | None = None, *, policy_arc: str = SAMPLE_POLICY_ARC) -> dict[str, Profile]:
    """All profiles by code: those shipped, then those of ``directory``, which replace shipped ones of the
    same code.

    Policies written as ``arc.…`` in the files stand below ``policy_arc``. Raises ProfileInvalid.
    """
    profiles = dict(_shipped(policy_arc))
    if directory is not None:
        for path in sorted(directory.glob("*.toml")):
            profile = parse_profile(path.read_text("utf-8"), path.stem, policy_arc=policy_arc)
            profiles[profile.code] = profile
    return profiles


@cache
def _shipped(policy_arc: str) -> Mapping[str, Profile]:
    files = sorted(resources.files("banyan.pki").joinpath("profiles").iterdir(), key=lambda entry: entry.name)
    texts = [(entry.name[:-5], entry.read_text("utf-8")) for entry in files if entry.name.endswith(".toml")]
    return {name: parse_profile(text, name, policy_arc=policy_arc) for name, text in texts}


def parse_profile(text: str, code: str, *, policy_arc: str = SAMPLE_POLICY_ARC) -> Profile:
    """The profile in a TOML text; ``code`` is the name of its file. Raises ProfileInvalid, naming the entry
    at fault.
    """
    try:
        data = tomllib.loads(text)
        profile = _build(data, policy_arc)
        _check(profile)
    except tomllib.TOMLDecodeError as error:
        raise ProfileInvalid(profile=code, reason=str(error)) from error
    except KeyError as error:
        raise ProfileInvalid(profile=code, reason=f"{error.args[0]} missing") from error
    except (ValueError, TypeError) as error:
        raise ProfileInvalid(profile=code, reason=str(error)) from error
    if profile.code != code:
        raise ProfileInvalid(profile=code, reason=f"code {profile.code} in a file of another name")
    return profile


def _build(data: dict[str, Any], policy_arc: str) -> Profile:
    subject, policies, extensions = data["subject"], data.get("policies", {}), data.get("extensions", {})
    for table, known in ((data, _TOP), (subject, _SUBJECT), (policies, _POLICIES), (extensions, _EXTENSIONS)):
        if unknown := sorted(set(table) - known):
            raise ValueError(f"unknown entry {', '.join(unknown)}")
    identify_code = IdentifyCodeForm(extensions.get("identify_code", "absent"))
    default_presence = "absent" if identify_code is IdentifyCodeForm.ABSENT else "required"
    return Profile(
        code=_text(data, "code"),
        version=_number(data, "version"),
        name=_text(data, "name"),
        kind=Kind(data["kind"]),
        uses=tuple(Use(use) for use in _texts(data, "uses")),
        key_algorithms=_texts(data, "key_algorithms"),
        signature_algorithm=_text(data, "signature_algorithm"),
        signature_parameters=_text(data, "signature_parameters"),
        maximum_days=_number(data, "maximum_days"),
        key_usage={Use(use): _texts(data["key_usage"], use) for use in data["key_usage"]},
        subject_order=_texts(subject, "order"),
        subject_required=_texts(subject, "required"),
        subject_repeatable=_texts(subject, "repeatable", ()),
        subject_fixed={str(key): _text(subject["fixed"], key) for key in subject.get("fixed", {})},
        policies=_policies(policies, "hardware", policy_arc),
        soft_token_policies=_policies(policies, "software", policy_arc),
        extended_key_usage=tuple(
            oids.EXTENDED_KEY_USAGES.get(use, use) for use in _texts(extensions, "extended_key_usage", ())
        ),
        basic_constraints=str(extensions.get("basic_constraints", "absent")),
        path_length=_number(extensions, "path_length") if "path_length" in extensions else None,
        crl_distribution_points=_flag(extensions, "crl_distribution_points"),
        freshest_crl=_flag(extensions, "freshest_crl"),
        authority_information_access=_flag(extensions, "authority_information_access"),
        ocsp_no_check=_flag(extensions, "ocsp_no_check"),
        identify_code=identify_code,
        identify_code_presence=Presence(extensions.get("identify_code_presence", default_presence)),
        organization_code=Presence(extensions.get("organization_code", "absent")),
        alternative_names=Presence(extensions.get("alternative_names", "absent")),
    )


def _check(profile: Profile) -> None:
    """What the types alone do not say. Raises ValueError."""
    for holds, what in (
        (_CODE.fullmatch(profile.code) is not None, "code"),
        (profile.version >= 1, "version"),
        (len(profile.uses) > 0 and len(set(profile.uses)) == len(profile.uses), "uses"),
        (set(profile.key_usage) == set(profile.uses), "key_usage does not match uses"),
        (all(bit in KEY_USAGE_BITS for bits in profile.key_usage.values() for bit in bits), "key_usage"),
        (all(bits for bits in profile.key_usage.values()), "key_usage empty"),
        (
            len(profile.key_algorithms) > 0 and set(profile.key_algorithms) <= set(KEY_ALGORITHMS),
            "key_algorithms",
        ),
        (profile.signature_algorithm in SIGNATURE_ALGORITHMS, "signature_algorithm"),
        (profile.signature_parameters in ("absent", "null"), "signature_parameters"),
        # RFC 5758 §3.2: ECDSA has no parameters.
        (
            profile.signature_algorithm == "SM2" or profile.signature_parameters == "absent",
            "signature_parameters",
        ),
        (1 <= profile.maximum_days <= 40 * 366, "maximum_days"),
        (len(set(profile.subject_order)) == len(profile.subject_order), "subject.order"),
        (all(attribute in oids.NAME_ATTRIBUTES for attribute in profile.subject_order), "subject.order"),
        (set(profile.subject_required) <= set(profile.subject_order), "subject.required"),
        (set(profile.subject_repeatable) <= set(profile.subject_order), "subject.repeatable"),
        (set(profile.subject_fixed) <= set(profile.subject_order), "subject.fixed"),
        (profile.basic_constraints in ("absent", "end-entity", "ca"), "extensions.basic_constraints"),
        (profile.path_length is None or profile.basic_constraints == "ca", "extensions.path_length"),
        (
            profile.is_authority == bool({Use.ROOT, Use.ISSUING_CA} & set(profile.uses)),
            "extensions.basic_constraints",
        ),
        (
            (Kind.AUTHORITY is profile.kind) == bool({Use.ROOT, Use.ISSUING_CA, Use.OCSP} & set(profile.uses)),
            "kind",
        ),
        (not set(profile.policies) & set(profile.soft_token_policies), "policies: software equals hardware"),
        (
            (profile.identify_code is IdentifyCodeForm.ABSENT) == (profile.identify_code_presence is Presence.ABSENT),
            "extensions.identify_code_presence",
        ),
    ):
        if not holds:
            raise ValueError(what)
    for dotted in (*profile.policies, *profile.soft_token_policies, *profile.extended_key_usage):
        _check_oid(dotted)


def _check_oid(dotted: str) -> None:
    if not re.fullmatch(r"[012](\.(0|[1-9]\d*))+", dotted):
        raise ValueError(f"object identifier {dotted}")


def _policies(table: dict[str, Any], key: str, arc: str) -> tuple[str, ...]:
    return tuple(arc + text[3:] if text.startswith("arc.") else text for text in _texts(table, key, ()))


def _text(table: dict[str, Any], key: str) -> str:
    value = table[key]
    if not isinstance(value, str) or not value:
        raise TypeError(f"{key} must be a text")
    return value


def _texts(table: dict[str, Any], key: str, default: tuple[str, ...] | None = None) -> tuple[str, ...]:
    value = table[key] if default is None else table.get(key, list(default))
    if not isinstance(value, list) or not all(isinstance(text, str) and text for text in value):
        raise TypeError(f"{key} must be a list of texts")
    return tuple(value)


def _number(table: dict[str, Any], key: str) -> int:
    value = table[key]
    if not isinstance(value, int) or isinstance(value, bool) or value < 0:
        raise TypeError(f"{key} must be a number")
    return value


def _flag(table: dict[str, Any], key: str) -> bool:
    value = table.get(key, False)
    if not isinstance(value, bool):
        raise TypeError(f"{key} must be true or false")
    return value
