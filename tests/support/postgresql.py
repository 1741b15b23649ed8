"""A PostgreSQL server that lives as long as the test run."""

import os
import pwd
import shutil
import subprocess
from pathlib import Path


def server_programs() -> Path:
    """Directory of initdb and postgres (Debian keeps them out of PATH)."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)
    if found:
        return found[0]
    initdb = shutil.which("initdb")
    if initdb is None:
        raise RuntimeError("PostgreSQL's server programs are not installed (Debian: apt-get install postgresql).")
    return Path(initdb).parent


class ThrowAwayServer:
    """Cluster in a directory, reached over a Unix socket in it; as root it runs as the user ``postgres``."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self._programs = server_programs()
        self._as_user: list[str] = []
        if os.getuid() == 0:
            owner = pwd.getpwnam("postgres")
            os.chown(directory, owner.pw_uid, owner.pw_gid)
            self._as_user = ["runuser", "-u", "postgres", "--"]
        data = directory / "data"
        self._run(
            "initdb", "-D", str(data), "-U", "banyan", "-A", "trust", "-E", "UTF8", "--locale=C.UTF-8", "--no-sync"
        )
        options = f"-k {directory} -c listen_addresses= -c max_connections=200 -c shared_buffers=128MB"
        self._run("pg_ctl", "-D", str(data), "-w", "-l", str(directory / "log"), "-o", options, "start")

    @property
    def url(self) -> str:
        return f"postgresql://banyan@/postgres?host={self.directory}"

    def _run(self, program: str, *arguments: str) -> None:
        subprocess.run(
            [*self._as_user, str(self._programs / program), *arguments],
            check=True,
            stdout=subprocess.DEVNULL,
            cwd="/",
            timeout=120,
        )

    def stop(self) -> None:
        self._run("pg_ctl", "-D", str(self.directory / "data"), "-m", "immediate", "stop")
        shutil.rmtree(self.directory, ignore_errors=True)
