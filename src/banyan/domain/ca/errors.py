"""What can go wrong with certificates. Each error says what happened and what to do next.

::

    CaError
    ├── UnknownAuthority, AuthorityInactive, AuthorityMismatch, AuthorityExists
    ├── KeyUsedBefore, KeyOfAuthority, KeyAlgorithmRefused
    ├── IssuanceConflict, IssuanceNotOpen, ValidityRefused
    ├── CertificateMismatch          what a CA returned is not what was asked for
    ├── PairNotFound, PairNotValid, PairNotHeld, PairRevoked
    ├── CrlTooOld, CrlInvalid
    └── ForeignRefused
"""

from banyan.kernel.errors import N_, BanyanError


class CaError(BanyanError):
    """Base of the errors of this package."""

    code = "ca.error"


class UnknownAuthority(CaError):
    """No CA of that code is registered."""

    code = "ca.unknown_authority"
    message = N_("没有登记代码为 {ca} 的 CA。请先登记或核对签发系统的配置。")


class AuthorityInactive(CaError):
    """The CA no longer issues."""

    code = "ca.authority_inactive"
    message = N_("CA {ca} 已停止签发新证书。请在签发系统的配置中改用接替它的 CA。")


class AuthorityMismatch(CaError):
    """A CA certificate that does not fit what is said about it."""

    code = "ca.authority_mismatch"
    message = N_("CA {ca} 的证书与登记内容不符：{reason}。请核对证书文件后重新登记。")


class AuthorityExists(CaError):
    """A CA of that code is registered with another certificate."""

    code = "ca.authority_exists"
    message = N_("代码 {ca} 已登记了另一张 CA 证书。CA 换发证书时请使用新的代码。")


class KeyUsedBefore(CaError):
    """The public key stands in a certificate or an intent already."""

    code = "ca.key_used_before"
    message = N_("证书申请中的公钥已经用过。请在介质的新容器中重新生成密钥，再提交新的证书申请。")
    audited_refusal = True


class KeyOfAuthority(CaError):
    """The public key is that of a CA."""

    code = "ca.key_of_authority"
    message = N_("证书申请中的公钥是 CA 的公钥，已拒绝。请由介质重新生成密钥。")
    audited_refusal = True


class KeyAlgorithmRefused(CaError):
    """The profile does not certify keys of this kind."""

    code = "ca.key_algorithm_refused"
    message = N_("模板 {profile} 不签发 {algorithm} 公钥的证书。请用模板要求的算法重新生成密钥，或改选模板。")


class IssuanceConflict(CaError):
    """The same request and version was opened with other content."""

    code = "ca.issuance_conflict"
    message = N_("申请 {request} 的第 {version} 版已有内容不同的签发意图。请刷新后查看已有的签发。")
    audited_refusal = True


class IssuanceNotOpen(CaError):
    """The intent was issued, refused or called off."""

    code = "ca.issuance_not_open"
    message = N_("签发 {issuance} 的状态是“{state}”，不能再作废。请按注销办理。")


class ValidityRefused(CaError):
    """A period that ends before it begins or beyond the CA's own."""

    code = "ca.validity_refused"
    message = N_("有效期 {not_before} 至 {not_after} 超出 CA {ca} 或模板允许的范围。请缩短有效期或更换 CA。")


class CertificateMismatch(CaError):
    """A CA returned a certificate that does not carry out the intent."""

    code = "ca.certificate_mismatch"
    message = N_("CA 返回的证书与签发意图 {issuance} 不符：{reason}。没有登记该证书，请与 CA 核实。")
    audited_refusal = True


class PairNotFound(CaError):
    """No such pair, or not within the actor's sight."""

    code = "ca.pair_not_found"
    message = N_("没有找到这对证书，或它不在您的管辖范围内。")


class PairNotValid(CaError):
    """The action needs a valid pair."""

    code = "ca.pair_not_valid"
    message = N_("证书“{name}”的状态是“{state}”，不能办理这项业务。")


class PairNotHeld(CaError):
    """Only a held pair can be released."""

    code = "ca.pair_not_held"
    message = N_("证书“{name}”没有冻结，不需要解除。")


class PairRevoked(CaError):
    """A revoked pair stays revoked."""

    code = "ca.pair_revoked"
    message = N_("证书“{name}”已于 {at} 注销，不能恢复。需要继续使用请办理新办。")


class CrlTooOld(CaError):
    """A CRL that is not newer than the one we have."""

    code = "ca.crl_too_old"
    message = N_("CA {ca} 的吊销列表编号 {number} 不比已有的 {last} 新，没有采用。")


class CrlRefused(CaError):
    """A CRL that is not what was asked for."""

    code = "ca.crl_refused"
    message = N_("CA {ca} 的吊销列表不能采用：{reason}。")
    audited_refusal = True


class ForeignRefused(CaError):
    """A certificate of another CA that cannot be taken over."""

    code = "ca.foreign_refused"
    message = N_("第 {row} 行的证书不能接收：{reason}。")
