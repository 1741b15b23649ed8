"""Why a certification request cannot be used: one class a cause, each message with its cure."""

from banyan.kernel.errors import N_
from banyan.pki.errors import PkiError


class RequestError(PkiError):
    """A certification request that cannot be used. Base of the exact causes."""

    code = "pki.request"
    message = N_("证书申请文件（PKCS#10）不能使用。请由介质或设备重新生成后再提交。")


class MalformedRequest(RequestError):
    """The bytes are not one well-formed PKCS#10 request; ``detail`` is technical."""

    code = "pki.request_malformed"
    message = N_("证书申请文件格式不正确或已损坏（{detail}）。请重新导出完整的文件再提交，不要手工编辑。")


class RequestTooLarge(RequestError):
    """Above 64 KiB."""

    code = "pki.request_too_large"
    message = N_("证书申请文件有 {size} 字节，超过上限 {maximum} 字节。请确认选对了文件：申请一般不到 2 KB。")


class NotARequest(RequestError):
    """A PEM block of another kind was sent."""

    code = "pki.request_other_object"
    message = N_("提交的是“{label}”，不是证书申请。请提交以 BEGIN CERTIFICATE REQUEST 开头的文件。")


class PrivateKeySent(RequestError):
    """A private key came along; it has to be considered disclosed."""

    code = "pki.request_private_key"
    message = N_("文件中含有私钥。私钥不得离开介质或设备：请弃用这对密钥，重新生成后只提交证书申请。")


class KeyNotSupported(RequestError):
    """Key algorithm, curve or point form that is not served."""

    code = "pki.request_key_unsupported"
    message = N_("申请中的公钥不受支持（{detail}）。请使用 SM2（非压缩点）、P-256 或 RSA 密钥重新生成申请。")


class SignatureNotSupported(RequestError):
    """Signature algorithm unknown, or not that of the key."""

    code = "pki.request_signature_unsupported"
    message = N_(
        "申请的签名算法（{oid}）不受支持或与公钥不符。请重新生成申请：SM2 用 SM3 签名，P-256 与 RSA 用 SHA-256 签名。"
    )


class SignatureDigestTooWeak(RequestError):
    """MD5 or SHA-1 below the signature."""

    code = "pki.request_weak_digest"
    message = N_("申请用已淘汰的摘要算法签名（{oid}）。请改用 SM3 或 SHA-256 重新生成申请。")


class RequestSignatureInvalid(RequestError):
    """The proof of possession fails."""

    code = "pki.request_signature_invalid"
    message = N_("证书申请的签名验证不通过：文件被改动过，或签名私钥与公钥不配对。请由介质重新生成申请。")


class RequestIdentityDiffers(RequestSignatureInvalid):
    """An SM2 signature that holds only with an empty identity, as OpenSSL 3.0 makes it unless told otherwise."""

    code = "pki.request_identity"
    message = N_(
        "申请的 SM2 签名使用了空的用户标识，应为 1234567812345678。"
        "请重新生成申请；用 OpenSSL 时加参数 -sigopt distid:1234567812345678。"
    )
