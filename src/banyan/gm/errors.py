"""Errors of the algorithms. Fields never hold a key, a text or a password."""

from banyan.kernel.errors import N_, BanyanError


class GmError(BanyanError):
    """Base of this package's errors."""

    code = "gm.error"
    message = N_("密码运算没有完成。")


class EngineUnavailable(GmError):
    """The engine asked for is not built or this processor cannot run it."""

    code = "gm.engine_unavailable"
    message = N_("密码引擎 {engine} 不可用：{reason}。先运行 make setup，或把 BANYAN_GM_ENGINE 设为 auto。")


class SelfTestFailed(GmError):
    """A known answer came out wrong; nothing may be signed or encrypted with this engine."""

    code = "gm.self_test_failed"
    message = N_("密码引擎 {engine} 的自检项 {test} 未通过，已停止使用。请重新安装，或改用另一个引擎。")


class EngineFailure(GmError):
    """The library behind the engine refused an operation that should have worked."""

    code = "gm.engine_failure"
    message = N_("密码引擎 {engine} 的运算 {operation} 失败（{status}）。请重试；再次失败时运行 banyan check。")


class PrivateKeyInvalid(GmError):
    """A private key is not 32 bytes in [1, n-2] (GB/T 32918.1)."""

    code = "gm.private_key_invalid"
    message = N_("SM2 私钥无效。请检查密钥的来源。")


class PointError(GmError):
    """A public key is not an uncompressed point of the SM2 curve (GB/T 32918.1)."""

    code = "gm.point_invalid"
    message = N_("SM2 公钥不是曲线上的点。请检查密钥的来源。")


class SignatureInvalid(GmError):
    """A signature does not belong to this message, key and identity."""

    code = "gm.signature_invalid"
    message = N_("签名验证未通过：内容被改动，或签名者不符。")


class DerError(GmError):
    """A signature or ciphertext is not the DER of GM/T 0009."""

    code = "gm.der_invalid"
    message = N_("{what}的编码不符合 GM/T 0009。请检查数据是否完整。")


class CiphertextInvalid(GmError):
    """A ciphertext was not made for this key, or was changed."""

    code = "gm.ciphertext_invalid"
    message = N_("密文无法解密：不是给这个密钥的，或已被改动。")


class PaddingInvalid(GmError):
    """An SM4-CBC text does not end in PKCS#7 padding: wrong key or changed."""

    code = "gm.padding_invalid"
    message = N_("SM4 密文无法解密：密钥不符，或内容已被改动。")


class TagInvalid(GmError):
    """An SM4-GCM text was changed, or key, nonce or associated data differ."""

    code = "gm.tag_invalid"
    message = N_("受保护的数据校验未通过：内容已被改动，或密钥不符。")


class LengthInvalid(GmError):
    """A key, nonce, block text or identity has a length that the algorithm does not take."""

    code = "gm.length_invalid"
    message = N_("{what}的长度不合要求（应为 {expected}）。")


class PasswordWrong(GmError):
    """An encrypted private key does not open with this password."""

    code = "gm.password_wrong"
    message = N_("口令不正确，私钥没有解开。")


class PrivateKeyFileInvalid(GmError):
    """A private-key file is not one that this product reads."""

    code = "gm.private_key_file_invalid"
    message = N_("私钥文件无法识别（{reason}）。支持 PKCS#8 加密私钥：PBES2、PBKDF2、SM4-CBC。")
