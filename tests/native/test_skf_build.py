"""The built file, the standard's header, conformance, sanitizers."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from banyan_token.skf.codes import Sar
from banyan_token.skf.interface import EXTENSIONS, PROTOTYPES
from banyan_token.skf.sample_certificate import sample_certificate
from support.skf import AUTH_KEY, LIBRARY, NATIVE, ROOT, SkfToken, place

pytestmark = pytest.mark.skipif(not LIBRARY.exists(), reason="make setup builds it")
BANYAN = Path(sys.executable).with_name("banyan")
WARNINGS = ("-std=c99", "-D_POSIX_C_SOURCE=200809L", "-Wall", "-Wextra", "-Wpedantic", "-Werror")
SANITIZERS = ("-std=gnu11", "-D_GNU_SOURCE", "-O1", "-g", "-fsanitize=address,undefined", "-fno-sanitize-recover=all")
FUZZ_SECONDS = 3


def check_native(*files: Path) -> "subprocess.CompletedProcess[str]":
    command = [sys.executable, str(ROOT / "scripts" / "check_native.py"), *map(str, files)]
    return subprocess.run(command, capture_output=True, text=True)


def test_the_built_file_keeps_its_promises() -> None:
    """No symbol newer than glibc 2.28, no foreign library, no name but the interface's."""
    done = check_native()
    assert done.returncode == 0, done.stdout


def test_a_file_that_breaks_them_is_seen(tmp_path: Path) -> None:
    source = tmp_path / "broken.c"
    source.write_text("#include <pthread.h>\nint stray(pthread_t t) { return pthread_join(t, 0); }\n")
    built = tmp_path / "broken.so"
    subprocess.run(
        ["gcc", "-shared", "-fPIC", str(source), "-o", str(built), "-Wl,--no-as-needed", "-lcrypto"], check=True
    )
    found = check_native(built)
    assert found.returncode == 1
    assert "shows stray" in found.stdout
    assert "needs libcrypto.so.3" in found.stdout
    assert "needs pthread_join of glibc 2.34" in found.stdout


def test_header_library_and_python_name_the_same_functions() -> None:
    header = "".join((NATIVE / "include" / name).read_text() for name in ("skf.h", "banyan_skf.h"))
    declared = set(re.findall(r"DEVAPI ((?:SKF|BYT)_\w+)\(", header))
    listed = subprocess.run(["objdump", "-T", str(LIBRARY)], capture_output=True, text=True, check=True).stdout
    assert declared == set(re.findall(r"\b((?:SKF|BYT)_\w+)$", listed, re.MULTILINE))
    assert declared >= {f"SKF_{name}" for name in PROTOTYPES} | set(EXTENSIONS)
    codes = dict(re.findall(r"#define SAR_(\w+) (0x\w+)u", header))
    assert {name: int(number, 16) for name, number in codes.items()} == {code.name: code.value for code in Sar}


def run_program(program: Path, *arguments: str, **environment: str) -> str:
    done = subprocess.run([str(program), *arguments], env=os.environ | environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_a_program_written_against_the_standard_runs(tmp_path: Path) -> None:
    program = tmp_path / "conform"
    source, include = str(NATIVE / "tests" / "conform.c"), f"-I{NATIVE / 'include'}"
    found_there = f"-Wl,-rpath,{LIBRARY.parent}"
    subprocess.run(["gcc", *WARNINGS, include, source, str(LIBRARY), found_there, "-o", str(program)], check=True)
    SkfToken.make("CONFORM1")
    root = {"BANYAN_SKF_ROOT": str(place())}
    assert " 0 faults" in run_program(program, "CONFORM1", AUTH_KEY.hex(), **root)


def conformance(*arguments: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run([str(BANYAN), "token", "conformance", *arguments], capture_output=True, text=True)


def steps_of(done: "subprocess.CompletedProcess[str]") -> list[dict[str, Any]]:
    return [json.loads(line) for line in done.stdout.splitlines()]


def test_our_library_conforms() -> None:
    done = conformance(str(LIBRARY), "--json")
    assert done.returncode == 0, done.stdout + done.stderr
    steps = steps_of(done)
    assert all(step["is_passed"] for step in steps)
    driven = {step["function"].removeprefix("SKF_") for step in steps}
    assert driven == set(PROTOTYPES) - {"MacUpdate", "MacFinal", "DestroySessionKey"}


def test_a_device_with_content_is_left_as_it_was(monkeypatch: pytest.MonkeyPatch) -> None:
    token = SkfToken.make("CONFORM2")
    token.log_in()
    token.generate("mine")
    monkeypatch.setenv("BANYAN_SKF_ROOT", str(place()))
    done = conformance(str(LIBRARY), "--device", "CONFORM2", "--auth-key", AUTH_KEY.hex())
    assert done.returncode == 0, done.stdout + done.stderr
    assert token.lib.filled("EnumApplication", token.dev) == (0, b"banyan\0\0")
    assert token.names("EnumContainer") == ["mine"]


def test_a_library_that_does_not_conform_is_told(tmp_path: Path) -> None:
    """A wrong code, a missing function, a missing device: named, and the exit code says so."""
    source, built = tmp_path / "wrong.c", tmp_path / "wrong.so"
    source.write_text("int SKF_EnumDev(int a, char *b, unsigned *c) { *c = 0; return 0; }\n")
    subprocess.run(["gcc", "-shared", "-fPIC", str(source), "-o", str(built)], check=True)
    done = conformance(str(built), "--device", "X", "--auth-key", AUTH_KEY.hex(), "--json")
    assert done.returncode == 3
    found = {(step["function"], step["actual"]) for step in steps_of(done) if not step["is_passed"]}
    assert found == {
        ("SKF_EnumDev", "wrong answer"), ("SKF_GetDevState", "missing"), ("SKF_GetDevState", "wrong answer"),
        ("SKF_ConnectDev", "missing"),
    }  # fmt: skip


def test_the_bench_measures_signing_and_writing() -> None:
    """Writing a pair takes less than a second (speed of A4)."""
    command = [str(BANYAN), "bench", "token", "--size", "50", "--rounds", "1", "--json"]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    figures = {figure["figure"]: figure["value"] for figure in steps_of(done)}
    agents = {"agent_overhead_ms", "page_write_pair_ms", "agent_start_ms", "agent_mb"}
    assert figures.keys() == {"sign_per_s", "write_pair_ms", "verify_pin_ms"} | agents
    assert figures["write_pair_ms"] < 1000


@pytest.mark.parametrize("named", ["/etc/hostname", "no-such-file"])
def test_what_is_no_library_is_refused(named: str) -> None:
    assert conformance(named, "--device", "X", "--auth-key", AUTH_KEY.hex()).returncode in (1, 2)


@pytest.fixture(scope="module")
def sanitized(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Both programs built together with the sources under sanitizers."""
    directory = tmp_path_factory.mktemp("sanitized")
    sources = [str(path) for path in sorted((NATIVE / "src").glob("*.c")) if path.name != "glibc.c"]
    for name in ("conform", "fuzz"):
        program = [str(NATIVE / "tests" / f"{name}.c"), "-lcrypto", "-o", str(directory / name)]
        subprocess.run(["gcc", *SANITIZERS, f"-I{NATIVE / 'include'}", *sources, *program], check=True)
    (directory / "certificate.der").write_bytes(sample_certificate(b"\x04" + bytes(64)))
    return directory


def test_sanitizers_find_nothing_in_conformance(sanitized: Path) -> None:
    SkfToken.make("CONFORM3")
    root = {"BANYAN_SKF_ROOT": str(place())}
    assert " 0 faults" in run_program(sanitized / "conform", "CONFORM3", AUTH_KEY.hex(), **root)


def fuzz(sanitized: Path, seconds: int, seed: int, root: Path) -> None:
    certificate = str(sanitized / "certificate.der")
    run_program(sanitized / "fuzz", str(seconds), str(seed), certificate, BANYAN_SKF_ROOT=str(root / "tokens"))


def test_sanitizers_find_nothing_in_changed_input(sanitized: Path, tmp_path: Path) -> None:
    fuzz(sanitized, FUZZ_SECONDS, 1, tmp_path)


def test_the_thread_sanitizer_finds_nothing(tmp_path: Path) -> None:
    """Six threads sign, log in and out, connect, lock and close on the same handles."""
    sources = [str(path) for path in sorted((NATIVE / "src").glob("*.c")) if path.name != "glibc.c"]
    options = ["-std=gnu11", "-D_GNU_SOURCE", "-O1", "-g", "-fsanitize=thread"]
    program = [str(NATIVE / "tests" / "threads.c"), "-lcrypto", "-lpthread", "-o", str(tmp_path / "threads")]
    subprocess.run(["gcc", *options, *sources, *program], check=True)
    run_program(tmp_path / "threads", "2", BANYAN_SKF_ROOT=str(tmp_path / "tokens"))


@pytest.mark.soak
def test_sanitizers_find_nothing_in_changed_input_for_long(sanitized: Path, tmp_path: Path) -> None:
    fuzz(sanitized, 300, int.from_bytes(os.urandom(4), "big"), tmp_path)
