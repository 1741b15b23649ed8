"""Why a signed or enveloped message cannot be made, read, verified or opened."""

from banyan.kernel.errors import N_
from banyan.pki.errors import PkiError


class CmsError(PkiError):
    """Base of everything that goes wrong with messages of GM/T 0010 and PKCS#7."""

    code = "pki.cms"
    message = N_("签名或加密消息不能使用。请由对方重新生成。")


class CmsMalformed(CmsError):
    """Not a well-formed message of the expected type; ``detail`` is technical."""

    code = "pki.cms_malformed"
    message = N_("签名或加密消息的格式不正确或已损坏（{detail}）。请取得完整的消息后重试。")


class CmsAlgorithmUnsupported(CmsError):
    """An algorithm in the message is not served."""

    code = "pki.cms_algorithm"
    message = N_("消息使用了不受支持的算法（{oid}）。请对方改用 SM2、SM3、SM4 重新生成。")


class CmsContentMissing(CmsError):
    """A detached signature came without the content it signs."""

    code = "pki.cms_content_missing"
    message = N_("这是不含原文的（分离式）签名。请同时提供被签名的原文。")


class CmsContentDiffers(CmsError):
    """The content given is not the one inside the message."""

    code = "pki.cms_content_differs"
    message = N_("提供的原文与签名消息中所含的原文不一致。请核对是否选错了文件。")


class CmsSignerUnknown(CmsError):
    """The signer's certificate is neither in the message nor among those given."""

    code = "pki.cms_signer_unknown"
    message = N_("消息中没有签名人的证书，无法验证。请提供签名证书，或让对方把证书附在消息里。")


class CmsUnsigned(CmsError):
    """No signer at all (a bag of certificates)."""

    code = "pki.cms_unsigned"
    message = N_("消息中没有任何签名，不能作为签名数据使用。请对方签名后重新提交。")


class CmsDigestMismatch(CmsError):
    """messageDigest or contentType in the authenticated attributes does not fit the content."""

    code = "pki.cms_digest_mismatch"
    message = N_("原文的摘要与签名中记录的不符：原文被改动过，或不是签名时的原文。请取得未经改动的原文。")


class CmsSignatureInvalid(CmsError):
    """A signature in the message does not verify."""

    code = "pki.cms_signature_invalid"
    message = N_("消息的签名验证不通过：内容被改动，或不是该证书的私钥所签。请对方重新签名。")


class CmsNotForThisKey(CmsError):
    """No recipient of the message is the given certificate, or opening gave nothing sensible."""

    code = "pki.cms_other_recipient"
    message = N_("加密消息不是发给这张证书的，或在途中被改动，无法打开。请核对收件证书后让对方重新加密。")
