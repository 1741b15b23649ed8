"""Errors of the pki package. Each carries a stable code, a Chinese message and the fields that fill it.

::

    PkiError
    ├── Malformed            bytes that are not what they claim to be
    ├── NameInvalid          a distinguished name that the rules refuse
    ├── ProfileInvalid       a profile file that does not hold together
    ├── PartsInvalid         moving parts that cannot be encoded
    ├── TemplateInvalid      a template that does not splice as the library encodes
    └── CrlInvalid           a CRL that must not be built
"""

from typing import ClassVar

from banyan.kernel.errors import N_, BanyanError


class PkiError(BanyanError):
    """Base of everything that goes wrong with PKI objects."""

    code: ClassVar[str] = "pki.error"
    message: ClassVar[str] = N_("证书对象处理失败。请核对输入后重试。")


class Malformed(PkiError):
    """Bytes that do not decode. Fields: ``what`` (the object), ``detail`` (for engineers, no content)."""

    code = "pki.malformed"
    message = N_("不是有效的{what}（{detail}）。请核对文件是否完整、格式是否为 DER 或 PEM，再重新提交。")


class NameInvalid(PkiError):
    """A distinguished name that X.520 or GB/T 20518 refuses. Fields: ``attribute``, ``reason``."""

    code = "pki.name_invalid"
    message = N_("主体名称的 {attribute} 不合要求：{reason}。请改正后重新提交。")


class ProfileInvalid(PkiError):
    """A profile that cannot be loaded. Fields: ``profile``, ``reason``."""

    code = "pki.profile_invalid"
    message = N_("证书模板 {profile} 有误：{reason}。请改正模板文件后重新启动。")


class PartsInvalid(PkiError):
    """Moving parts that cannot be encoded into a certificate. Fields: ``row``, ``reason``."""

    code = "pki.parts_invalid"
    message = N_("第 {row} 行的证书内容无法编码：{reason}。请改正该行后重新提交。")


class TemplateInvalid(PkiError):
    """A template whose spliced bytes differ from the library's own encoding. Fields: ``profile``, ``use``."""

    code = "pki.template_invalid"
    message = N_("证书模板 {profile}（{use}）自检不通过，已停止使用。请联系维护人员核对模板。")


class CrlInvalid(PkiError):
    """A CRL that must not be built. Field: ``reason``."""

    code = "pki.crl_invalid"
    message = N_("不能生成吊销列表：{reason}。请改正后重新生成。")
