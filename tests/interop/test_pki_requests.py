"""OpenSSL judges the requests that we build, and we read those that it makes (A2)."""

import shutil
import subprocess
from pathlib import Path

import pytest

from banyan.pki import csr, names
from banyan.pki.csr import CertificationRequest
from support.small_pki import P256Key, RsaKey, Sm2Key

pytestmark = [
    pytest.mark.interop,
    pytest.mark.skipif(shutil.which("openssl") is None, reason="no openssl command (Debian: openssl)"),
]

SUBJECT = names.encode_name(
    (("C", "CN"), ("ST", "福建省"), ("L", "福州市"), ("O", "测试单位"), ("OU", "𠮷田科"), ("CN", "阿卜杜拉·买买提"))
)
IDENTITY = "distid:1234567812345678"


def openssl(*arguments: object, accept_failure: bool = False) -> subprocess.CompletedProcess[bytes]:
    done = subprocess.run(["openssl", *map(str, arguments)], capture_output=True, timeout=60)
    assert accept_failure or done.returncode == 0, done.stderr.decode()
    return done


def verify(place: Path, *options: str) -> bool:
    done = openssl("req", "-verify", "-noout", "-in", place, *options, accept_failure=True)
    return done.returncode == 0 and b"verify OK" in done.stderr


@pytest.mark.parametrize("parameters", ["absent", "null"])
def test_openssl_verifies_an_sm2_request_of_ours(tmp_path: Path, parameters: str) -> None:
    key = Sm2Key()
    made = csr.build(
        SUBJECT,
        key.public,
        key.sign,
        challenge_password="111111",
        parameters=parameters,  # type: ignore[arg-type]
    )
    place = tmp_path / "sm2.csr"
    place.write_text(csr.to_pem(made))
    assert verify(place, "-vfyopt", IDENTITY)
    assert not verify(place, "-vfyopt", "distid:0000000000000000")
    shown = openssl("req", "-in", place, "-noout", "-subject", "-nameopt", "utf8,sep_comma_plus_space").stdout
    assert "阿卜杜拉·买买提" in shown.decode()
    other = Sm2Key()
    place.write_text(csr.to_pem(csr.build(SUBJECT, key.public, other.sign)))
    assert not verify(place, "-vfyopt", IDENTITY)


def test_openssl_reads_the_cfca_style_attributes(tmp_path: Path) -> None:
    key, temporary = Sm2Key(), Sm2Key()
    made = csr.build(SUBJECT, key.public, key.sign, challenge_password="111111", temporary_public_key=temporary.public)
    place = tmp_path / "cfca.csr"
    place.write_text(csr.to_pem(made))
    assert verify(place, "-vfyopt", IDENTITY)
    parsed = openssl("asn1parse", "-in", place).stdout
    assert b"1.2.840.113549.1.9.63" in parsed


@pytest.mark.parametrize("kind", [P256Key, RsaKey])
def test_openssl_verifies_requests_of_equipment(tmp_path: Path, kind: type[P256Key] | type[RsaKey]) -> None:
    key = kind()
    place = tmp_path / "device.csr"
    place.write_text(csr.to_pem(csr.build(SUBJECT, key.spki, key.sign)))
    assert verify(place)


@pytest.mark.parametrize("extra", [(), ("-addext", "subjectAltName=DNS:device.example.test")])
@pytest.mark.parametrize("form", ["PEM", "DER"])
def test_we_read_sm2_requests_of_openssl(tmp_path: Path, form: str, extra: tuple[str, ...]) -> None:
    key, place = tmp_path / "key.pem", tmp_path / "made.csr"
    openssl("ecparam", "-name", "SM2", "-genkey", "-noout", "-out", key)
    subject = ("-subj", "/C=CN/O=测试单位/CN=设备一", "-utf8")
    openssl("req", "-new", "-key", key, "-sm3", "-sigopt", IDENTITY, *subject, *extra, "-outform", form, "-out", place)
    parsed = CertificationRequest.parse(place.read_bytes())
    parsed.verify()
    assert parsed.algorithm == "SM2"
    assert names.decode_name(parsed.subject_der)[-1] == ("CN", "设备一")
    assert (parsed.extension_request_der is not None) == bool(extra)


@pytest.mark.parametrize(
    ("options", "cause"),
    [((), csr.RequestIdentityDiffers), (("-sigopt", "distid:other"), csr.RequestSignatureInvalid)],
)
def test_a_request_signed_under_another_identity_is_refused(
    tmp_path: Path, options: tuple[str, ...], cause: type[Exception]
) -> None:
    """OpenSSL 3.0 signs with an empty identity unless told otherwise: refused, and the cure is named."""
    key, place = tmp_path / "key.pem", tmp_path / "made.csr"
    openssl("ecparam", "-name", "SM2", "-genkey", "-noout", "-out", key)
    openssl("req", "-new", "-key", key, "-sm3", *options, "-subj", "/CN=x", "-out", place)
    parsed = CertificationRequest.parse(place.read_bytes())
    with pytest.raises(csr.RequestSignatureInvalid) as caught:
        parsed.verify()
    assert type(caught.value) is cause
    assert csr.verify_many([parsed]) == [False]


@pytest.mark.parametrize(
    ("algorithm", "options"),
    [("P256", ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256")), ("RSA", ("-newkey", "rsa:2048"))],
)
@pytest.mark.parametrize("digest", ["-sha256", "-sha384", "-sha512"])
def test_we_read_requests_of_equipment(tmp_path: Path, algorithm: str, options: tuple[str, ...], digest: str) -> None:
    place = tmp_path / "made.csr"
    key = tmp_path / "key.pem"
    openssl("req", "-new", *options, "-nodes", "-keyout", key, digest, "-subj", "/CN=device", "-text", "-out", place)
    parsed = CertificationRequest.parse(place.read_bytes())
    parsed.verify()
    assert parsed.algorithm == algorithm


@pytest.mark.parametrize(
    ("options", "cause"),
    [
        (("-newkey", "rsa:1024", "-sha256"), csr.WeakKey),
        (("-newkey", "rsa:2048", "-pkeyopt", "rsa_keygen_pubexp:3", "-sha256"), csr.WeakKey),
        (("-newkey", "rsa:2048", "-sha1"), csr.SignatureDigestTooWeak),
        (("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-384", "-sha384"), csr.KeyNotSupported),
        (
            ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-pkeyopt", "ec_param_enc:explicit"),
            csr.KeyNotSupported,
        ),
        (("-newkey", "ed25519"), csr.SignatureNotSupported),
    ],
)
def test_we_refuse_weak_and_foreign_requests(tmp_path: Path, options: tuple[str, ...], cause: type[Exception]) -> None:
    place = tmp_path / "made.csr"
    openssl("req", "-new", *options, "-nodes", "-keyout", tmp_path / "key.pem", "-subj", "/CN=x", "-out", place)
    with pytest.raises(cause):
        CertificationRequest.parse(place.read_bytes())
