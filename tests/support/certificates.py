"""Certification authorities and certificates for tests, made with keys drawn here; every name says 测试."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from banyan import gm
from banyan.pki import names
from banyan.pki.certificate import Certificate, CertificateParts, IdentifyCode, Issuer, Template, issuer_of
from banyan.pki.names import Name
from banyan.pki.profile import IdentifyCodeForm, Presence, Profile, Use, load_profiles
from banyan.pki.public_key import sm2_spki

START = datetime(2026, 1, 1, tzinfo=UTC)
PROFILES = load_profiles()
CRL_URL = "http://crl.test.example/issuing.crl"
URLS = {
    "crl_urls": (CRL_URL,),
    "ocsp_urls": ("http://ocsp.test.example/",),
    "ca_issuers_urls": ("http://ca.test.example/issuing.cer",),
}
Sign = Callable[[bytes], bytes]


@dataclass(frozen=True)
class Authority:
    """A CA: its certificate, what it shows as an issuer, and its signature."""

    certificate: bytes
    issuer: Issuer
    sign: Sign


def sm2_key() -> tuple[bytes, Sign]:
    """SubjectPublicKeyInfo and signature of a fresh SM2 key."""
    pair = gm.sm2.generate_keypairs(1)[0]
    return sm2_spki(pair.public), lambda message: gm.sm2.sign(pair.private, pair.public, message)


def p256_key() -> tuple[bytes, Sign]:
    """SubjectPublicKeyInfo and signature of a fresh P-256 key."""
    key = ec.generate_private_key(ec.SECP256R1())
    spki = key.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    return spki, lambda message: key.sign(message, ec.ECDSA(hashes.SHA256()))


def rsa_spki(bits: int = 2048) -> bytes:
    """SubjectPublicKeyInfo of a fresh RSA key."""
    key = rsa.generate_private_key(65537, bits)
    return key.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)


KEYS = {"SM2": sm2_key, "P256": p256_key}


def subject_key(profile: Profile) -> bytes:
    """A fresh SubjectPublicKeyInfo of the profile's first algorithm."""
    algorithm = profile.key_algorithms[0]
    return rsa_spki() if algorithm == "RSA" else KEYS[algorithm]()[0]


def subject_name(profile: Profile, common_name: str = "测试用户") -> Name:
    """A full name for a profile."""
    values = {"ST": "福建省", "L": "福州市", "O": "测试单位", "OU": ["测试部门", "测试科室"], "CN": common_name}
    return profile.order(values)


def parts_for(
    template: Template, *, serial: int = 1, key: bytes | None = None, common_name: str = "测试用户"
) -> CertificateParts:
    """Sound parts for a template; one year, or what the profile allows when that is less."""
    profile, issuer = template.profile, template.issuer
    code = None
    if profile.identify_code is IdentifyCodeForm.HMAC:
        code = IdentifyCode.from_hmac("resident", gm.sm3(common_name.encode()))
    elif profile.identify_code is IdentifyCodeForm.CLEAR:
        code = IdentifyCode("resident", "11010519491231002X")
    has_names = profile.alternative_names is not Presence.ABSENT
    return CertificateParts(
        serial=b"\x52" + serial.to_bytes(15, "big"),
        not_before=issuer.not_before,
        not_after=min(issuer.not_after, issuer.not_before + timedelta(days=min(365, profile.maximum_days))),
        subject_der=names.encode_name(subject_name(profile, common_name)),
        public_key=subject_key(profile) if key is None else key,
        identify_code=code,
        organization_code=None if profile.organization_code is Presence.ABSENT else "91350100M000100Y43",
        dns_names=("device.test.example",) if has_names else (),
        ip_addresses=("192.0.2.7", "2001:db8::7") if has_names else (),
        crl_shard=0 if issuer.is_sharded else None,
    )


def make_root(algorithm: str = "SM2") -> Authority:
    """A self-signed root of twenty years."""
    spki, sign = KEYS[algorithm]()
    profile = PROFILES[f"{algorithm.lower()}-root"]
    name = names.encode_name((("C", "CN"), ("O", "测试机构"), ("CN", f"测试根 {algorithm}")))
    issuer = Issuer.of_root(name, spki, START, START + timedelta(days=7300))
    template = Template(profile, Use.ROOT, issuer)
    tbs = template.encode_tbs(CertificateParts(b"\x01", issuer.not_before, issuer.not_after, name, spki))
    certificate = template.assemble(tbs, sign(tbs))
    return Authority(certificate, issuer_of(Certificate.parse(certificate), **URLS), sign)


def make_issuing(root: Authority, **addresses: tuple[str, ...]) -> Authority:
    """An issuing CA of ten years below a root; ``addresses`` replace those its own certificates carry."""
    algorithm = root.issuer.algorithm
    spki, sign = KEYS[algorithm]()
    profile = PROFILES[f"{algorithm.lower()}-issuing-ca"]
    template = Template(profile, Use.ISSUING_CA, root.issuer)
    name = names.encode_name((("C", "CN"), ("O", "测试机构"), ("CN", f"测试签发 {algorithm}")))
    tbs = template.encode_tbs(CertificateParts(b"\x02", START, START + timedelta(days=3650), name, spki))
    certificate = template.assemble(tbs, root.sign(tbs))
    return Authority(certificate, issuer_of(Certificate.parse(certificate), **{**URLS, **addresses}), sign)


def make_template(profile_code: str, use: Use, authority: Authority, *, is_soft_token: bool = False) -> Template:
    """The template of a profile below an authority."""
    return Template(PROFILES[profile_code], use, authority.issuer, is_soft_token=is_soft_token)


def issue(template: Template, authority: Authority, parts: CertificateParts | None = None) -> bytes:
    """A signed certificate."""
    tbs = template.encode_tbs(parts or parts_for(template))
    return template.assemble(tbs, authority.sign(tbs))
