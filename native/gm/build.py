"""Build the engine extensions into ``src/banyan/gm``: ``_openssl`` (needed) and ``_ipp`` (left out where it cannot be).

Called by ``make setup`` as ``.venv/bin/python native/gm/build.py``; needs no network. Debian packages: ``gcc``,
``libc6-dev``, ``libssl-dev`` (3.0 or later) and the headers of this Python (``python3-dev`` for Debian's own).
The ipp engine also needs the wheels ``ipp-crypto-static`` and ``ipp-crypto-include`` (x86-64), which put their
archives below ``sys.prefix``; without them the product works and is only slower.
"""

import platform
import subprocess
import sys
import tempfile
from pathlib import Path

from cffi import FFI

HERE = Path(__file__).resolve().parent
TARGET = HERE.parents[1] / "src" / "banyan" / "gm"
PREFIX = Path(sys.prefix)
COMMON_FLAGS = ["-O2", "-g0", "-std=gnu11", "-Wall", "-Wextra", "-fvisibility=hidden", "-fstack-protector-strong"]

OPENSSL_ONLY = """
int bgm_pbkdf2(int with_sha256, const uint8_t *password, size_t password_length, const uint8_t *salt,
               size_t salt_length, int iterations, uint8_t *key, size_t key_length);
"""


def declarations(extra: str = "") -> str:
    return (HERE / "interface.h").read_text(encoding="utf-8") + extra


def openssl_builder() -> FFI:
    ffi = FFI()
    ffi.cdef(declarations(OPENSSL_ONLY))
    ffi.set_source(
        "banyan.gm._openssl",
        '#include "sm2_values.h"\n' + OPENSSL_ONLY,
        sources=[str(HERE / name) for name in ("sm2_values.c", "openssl.c", "openssl_sm4.c")],
        include_dirs=[str(HERE)],
        libraries=["crypto"],
        extra_compile_args=COMMON_FLAGS,
        py_limited_api=True,
    )
    return ffi


def ipp_builder(module: str = "banyan.gm._ipp", lanes: Path | None = None) -> FFI:
    """The ipp engine; ``lanes`` is a C file that stands in for the multi-buffer library in a test."""
    archives = ["libippcp.a"] if lanes else ["libcrypto_mb.a", "libippcp.a"]
    sources = [HERE / name for name in ("sm2_values.c", "ipp.c", "ipp_single.c", "ipp_lanes.c", "ipp_sm4.c")]
    ffi = FFI()
    ffi.cdef(declarations())
    ffi.set_source(
        module,
        '#include "sm2_values.h"\n',
        sources=[str(source) for source in (*sources, lanes) if source],
        include_dirs=[str(HERE), str(PREFIX / "include"), str(PREFIX / "include" / "aggregator")],
        extra_objects=[str(PREFIX / "lib" / name) for name in archives],
        libraries=["crypto"],
        # libippcp calls ECB deprecated because it is unsafe for texts; key wrapping asks for it by standard.
        extra_compile_args=[*COMMON_FLAGS, "-DBN_OPENSSL_DISABLE", "-Wno-deprecated-declarations"],
        # The archives' own symbols stay inside: nothing of ours may answer for another library's.
        extra_link_args=["-Wl,--exclude-libs,ALL", "-Wl,--gc-sections"],
        py_limited_api=True,
    )
    return ffi


def why_no_ipp() -> str | None:
    """The reason for leaving the ipp engine out, or None."""
    if platform.machine() != "x86_64":
        return f"made for x86-64 only, this machine is {platform.machine()}"
    needed = ["lib/libippcp.a", "lib/libcrypto_mb.a", "include/ippcp.h", "include/aggregator/crypto_mb/ec_sm2.h"]
    missing = [name for name in needed if not (PREFIX / name).exists()]
    return f"{missing[0]} is not below {PREFIX} (packages ipp-crypto-static, ipp-crypto-include)" if missing else None


def compile_into(ffi: FFI, target: Path = TARGET) -> Path:
    """Compile in a temporary directory and put the finished file in its place at once."""
    with tempfile.TemporaryDirectory(prefix="banyan-gm-") as scratch:
        built = Path(ffi.compile(tmpdir=scratch, verbose=False))
        destination = target / built.name
        staged = destination.with_suffix(".new")
        staged.write_bytes(built.read_bytes())
        staged.chmod(0o755)
        staged.replace(destination)
    return destination


def main() -> int:
    if not has_header("openssl/evp.h"):
        say("the compiler or the headers of OpenSSL are missing; install the packages gcc, libc6-dev and libssl-dev")
        return 1
    say(f"built {compile_into(openssl_builder()).name}")
    reason = why_no_ipp()
    if reason is None:
        try:
            say(f"built {compile_into(ipp_builder()).name}")
            return 0
        except Exception as error:  # whatever the compiler or linker met: the product works without this engine
            reason = f"it did not compile: {error}"
    for stale in TARGET.glob("_ipp.*.so"):
        stale.unlink()  # of an earlier build, whose interface may have been another
    say(f"the ipp engine is left out ({reason}); everything works, more slowly")
    return 0


def has_header(name: str) -> bool:
    """Whether the compiler is there and finds a header."""
    try:
        source = f"#include <{name}>\n".encode()
        probe = subprocess.run(["gcc", "-E", "-"], input=source, capture_output=True, check=False)
    except FileNotFoundError:
        return False
    return probe.returncode == 0


def say(text: str) -> None:
    sys.stdout.write(f"gm: {text}\n")


if __name__ == "__main__":
    sys.exit(main())
