"""Outside judges of certificates and CRLs: OpenSSL and pkilint (issue 2, judged from outside)."""

import shutil
import subprocess
from datetime import timedelta
from functools import cache
from pathlib import Path

import pytest

from banyan.pki.certificate import Certificate, Issuer, Template, certificate_to_pem, issuer_of
from banyan.pki.crl import Reason, assemble_crl, build_tbs_crl, crl_to_pem, encode_entry, parse_crl
from banyan.pki.names import encode_name
from banyan.pki.profile import Use
from support.certificates import (
    PROFILES,
    START,
    URLS,
    Authority,
    Sign,
    issue,
    make_issuing,
    make_root,
    make_template,
    parts_for,
    sm2_key,
)
from support.pkilint import ALLOWED_IN_ENCRYPTION, lint

pytestmark = pytest.mark.interop
OPENSSL = shutil.which("openssl") or "openssl"
SM2_ID = ("-vfyopt", "distid:1234567812345678")
AT = str(int((START + timedelta(days=30)).timestamp()))
END_ENTITIES = [
    (code, use, is_soft)
    for code, profile in PROFILES.items()
    if not profile.is_authority
    for use in profile.uses
    for is_soft in ((False, True) if profile.soft_token_policies else (False,))
]
IDS = [f"{code}-{use}-{'soft' if is_soft else 'hard'}" for code, use, is_soft in END_ENTITIES]


@cache
def chain(algorithm: str) -> tuple[Authority, Authority]:
    root = make_root(algorithm)
    return root, make_issuing(root)


@cache
def sample(code: str, use: Use, is_soft: bool) -> bytes:
    _, issuing = chain(PROFILES[code].signature_algorithm)
    return issue(make_template(code, use, issuing, is_soft_token=is_soft), issuing)


def openssl(*arguments: str, data: bytes | None = None) -> subprocess.CompletedProcess[bytes]:
    return subprocess.run([OPENSSL, *arguments], input=data, capture_output=True, timeout=60, check=False)


def write_pem(directory: Path, **certificates: bytes) -> list[str]:
    paths = []
    for name, der in certificates.items():
        path = directory / f"{name}.pem"
        path.write_text(certificate_to_pem(der))
        paths.append(str(path))
    return paths


def verify(directory: Path, root: bytes, issuing: bytes, leaf: bytes, *options: str) -> str:
    """What ``openssl verify`` says of the leaf, standard output and errors together.

    OpenSSL 3.0 uses the identity given on the command line for the last certificate of a chain only, so an SM2 chain
    is judged link by link: the root by itself, the issuing CA below the root, the leaf below the issuing CA.
    """
    anchor, middle, last = write_pem(directory, root=root, issuing=issuing, leaf=leaf)
    if Certificate.parse(issuing).algorithm != "SM2":
        return said("-CAfile", anchor, "-untrusted", middle, *options, last)
    own = Certificate.parse(root)
    assert has_sm2_signature(directory, own.spki_der, own.tbs_der, own.signature)
    assert said(*SM2_ID, "-x509_strict", "-CAfile", anchor, middle) == f"{middle}: OK\n"
    return said(*SM2_ID, "-partial_chain", "-trusted", middle, *options, last)


def has_sm2_signature(directory: Path, spki_der: bytes, message: bytes, signature: bytes) -> bool:
    """Whether ``openssl dgst`` verifies an SM2 signature with the default identity."""
    key, signed = directory / "key.pem", directory / "signature"
    key.write_bytes(openssl("pkey", "-pubin", "-inform", "DER", "-pubout", data=spki_der).stdout)
    signed.write_bytes(signature)
    options = ("-sm3", "-sigopt", "distid:1234567812345678", "-verify", str(key), "-signature", str(signed))
    return openssl("dgst", *options, data=message).stdout == b"Verified OK\n"


def said(*arguments: str) -> str:
    done = openssl("verify", "-attime", AT, *arguments)
    return (done.stdout + done.stderr).decode()


@pytest.mark.parametrize(("code", "use", "is_soft"), END_ENTITIES, ids=IDS)
def test_openssl_verifies_every_profile_up_to_the_root(tmp_path, code, use, is_soft):
    root, issuing = chain(PROFILES[code].signature_algorithm)
    verdict = verify(tmp_path, root.certificate, issuing.certificate, sample(code, use, is_soft), "-x509_strict")
    assert verdict.endswith("leaf.pem: OK\n"), verdict


def test_openssl_refuses_an_altered_certificate_and_a_strangers_signature(tmp_path):
    root, issuing = chain("SM2")
    good = sample("sm2-personal", Use.SIGNING, False)
    altered = good.replace("测试用户".encode(), "测试用尸".encode())
    assert altered != good
    assert "OK" not in verify(tmp_path, root.certificate, issuing.certificate, altered)
    template = make_template("sm2-personal", Use.SIGNING, issuing)
    tbs = template.encode_tbs(parts_for(template))
    assert "OK" not in verify(
        tmp_path, root.certificate, issuing.certificate, template.assemble(tbs, sm2_key()[1](tbs))
    )


def test_openssl_reads_what_we_wrote(tmp_path):
    (leaf,) = write_pem(tmp_path, leaf=sample("sm2-device", Use.SIGNING, True))
    text = openssl("x509", "-in", leaf, "-noout", "-text", "-nameopt", "utf8,sep_comma_plus_space").stdout.decode()
    for line in (
        "Signature Algorithm: SM2-with-SM3",
        "Subject: C=CN, ST=福建省, L=福州市, O=测试单位, OU=测试部门, OU=测试科室, CN=测试用户",
        "ASN1 OID: SM2",
        "X509v3 Key Usage: critical",
        "Digital Signature, Non Repudiation",
        "Policy: 1.3.6.1.4.1.32473.35.2.3",
        "TLS Web Server Authentication, TLS Web Client Authentication",
        "DNS:device.test.example, IP Address:192.0.2.7, IP Address:2001:DB8:0:0:0:0:0:7",
        f"URI:{URLS['crl_urls'][0]}",
        f"OCSP - URI:{URLS['ocsp_urls'][0]}",
        f"CA Issuers - URI:{URLS['ca_issuers_urls'][0]}",
        "1.2.156.10260.4.1.4:",
    ):
        assert line in text, line


def test_an_authority_whose_key_openssl_made_and_uses(tmp_path):
    """Key pair and signatures come from the openssl program; templates and lint only make the bytes it signs."""
    key = tmp_path / "key.pem"
    openssl("genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:SM2", "-out", str(key))
    spki = openssl("pkey", "-in", str(key), "-pubout", "-outform", "DER").stdout

    def sign(message: bytes) -> bytes:
        options = ("-sm3", "-sigopt", "distid:1234567812345678", "-sign", str(key))
        return openssl("dgst", *options, data=message).stdout

    root = root_of(spki, sign)
    issuing = make_issuing(root)
    leaf = issue(make_template("sm2-organization", Use.ENCRYPTION, issuing), issuing)
    verdict = verify(tmp_path, root.certificate, issuing.certificate, leaf, "-x509_strict")
    assert verdict.endswith("leaf.pem: OK\n"), verdict


def root_of(spki: bytes, sign: Sign) -> Authority:
    name = encode_name((("C", "CN"), ("O", "测试机构"), ("CN", "测试根 openssl")))
    own = Issuer.of_root(name, spki, START, START + timedelta(days=7300))
    template = Template(PROFILES["sm2-root"], Use.ROOT, own)
    tbs = template.encode_tbs(template.sample_parts())
    certificate = template.assemble(tbs, sign(tbs))
    return Authority(certificate, issuer_of(Certificate.parse(certificate), **URLS), sign)


# pkilint knows no SM2, so it cannot check those signatures; OpenSSL does above.
UNSUPPORTED = {"SM2": {"pkix.unsupported_algorithm"}, "P256": set()}


@pytest.mark.parametrize(("code", "use", "is_soft"), END_ENTITIES, ids=IDS)
def test_pkilint_finds_nothing_but_what_is_allowed_for_a_reason(tmp_path, code, use, is_soft):
    _, issuing = chain(PROFILES[code].signature_algorithm)
    leaf, issuer = write_pem(tmp_path, leaf=sample(code, use, is_soft), issuing=issuing.certificate)
    allowed = ALLOWED_IN_ENCRYPTION if use is Use.ENCRYPTION and code.startswith("sm2-") else set()
    assert lint("lint_pkix_cert", leaf) == allowed
    assert lint("lint_pkix_signer_signee_cert_chain", issuer, leaf) == UNSUPPORTED[PROFILES[code].signature_algorithm]


@pytest.mark.parametrize("algorithm", ["SM2", "P256"])
def test_pkilint_finds_nothing_in_authorities(tmp_path, algorithm):
    root, issuing = chain(algorithm)
    anchor, middle = write_pem(tmp_path, root=root.certificate, issuing=issuing.certificate)
    assert lint("lint_pkix_cert", anchor) == set()
    assert lint("lint_pkix_cert", middle) == set()
    assert lint("lint_pkix_signer_signee_cert_chain", anchor, middle) == UNSUPPORTED[algorithm]


def test_pkilint_objects_to_a_bad_certificate(tmp_path):
    """The judge is awake: a planted fault is found."""
    _, issuing = chain("SM2")
    template = make_template("sm2-organization", Use.SIGNING, issuing)
    bad = parts_for(template)._replace(serial=b"\x01" * 21)
    (leaf,) = write_pem(tmp_path, leaf=issue(template, issuing, bad))
    assert lint("lint_pkix_cert", leaf)


def make_crl(authority: Authority, *entries: bytes, **options) -> bytes:
    settings = {"number": 7, "this_update": START, "next_update": START + timedelta(days=60)} | options
    tbs = build_tbs_crl(authority.issuer, list(entries), **settings)
    return assemble_crl(tbs, authority.sign(tbs))


@cache
def sharded_authority(algorithm: str) -> Authority:
    addresses = {
        "crl_urls": ("http://crl.test.example/{shard}.crl",),
        "delta_crl_urls": ("http://crl.test.example/d{shard}.crl",),
    }
    return make_issuing(chain(algorithm)[0], **addresses)


def crl_kinds(algorithm: str) -> dict[str, bytes]:
    issuing, sharded = chain(algorithm)[1], sharded_authority(algorithm)
    revoked = encode_entry(b"\x52" + bytes(14) + b"\x01", START, Reason.KEY_COMPROMISE)
    held = encode_entry(b"\x52" + bytes(14) + b"\x02", START, Reason.CERTIFICATE_HOLD)
    released = encode_entry(b"\x52" + bytes(14) + b"\x03", START, Reason.REMOVE_FROM_CRL)
    return {
        "complete": make_crl(issuing, revoked, held),
        "empty": make_crl(issuing),
        "delta": make_crl(issuing, held, released, base_number=5),
        "shard": make_crl(sharded, revoked, shard=3),
        "shard-delta": make_crl(sharded, released, shard=3, base_number=6),
    }


@pytest.mark.parametrize("kind", ["complete", "empty", "delta", "shard", "shard-delta"])
@pytest.mark.parametrize("algorithm", ["SM2", "P256"])
def test_pkilint_finds_nothing_in_crls(tmp_path, algorithm, kind):
    path = tmp_path / "list.crl"
    path.write_text(crl_to_pem(crl_kinds(algorithm)[kind]))
    assert lint("lint_crl", "-t", "CRL", "-p", "PKIX", str(path)) == set()


def test_openssl_reads_crls(tmp_path):
    path = tmp_path / "list.crl"
    path.write_text(crl_to_pem(crl_kinds("SM2")["delta"]))
    text = openssl("crl", "-in", str(path), "-noout", "-text").stdout.decode()
    for line in (
        "Version 2",
        "X509v3 CRL Number:",
        "X509v3 Delta CRL Indicator: critical",
        "Certificate Hold",
        "Remove From CRL",
    ):
        assert line in text, line


def test_openssl_refuses_what_our_crl_revokes_and_accepts_the_rest(tmp_path):
    """P-256, since OpenSSL 3.0 has no way to give the SM2 identity for a CRL; the bytes are made alike."""
    root, issuing = chain("P256")
    template = make_template("p256-device", Use.BOTH, issuing)
    listed, free = (issue(template, issuing, parts_for(template, serial=serial)) for serial in (1, 9))
    path = tmp_path / "list.crl"
    path.write_text(crl_to_pem(crl_kinds("P256")["complete"]))
    options = ("-crl_check", "-CRLfile", str(path))
    assert "certificate revoked" in verify(tmp_path, root.certificate, issuing.certificate, listed, *options)
    assert verify(tmp_path, root.certificate, issuing.certificate, free, *options).endswith("leaf.pem: OK\n")


@pytest.mark.parametrize("kind", ["complete", "empty", "delta", "shard", "shard-delta"])
def test_openssl_verifies_the_sm2_signature_of_crls(tmp_path, kind):
    data = crl_kinds("SM2")[kind]
    read = parse_crl(data)
    issuer = chain("SM2")[1].issuer if "shard" not in kind else sharded_authority("SM2").issuer
    assert has_sm2_signature(tmp_path, issuer.spki_der, read.tbs_der, read.signature)
    assert not has_sm2_signature(tmp_path, issuer.spki_der, read.tbs_der + b"x", read.signature)
