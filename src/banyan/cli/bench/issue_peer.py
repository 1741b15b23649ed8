"""The peer of ``banyan bench issue``: ``openssl ca`` signing a batch of SM2 requests in one process."""

import resource
import shutil
import subprocess
import tempfile
import time
from pathlib import Path

from banyan import gm
from banyan.pki import csr
from banyan.pki.armor import wrap
from banyan.pki.names import encode_name

_CONFIG = """
[ca]
default_ca = bench
[bench]
dir = {place}
database = {place}/index.txt
new_certs_dir = {place}/certs
serial = {place}/serial
certificate = {place}/ca.pem
private_key = {place}/ca.key
default_md = sm3
default_days = 365
policy = any
x509_extensions = ee
email_in_dn = no
unique_subject = no
[any]
countryName = optional
stateOrProvinceName = optional
organizationName = optional
commonName = supplied
[ee]
basicConstraints = critical, CA:FALSE
keyUsage = critical, digitalSignature, nonRepudiation
extendedKeyUsage = clientAuth, emailProtection
subjectKeyIdentifier = hash
authorityKeyIdentifier = keyid
certificatePolicies = 1.2.156.10260.4.1.1
crlDistributionPoints = URI:http://ca.example/test.crl
authorityInfoAccess = OCSP;URI:http://ca.example/ocsp
"""
_ID = "distid:1234567812345678"


def openssl_ca_per_s(count: int) -> tuple[float, float] | None:
    """Certificates of ``openssl ca`` for ``count`` requests, a second on the clock and a second of the processor; None
    where there is no such program.
    """
    program = shutil.which("openssl")
    if program is None:
        return None
    with tempfile.TemporaryDirectory(prefix="banyan-bench-ca-") as directory:
        place = Path(directory)
        files = _prepare(program, place, count)
        start, cpu = time.perf_counter(), _children_cpu()
        options = ("-batch", "-notext", "-config", "ca.cnf", "-sigopt", _ID, "-vfyopt", _ID)
        _run(program, place, "ca", *options, "-infiles", *files)
        taken, cpu = time.perf_counter() - start, _children_cpu() - cpu
        if len(list((place / "certs").iterdir())) != count:
            return None
        return count / taken, count / cpu


def _children_cpu() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def _prepare(program: str, place: Path, count: int) -> list[str]:
    (place / "certs").mkdir()
    (place / "index.txt").touch()
    (place / "serial").write_text("01\n")
    (place / "ca.cnf").write_text(_CONFIG.format(place=place))
    _run(program, place, "genpkey", "-algorithm", "SM2", "-out", "ca.key")
    _run(
        program, place, "req", "-x509", "-new", "-key", "ca.key", "-sm3", "-sigopt", _ID, "-subj", "/CN=bench ca",
        "-days", "3650", "-out", "ca.pem",
    )  # fmt: skip
    files = []
    for number, pair in enumerate(gm.sm2.generate_keypairs(count)):
        subject = encode_name((("C", "CN"), ("ST", "福建省"), ("O", "测试虚构局"), ("CN", f"测试{number}")))

        def sign(info: bytes, private: bytes = pair.private, public: bytes = pair.public) -> bytes:
            return gm.sm2.sign(private, public, info)

        name = f"{number}.csr"
        (place / name).write_text(wrap("CERTIFICATE REQUEST", csr.build(subject, pair.public, sign)))
        files.append(name)
    return files


def _run(program: str, place: Path, *arguments: str) -> None:
    subprocess.run([program, *arguments], cwd=place, check=True, capture_output=True, timeout=600)
