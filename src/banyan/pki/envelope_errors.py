"""Why an enveloped key cannot be made, read or opened."""

from banyan.kernel.errors import N_
from banyan.pki.errors import PkiError


class EnvelopeError(PkiError):
    """Base of everything that goes wrong with enveloped encryption keys."""

    code = "pki.envelope"
    message = N_("加密密钥的数字信封不能使用。请向密钥管理中心重新申请。")


class EnvelopeMalformed(EnvelopeError):
    """The bytes are no envelope of the expected form; ``detail`` is technical and never holds content."""

    code = "pki.envelope_malformed"
    message = N_("加密密钥的数字信封格式不正确或已损坏（{detail}）。请重新取得完整的信封。")


class EnvelopeNotForThisKey(EnvelopeError):
    """Opening gave nothing sensible: the envelope was made for another signing key, or was altered."""

    code = "pki.envelope_other_recipient"
    message = N_("数字信封打不开：它不是为这枚介质的签名密钥制作的，或在途中被改动。请核对介质后重新申请。")


class EnvelopeKeyMismatch(EnvelopeError):
    """The private key inside does not belong to the public key outside."""

    code = "pki.envelope_key_mismatch"
    message = N_("数字信封中的加密私钥与加密公钥不配对，不能导入。请通知密钥管理中心重新制作信封。")


class EnvelopeLayoutUnavailable(EnvelopeError):
    """The device wants all 64 octets encrypted, but the envelope holds 32."""

    code = "pki.envelope_layout"
    message = N_("该型号介质要求加密整个 64 字节私钥域，信封只含 32 字节。请让密钥管理中心按该型号重做信封。")
