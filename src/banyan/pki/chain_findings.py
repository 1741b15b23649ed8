"""What can be wrong with a certificate chain, each with a stable code and a message for people."""

from dataclasses import dataclass, field
from datetime import datetime
from enum import Enum
from typing import Any

from banyan.kernel.errors import N_, fill
from banyan.pki import names
from banyan.pki.errors import PkiError


class Fault(Enum):
    """Every finding: (code, message). A message says what is wrong and what to do."""

    MALFORMED = ("chain.malformed", N_("证书“{subject}”格式错误（{detail}）。请重新取得该证书。"))
    ISSUER_UNKNOWN = (
        "chain.issuer_unknown",
        N_("找不到证书“{subject}”的签发者“{issuer}”的证书。请补充该 CA 证书，或把它的根加入信任列表。"),
    )
    ROOT_UNTRUSTED = (
        "chain.root_untrusted",
        N_("根证书“{subject}”不在信任列表中。核实其来源后由管理员加入信任列表。"),
    )
    SIGNATURE_INVALID = (
        "chain.signature_invalid",
        N_("证书“{subject}”的签名验证不通过：证书被改动，或不是所称的签发者签发。请停止使用该证书。"),
    )
    ALGORITHM_UNSUPPORTED = (
        "chain.algorithm_unsupported",
        N_("证书“{subject}”使用不受支持或已淘汰的算法（{detail}）。请换用 SM2 证书。"),
    )
    ALGORITHM_DIFFERS = (
        "chain.algorithm_differs",
        N_("证书“{subject}”内外两处签名算法标识不一致。请停止使用该证书并通知签发者。"),
    )
    WEAK_KEY = ("chain.weak_key", N_("证书“{subject}”的公钥不安全。请换用新的证书。"))
    NOT_YET_VALID = (
        "chain.not_yet_valid",
        N_("证书“{subject}”从 {not_before} 起才有效。请核对系统时间，或到期再用。"),
    )
    EXPIRED = ("chain.expired", N_("证书“{subject}”已于 {not_after} 过期。请办理更新。"))
    NOT_AN_AUTHORITY = (
        "chain.not_an_authority",
        N_("证书“{subject}”不是 CA 证书，不能签发其他证书。下级证书可能是伪造的，请停止使用。"),
    )
    MAY_NOT_SIGN_CERTIFICATES = (
        "chain.no_cert_sign",
        N_("CA 证书“{subject}”的密钥用法不含证书签发。请联系该 CA。"),
    )
    PATH_TOO_LONG = (
        "chain.path_length",
        N_("CA 证书“{subject}”限定其下最多 {maximum} 级 CA，实际有 {found} 级。请停止使用下级证书。"),
    )
    CRITICAL_UNKNOWN = (
        "chain.critical_unknown",
        N_("证书“{subject}”含有本系统不认识的关键扩展（{oid}），不能使用。请联系签发者。"),
    )
    USAGE = ("chain.usage", N_("证书“{subject}”的密钥用法不含 {usage}，不能用于此处。请选用正确的证书。"))
    PURPOSE = (
        "chain.purpose",
        N_("证书“{subject}”的扩展密钥用法不含 {oid}，不能用于此处。请选用正确的证书。"),
    )
    REVOKED = (
        "chain.revoked",
        N_("证书“{subject}”已于 {revoked_at} 吊销（原因代码 {reason}）。请申请新证书。"),
    )
    ON_HOLD = ("chain.on_hold", N_("证书“{subject}”自 {revoked_at} 起被冻结。如需恢复，请到签发点办理解冻。"))
    REVOCATION_UNKNOWN = (
        "chain.revocation_unknown",
        N_("没有可用的吊销列表来判断证书“{subject}”的状态。请下载“{issuer}”的最新吊销列表后重试。"),
    )
    CRL_EXPIRED = (
        "chain.crl_expired",
        N_("“{issuer}”的吊销列表已于 {next_update} 过期。请下载最新的吊销列表。"),
    )
    CRL_NOT_YET_VALID = (
        "chain.crl_not_yet_valid",
        N_("“{issuer}”的吊销列表从 {this_update} 起才有效。请核对系统时间。"),
    )
    CRL_SIGNATURE_INVALID = (
        "chain.crl_signature_invalid",
        N_("“{issuer}”的吊销列表签名验证不通过，已弃用。请从官方地址重新下载。"),
    )
    CRL_UNUSABLE = (
        "chain.crl_unusable",
        N_("“{issuer}”的吊销列表不能使用（{detail}）。请下载完整的吊销列表。"),
    )
    CRL_SIGNER = (
        "chain.crl_signer",
        N_("CA 证书“{issuer}”的密钥用法不含吊销列表签发，它的吊销列表不可信。请联系该 CA。"),
    )

    @property
    def code(self) -> str:
        """Stable text for programs."""
        return self.value[0]

    @property
    def message(self) -> str:
        """Chinese message template."""
        return self.value[1]


@dataclass(frozen=True, slots=True)
class ChainFinding:
    """One thing found: the fault, which certificate of the path (0 is the leaf), the fields of its message.

    A warning (``is_error`` False) does not make the chain invalid.
    """

    fault: Fault
    depth: int
    fields: dict[str, Any] = field(default_factory=dict)
    is_error: bool = True

    @property
    def code(self) -> str:
        """Stable text for programs."""
        return self.fault.code

    @property
    def text(self) -> str:
        """The message in Chinese, filled."""
        return fill(self.fault.message, self.fields)


def shown_name(name_der: bytes) -> str:
    """A name for people; the hexadecimal start of it when it does not decode."""
    try:
        return names.display(names.decode_name(name_der))
    except PkiError:
        return name_der[:16].hex().upper()


def shown_moment(moment: datetime) -> str:
    """An instant inside a message; certificates state UTC."""
    return f"{moment:%Y-%m-%d %H:%M} UTC"


class ChainInvalid(PkiError):
    """A chain that does not hold; carries all findings. The message is that of the first error."""

    code = "pki.chain_invalid"
    message = N_("证书链验证不通过。请核对证书。")

    def __init__(self, findings: tuple[ChainFinding, ...]) -> None:
        first = next((finding for finding in findings if finding.is_error), None)
        super().__init__(**(first.fields if first else {}))
        self.findings = findings
        self._template = first.fault.message if first else self.message

    @property
    def template(self) -> str:
        return self._template
