"""Every lint rule in one table: its code, the half it belongs to, how grave a breach is, what it says, its
clause.

``template`` rules are judged once a template, ``parts`` rules on every certificate before its signature,
``pair`` rules on the two certificates of a pair, ``stored`` rules on bytes read back.
"""

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Final, Literal

from banyan.kernel.errors import N_, fill

Half = Literal["template", "parts", "pair", "stored"]


class Severity(StrEnum):
    """An ERROR refuses the signature; a WARNING is shown."""

    ERROR = "error"
    WARNING = "warning"


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule; ``message`` is a template in Chinese that ``Finding.fields`` fill."""

    code: str
    half: Half
    severity: Severity
    message: str
    clause: str


@dataclass(frozen=True, slots=True)
class Finding:
    """A breach: which rule, in which row of the batch (None outside batches), and the fields of its message.

    Fields never hold values of protected attributes.
    """

    rule: str
    severity: Severity
    message: str
    fields: dict[str, Any] = field(default_factory=dict)
    row: int | None = None

    @property
    def is_error(self) -> bool:
        """Whether the certificate must not be signed, or must be reported when it exists already."""
        return self.severity is Severity.ERROR

    @property
    def text(self) -> str:
        """The message filled in, untranslated."""
        return fill(self.message, self.fields)


_ROWS: Final[tuple[tuple[Half, str, str, str], ...]] = (
    ("parts", "serial.positive", N_("序列号为空、为零或带有前导零"), "RFC 5280 §4.1.2.2"),
    ("parts", "serial.length", N_("序列号超过 20 字节"), "RFC 5280 §4.1.2.2"),
    ("parts", "serial.duplicate", N_("序列号与第 {other} 行重复"), "RFC 5280 §4.1.2.2"),
    ("parts", "validity.aware", N_("有效期没有时区"), "RFC 5280 §4.1.2.5"),
    ("parts", "validity.range", N_("有效期不在 1950 至 9999 年之间"), "RFC 5280 §4.1.2.5"),
    ("parts", "validity.order", N_("生效时间不早于失效时间"), "RFC 5280 §4.1.2.5"),
    ("parts", "validity.issuer", N_("有效期超出签发者证书的有效期"), "GB/T 20518-2018 §5.2.3"),
    ("parts", "validity.maximum", N_("有效期超过模板允许的 {maximum} 天"), "profile"),
    (
        "parts",
        "validity.form",
        N_("有效期的时间类型不对（2050 年起用 GeneralizedTime）"),
        "RFC 5280 §4.1.2.5",
    ),
    ("parts", "subject.structure", N_("主体名称不是有效的 DER"), "RFC 5280 §4.1.2.6"),
    ("parts", "subject.attribute", N_("主体名称含有模板不允许的属性 {attribute}"), "profile"),
    ("parts", "subject.order", N_("主体名称的属性 {attribute} 顺序不对"), "GB/T 20518-2018 §5.2.3"),
    ("parts", "subject.repeated", N_("主体名称的属性 {attribute} 重复"), "profile"),
    ("parts", "subject.required", N_("主体名称缺少 {attribute}"), "profile"),
    ("parts", "subject.fixed", N_("主体名称的 {attribute} 不是模板规定的值"), "profile"),
    ("parts", "subject.type", N_("主体名称的 {attribute} 字符串类型不对"), "GB/T 20518-2018 §5.2.3"),
    ("parts", "subject.length", N_("主体名称的 {attribute} 为空或超过 {bound} 个字符"), "X.520"),
    (
        "parts",
        "subject.characters",
        N_("主体名称的 {attribute} 含有控制字符、首尾空格或不允许的字符"),
        "X.520",
    ),
    ("parts", "subject.expected", N_("主体名称与申请不一致"), "design"),
    ("parts", "subject.issuer", N_("主体名称与签发者名称的关系不对"), "RFC 5280 §3.2"),
    ("parts", "key.form", N_("公钥不是有效的编码，或不是模板允许的算法"), "GB/T 20518-2018 §5.2.3"),
    ("parts", "key.point", N_("公钥不是曲线上的点"), "GB/T 32918.1 §6.2"),
    ("parts", "key.strength", N_("公钥强度不够（{reason}）"), "GM/T 0015"),
    ("parts", "key.issuer", N_("公钥与签发者公钥的关系不对"), "RFC 5280 §3.2"),
    ("parts", "key.duplicate", N_("公钥与第 {other} 行重复"), "GM/T 0034"),
    ("parts", "key.expected", N_("公钥与申请不一致"), "design"),
    ("parts", "san.presence", N_("主体备用名称缺少，或模板不允许"), "profile"),
    ("parts", "san.dns", N_("主体备用名称中的域名写法不对"), "RFC 1034 §3.5, RFC 5280 §4.2.1.6"),
    ("parts", "san.ip", N_("主体备用名称中的 IP 地址写法不对"), "RFC 5280 §4.2.1.6"),
    ("parts", "san.duplicate", N_("主体备用名称有重复"), "RFC 5280 §4.2.1.6"),
    ("parts", "identify_code.presence", N_("身份标识码缺少，或模板不允许"), "profile"),
    ("parts", "identify_code.form", N_("身份标识码的形式不符合模板"), "GB/T 20518-2018 §5.2.4"),
    ("parts", "organization_code.presence", N_("组织机构代码缺少，或模板不允许"), "profile"),
    ("parts", "organization_code.form", N_("组织机构代码的形式不对"), "GB 32100, GB 11714"),
    ("parts", "crl_shard.presence", N_("CRL 分片号缺少、越界，或签发者没有分片"), "RFC 5280 §4.2.1.13"),
    ("pair", "pair.subject", N_("签名证书与加密证书的主体不同"), "GM/T 0034"),
    ("pair", "pair.serial", N_("签名证书与加密证书的序列号相同"), "RFC 5280 §4.1.2.2"),
    ("pair", "pair.key", N_("签名证书与加密证书的公钥相同"), "GM/T 0034"),
    ("pair", "pair.validity", N_("签名证书与加密证书的有效期不同"), "GM/T 0034"),
    ("pair", "pair.extensions", N_("签名证书与加密证书的身份扩展不同"), "GM/T 0034"),
    ("template", "template.sample", N_("模板样例的活动部分不合要求：{inner}"), "design"),
    ("template", "template.splice", N_("拼接的编码与 ASN.1 库的编码不同"), "design"),
    ("template", "template.stored", N_("模板样例读回后不合要求：{inner}"), "design"),
    ("template", "issuer.name", N_("签发者名称不合要求"), "RFC 5280 §4.1.2.4"),
    ("template", "issuer.key", N_("签发者公钥不合要求"), "GB/T 32918.1 §6.2"),
    ("template", "issuer.key_id", N_("签发者密钥标识不是 4 至 20 字节"), "RFC 5280 §4.2.1.1"),
    ("template", "issuer.validity", N_("签发者证书的有效期前后颠倒"), "RFC 5280 §4.1.2.5"),
    ("template", "algorithm.signature", N_("签名算法与签发者密钥不符"), "GB/T 33560-2017"),
    (
        "template",
        "usage.signing",
        N_("签名证书的密钥用法须为 digitalSignature 与 nonRepudiation"),
        "GB/T 20518-2018 §5.2.4.2.3",
    ),
    (
        "template",
        "usage.encryption",
        N_("加密证书的密钥用法须为 keyEncipherment、dataEncipherment、keyAgreement"),
        "GB/T 20518-2018 §5.2.4.2.3",
    ),
    (
        "template",
        "usage.authority",
        N_("CA 证书须有 keyCertSign 与 cRLSign，其他证书不得有"),
        "RFC 5280 §4.2.1.3",
    ),
    (
        "template",
        "usage.ocsp",
        N_("OCSP 应答证书须有 digitalSignature、OCSPSigning 与 ocsp-nocheck"),
        "RFC 6960 §4.2.2.2",
    ),
    ("template", "policy.presence", N_("最终用户证书没有证书策略"), "GB/T 20518-2018 §5.2.4.2.4"),
    ("template", "policy.soft_token", N_("软件介质的证书策略与硬件介质相同"), "design"),
    ("template", "points.presence", N_("没有 CRL 发布点或颁发机构信息访问地址"), "GB/T 20518-2018 §5.2.4"),
    ("template", "points.url", N_("地址 {url} 不是 http 或 ldap 的有效 URL"), "RFC 5280 §4.2.1.13, §4.2.2.1"),
    ("stored", "stored.decode", N_("证书不能解析：{detail}"), "RFC 5280 §4.1"),
    ("stored", "stored.version", N_("证书版本不是 v3"), "RFC 5280 §4.1.2.1"),
    ("stored", "stored.algorithm", N_("内外签名算法不一致，或与模板不符"), "RFC 5280 §4.1.1.2"),
    ("stored", "stored.issuer", N_("签发者名称与签发 CA 的主体名称不一致"), "RFC 5280 §4.1.2.4"),
    ("stored", "stored.serial", N_("序列号不是 1 至 20 字节的正整数"), "RFC 5280 §4.1.2.2"),
    (
        "stored",
        "stored.time_form",
        N_("有效期的时间类型不对（2050 年起用 GeneralizedTime）"),
        "RFC 5280 §4.1.2.5",
    ),
    (
        "stored",
        "stored.validity",
        N_("有效期颠倒、超出签发者，或超过模板允许的天数"),
        "GB/T 20518-2018 §5.2.3",
    ),
    ("stored", "stored.subject", N_("主体名称的 {attribute} 不合要求"), "GB/T 20518-2018 §5.2.3, X.520"),
    ("stored", "stored.key", N_("公钥不合要求"), "GB/T 20518-2018 §5.2.3"),
    ("stored", "stored.extension_missing", N_("缺少扩展 {oid}"), "GB/T 20518-2018 §5.2.4"),
    ("stored", "stored.extension_extra", N_("含有模板没有的扩展 {oid}"), "profile"),
    ("stored", "stored.extension_critical", N_("扩展 {oid} 的关键性不对"), "RFC 5280 §4.2"),
    ("stored", "stored.key_usage", N_("密钥用法与模板不符"), "GB/T 20518-2018 §5.2.4.2.3"),
    ("stored", "stored.basic_constraints", N_("基本限制与模板不符"), "RFC 5280 §4.2.1.9"),
    ("stored", "stored.key_id", N_("主体密钥标识不是公钥的 SHA-1"), "RFC 5280 §4.2.1.2"),
    ("stored", "stored.authority_key_id", N_("颁发机构密钥标识与签发 CA 不一致"), "RFC 5280 §4.2.1.1"),
    ("stored", "stored.policies", N_("证书策略与模板不符"), "RFC 5280 §4.2.1.4"),
    ("stored", "stored.extended_key_usage", N_("扩展密钥用法与模板不符"), "RFC 5280 §4.2.1.12"),
    ("stored", "stored.san", N_("主体备用名称不合要求"), "RFC 5280 §4.2.1.6"),
    (
        "stored",
        "stored.addresses",
        N_("CRL 发布点或颁发机构信息访问地址与签发 CA 不符"),
        "RFC 5280 §4.2.1.13, §4.2.2.1",
    ),
    ("stored", "stored.identify_code", N_("身份标识码的编码或形式不合要求"), "GB/T 20518-2018 §5.2.4"),
    ("stored", "stored.organization_code", N_("组织机构代码的编码或形式不合要求"), "GB/T 20518-2018 §5.2.4"),
    ("stored", "stored.signature", N_("签名不能用签发 CA 的公钥验证"), "RFC 5280 §4.1.1.3"),
)

_WARNINGS: Final = frozenset(("pair.validity",))

RULES: Final[dict[str, Rule]] = {
    code: Rule(code, half, Severity.WARNING if code in _WARNINGS else Severity.ERROR, message, clause)
    for half, code, message, clause in _ROWS
}


def finding(rule: str, row: int | None = None, **fields: Any) -> Finding:
    """A breach of a rule of the table."""
    known = RULES[rule]
    return Finding(rule, known.severity, known.message, fields, row)
