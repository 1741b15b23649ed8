"""The openssl command line judges what ``banyan.gm`` makes, and makes what it must read."""

import subprocess
from pathlib import Path

import pytest

from banyan import gm
from banyan.gm import pkcs8, sm2

pytestmark = pytest.mark.interop
OWN_ID = "alice@example"


def openssl(*arguments: str | Path, data: bytes = b"", ok: bool = True) -> bytes:
    done = subprocess.run(["openssl", *map(str, arguments)], input=data, capture_output=True, check=False)
    assert (done.returncode == 0) is ok, done.stderr.decode()
    return done.stdout


@pytest.fixture(params=["openssl", "ipp"], autouse=True)
def engine_in_use(request: pytest.FixtureRequest) -> object:
    if request.param not in gm.engines():
        pytest.skip(f"the {request.param} engine is not built here")
    before = gm.engine_name()
    gm.use(request.param)
    yield request.param
    gm.use(before)


@pytest.fixture
def pair() -> sm2.KeyPair:
    return sm2.generate_keypair()


@pytest.fixture
def key_files(tmp_path: Path, pair: sm2.KeyPair) -> tuple[Path, Path]:
    """Our private key in PEM as openssl reads it, and its public half as openssl derives it."""
    private, public = tmp_path / "key.der", tmp_path / "public.pem"
    private.write_bytes(pkcs8.unsafe_private_key_info(pair.private))
    pem = tmp_path / "key.pem"
    pem.write_bytes(openssl("pkey", "-inform", "DER", "-in", private))
    public.write_bytes(openssl("pkey", "-in", pem, "-pubout"))
    return pem, public


def test_openssl_reads_our_key_and_derives_the_same_public_key(key_files: tuple[Path, Path], pair: sm2.KeyPair) -> None:
    spki = openssl("pkey", "-pubin", "-in", key_files[1], "-outform", "DER")
    assert spki.endswith(pair.public)
    assert b"SM2" in openssl("pkey", "-in", key_files[0], "-noout", "-text")


@pytest.mark.parametrize("identity", ["1234567812345678", OWN_ID])
def test_openssl_verifies_our_signatures(
    tmp_path: Path, key_files: tuple[Path, Path], pair: sm2.KeyPair, identity: str
) -> None:
    message, signature = tmp_path / "message", tmp_path / "signature"
    message.write_bytes(b"to be judged" * 30)
    signature.write_bytes(sm2.sign(pair.private, pair.public, message.read_bytes(), signer_id=identity.encode()))
    verify = ["pkeyutl", "-verify", "-pubin", "-inkey", key_files[1], "-rawin", "-digest", "sm3", "-in", message,
              "-sigfile", signature, "-pkeyopt"]  # fmt: skip
    openssl(*verify, f"distid:{identity}")
    openssl(*verify, "distid:somebody", ok=False)
    message.write_bytes(b"changed")
    openssl(*verify, f"distid:{identity}", ok=False)


def test_openssl_dgst_verifies_too(tmp_path: Path, key_files: tuple[Path, Path], pair: sm2.KeyPair) -> None:
    signature = tmp_path / "signature"
    signature.write_bytes(sm2.sign(pair.private, pair.public, b"data"))
    options = ["-sm3", "-verify", key_files[1], "-signature", signature, "-sigopt", "distid:1234567812345678"]
    assert b"Verified OK" in openssl("dgst", *options, data=b"data")


@pytest.mark.parametrize("identity", ["1234567812345678", OWN_ID])
def test_we_verify_openssls_signatures(
    tmp_path: Path, key_files: tuple[Path, Path], pair: sm2.KeyPair, identity: str
) -> None:
    message = tmp_path / "message"
    message.write_bytes(b"signed by openssl")
    made = openssl("pkeyutl", "-sign", "-inkey", key_files[0], "-rawin", "-digest", "sm3", "-in", message,
                   "-pkeyopt", f"distid:{identity}")  # fmt: skip
    sm2.verify(pair.public, message.read_bytes(), made, signer_id=identity.encode())
    with pytest.raises(gm.SignatureInvalid):
        sm2.verify(pair.public, message.read_bytes(), made, signer_id=b"somebody else")


def test_openssl_decrypts_what_we_encrypt_and_we_what_it_does(
    tmp_path: Path, key_files: tuple[Path, Path], pair: sm2.KeyPair
) -> None:
    made = tmp_path / "ciphertext"
    for text in (b"k" * 16, b"x", b"long " * 300):
        made.write_bytes(sm2.ciphertext_to_der(sm2.encrypt(pair.public, text)))
        assert openssl("pkeyutl", "-decrypt", "-inkey", key_files[0], "-in", made) == text
        theirs = openssl("pkeyutl", "-encrypt", "-pubin", "-inkey", key_files[1], data=text)
        assert sm2.decrypt(pair.private, theirs) == text


def test_openssl_opens_our_encrypted_key_file(tmp_path: Path, pair: sm2.KeyPair) -> None:
    """OpenSSL 3.0 knows SM4-CBC but not the PRF HMAC-SM3 (3.1 does): the file with HMAC-SHA256 is for it."""
    file = tmp_path / "key.p8"
    file.write_bytes(pkcs8.encrypt_private_key(pair.private, b"secret", iterations=2000, prf=pkcs8.HMAC_SHA256))
    opened = openssl("pkey", "-inform", "DER", "-in", file, "-passin", "pass:secret")
    shown = openssl("pkcs8", "-topk8", "-nocrypt", "-outform", "DER", data=opened)
    assert pkcs8.unsafe_private_key(shown) == pair.private
    openssl("pkey", "-inform", "DER", "-in", file, "-passin", "pass:wrong", "-noout", ok=False)


def test_openssls_parts_open_the_file_with_hmac_sm3(tmp_path: Path, pair: sm2.KeyPair) -> None:
    """PBKDF2 by ``openssl kdf``, SM4-CBC by ``openssl enc``, salt and IV as ``openssl asn1parse`` shows them."""
    file = tmp_path / "key.p8"
    file.write_bytes(pkcs8.encrypt_private_key(pair.private, b"secret", iterations=1234))
    dump = openssl("asn1parse", "-inform", "DER", "-in", file).decode()
    assert "PBES2" in dump
    assert "PBKDF2" in dump
    assert "sm4-cbc" in dump
    salt, iv, encrypted = [line.split("[HEX DUMP]:")[1] for line in dump.splitlines() if "OCTET STRING" in line]
    key = openssl("kdf", "-keylen", "16", "-kdfopt", "digest:SM3", "-kdfopt", "pass:secret", "-kdfopt",
                  f"hexsalt:{salt}", "-kdfopt", "iter:1234", "PBKDF2").decode().strip().replace(":", "")  # fmt: skip
    info = openssl("enc", "-d", "-sm4-cbc", "-K", key, "-iv", iv, data=bytes.fromhex(encrypted))
    assert info == pkcs8.unsafe_private_key_info(pair.private)


def test_we_open_openssls_encrypted_key_file(tmp_path: Path) -> None:
    key = tmp_path / "key.pem"
    key.write_bytes(openssl("genpkey", "-algorithm", "SM2"))
    closed = openssl("pkcs8", "-topk8", "-in", key, "-v2", "sm4-cbc", "-v2prf", "hmacWithSHA256", "-passout", "pass:pw",
                     "-outform", "DER")  # fmt: skip
    private = pkcs8.decrypt_private_key(closed, b"pw")
    plain = openssl("pkcs8", "-topk8", "-nocrypt", "-in", key, "-outform", "DER")
    assert pkcs8.unsafe_private_key(plain) == private
    with pytest.raises(gm.PasswordWrong):
        pkcs8.decrypt_private_key(closed, b"pW")


def test_hashes_and_ciphers_agree_with_the_command_line() -> None:
    data = b"some text" * 50
    assert gm.sm3(data).hex() in openssl("dgst", "-sm3", data=data).decode()
    assert gm.hmac_sm3(b"key", data).hex() in openssl("dgst", "-sm3", "-hmac", "key", data=data).decode()
    key, iv = bytes(range(16)), bytes(range(16, 32))
    options = ["-K", key.hex(), "-iv", iv.hex()]
    assert openssl("enc", "-sm4-cbc", *options, data=data) == gm.sm4.cbc_encrypt(key, iv, data)
    assert openssl("enc", "-sm4-ctr", *options, data=data) == gm.sm4.ctr(key, iv, data)
