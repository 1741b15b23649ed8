"""The policy of an issuing system as typed values."""

from dataclasses import dataclass
from enum import StrEnum

from banyan.kernel.errors import N_


class CertificateKind(StrEnum):
    """What a certificate is for (个人/单位/设备/印章证书)."""

    PERSONAL = "PERSONAL"
    ORGANIZATION = "ORGANIZATION"
    DEVICE = "DEVICE"
    SEAL = "SEAL"

    @property
    def label(self) -> str:
        """The Chinese msgid shown to people."""
        return _KIND_LABELS[self]


_KIND_LABELS = {
    CertificateKind.PERSONAL: N_("个人证书"),
    CertificateKind.ORGANIZATION: N_("单位证书"),
    CertificateKind.DEVICE: N_("设备证书"),
    CertificateKind.SEAL: N_("印章证书"),
}


class MediumKind(StrEnum):
    """What a key lives in."""

    USB_KEY = "USB_KEY"
    TF_KEY = "TF_KEY"
    SIM_KEY = "SIM_KEY"
    SIM_OVERLAY = "SIM_OVERLAY"
    SERVER_HSM = "SERVER_HSM"
    SOFT = "SOFT"

    @property
    def label(self) -> str:
        """The Chinese msgid shown to people."""
        return _MEDIUM_LABELS[self]


_MEDIUM_LABELS = {
    MediumKind.USB_KEY: N_("USB Key"),
    MediumKind.TF_KEY: N_("TF（SD）卡"),
    MediumKind.SIM_KEY: N_("SIM 卡"),
    MediumKind.SIM_OVERLAY: N_("SIM 贴片卡"),
    MediumKind.SERVER_HSM: N_("服务器密码机"),
    MediumKind.SOFT: N_("软令牌"),
}


class IdentifyCode(StrEnum):
    """What the identify-code extension of a certificate carries (GB/T 20518-2018 §5.2.4; standards differ by owner)."""

    ABSENT = "absent"
    HMAC = "hmac"
    CLEAR = "clear"


class FieldType(StrEnum):
    """How an extra field of a system's form is entered and checked."""

    TEXT = "text"
    CHOICE = "choice"
    ADDRESS = "address"
    MEDIUM = "medium"
    SEAL_CODE = "seal_code"


@dataclass(frozen=True)
class FormField:
    """A field that one system's form has beyond the common ones."""

    code: str
    label: str
    type: FieldType
    is_required: bool
    max_length: int
    choices: tuple[str, ...]
    hint: str


@dataclass(frozen=True)
class KindPolicy:
    """How a system issues one kind of certificate."""

    kind: CertificateKind
    profile: str
    ca: str
    # The same for equipment that knows no SM2; empty where the system does not offer it.
    classic_profile: str
    classic_ca: str
    validity_days: int
    longest_validity_days: int
    identify_code: IdentifyCode
    media: tuple[MediumKind, ...]
    fields: tuple[FormField, ...]


@dataclass(frozen=True)
class RenewalWindow:
    """From ``opens_months`` before expiry; for ``grace_days`` after it at the counter only."""

    opens_months: int
    grace_days: int


@dataclass(frozen=True)
class SystemPolicy:
    """Everything that sets one issuing system apart from another."""

    code: str
    name: str
    short_name: str
    number_prefix: str
    order: int
    renewal: RenewalWindow
    # The policy identifier variant of the profile that certificates in soft tokens carry.
    soft_token_variant: str
    allows_soft_tokens: bool
    tool: str
    application_form: str
    kinds: tuple[KindPolicy, ...]

    def kind(self, kind: str) -> KindPolicy:
        """The policy of one kind. Raises KeyError when the system does not issue it: see ``rules.ensure_kind``."""
        for policy in self.kinds:
            if policy.kind == kind:
                return policy
        raise KeyError(kind)

    @property
    def media(self) -> tuple[MediumKind, ...]:
        """Every medium that some kind of this system may live in, in the order of the registry."""
        return tuple(dict.fromkeys(medium for policy in self.kinds for medium in policy.media))
