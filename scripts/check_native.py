"""What we ship in C keeps its promises: it needs no symbol newer than glibc 2.28, shows no name but those of its interface (a
program none), and carries its own libcrypto.

usage: check_native.py [FILE...]; without one, everything that ``make setup`` built under native/build. Ends with 1 and a line
for each fault. Reads the files with objdump (Debian: binutils, which gcc brings).
"""

import re
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

NEWEST_GLIBC = (2, 28)
BUILT = Path(__file__).parents[1] / "native" / "build"
INTERFACE = re.compile(r"(SKF|BYT)_\w+")
LIBRARIES = re.compile(r"(lib(c|pthread|dl|m)\.so\.\d|ld-linux[\w.-]*)")
_VERSION = re.compile(r"\(?GLIBC_(\d+(?:\.\d+)+)\)?")


def main(arguments: Sequence[str]) -> int:
    files = [Path(argument) for argument in arguments] or [*sorted(BUILT.glob("*.so")), *BUILT.glob("banyan-agent")]
    faults = [f"{file}: {fault}" for file in files for fault in faults_of(file)]
    if not files:
        faults.append(f"nothing built in {BUILT}: make setup")
    sys.stdout.writelines(f"{fault}\n" for fault in faults)
    return 1 if faults else 0


def faults_of(file: Path) -> Iterator[str]:
    """What is wrong with a shared library or a program."""
    for needed in _listed("-p", file, r"NEEDED\s+(\S+)"):
        if not LIBRARIES.fullmatch(needed):
            yield f"needs {needed}"
    for line in _objdump("-T", file).splitlines():
        if re.match(r"[0-9a-f]{8}", line) is None:
            continue
        name, version = line.split()[-1], _VERSION.search(line)
        if "*UND*" not in line:
            # glibc's own variables (environ, stderr) stand in a program and bear their version there.
            if not INTERFACE.fullmatch(name) and version is None:
                yield f"shows {name}"
        elif version and tuple(map(int, version[1].split("."))) > NEWEST_GLIBC:
            yield f"needs {name} of glibc {version[1]}"


def _listed(option: str, file: Path, pattern: str) -> list[str]:
    return re.findall(pattern, _objdump(option, file))


def _objdump(option: str, file: Path) -> str:
    return subprocess.run(["objdump", option, str(file)], capture_output=True, text=True, check=True).stdout


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
