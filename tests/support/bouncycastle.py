"""BouncyCastle's programs under ``tests/interop/java``, compiled and ready to run."""

import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

_SOURCES = Path(__file__).parents[1] / "interop" / "java"
_JARS = [Path("/usr/share/java") / name for name in ("bcpkix.jar", "bcprov.jar", "bcutil.jar")]

Java = Callable[..., list[str]]


def bouncycastle(classes: Path) -> Java:
    """Runs a program; answers its lines. Fails the test, never skips it, where a JDK or the library is missing."""
    missing = [jar.name for jar in _JARS if not jar.exists()]
    missing += [name for name in ("java", "javac") if shutil.which(name) is None]
    if missing:
        pytest.fail(f"{', '.join(missing)} missing: install Debian's default-jdk-headless and libbcpkix-java")
    path = ":".join(map(str, (classes, *_JARS)))
    sources = sorted(map(str, _SOURCES.glob("*.java")))
    subprocess.run(
        ["javac", "-nowarn", "-encoding", "UTF-8", "-d", str(classes), "-cp", path, *sources],
        check=True, capture_output=True, timeout=300,
    )  # fmt: skip

    def run(program: str, *arguments: object) -> list[str]:
        command = ["java", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-cp", path, program, *map(str, arguments)]
        done = subprocess.run(command, capture_output=True, text=True, timeout=300)
        assert done.returncode == 0, done.stderr
        return done.stdout.splitlines()

    return run
