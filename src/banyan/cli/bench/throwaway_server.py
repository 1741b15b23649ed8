"""A PostgreSQL server that lives as long as a bench, and databases of a bench's own on any server."""

import os
import pwd
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import NoReturn
from urllib.parse import urlsplit, urlunsplit

from banyan.kernel.errors import N_, BanyanError

WANTED = "postgresql"


class NoServerPrograms(BanyanError):
    """PostgreSQL is not installed here."""

    code = "bench.no_server_programs"
    message = N_(
        "没有找到 PostgreSQL 的服务程序，不能建临时数据库。"
        "请安装（Debian：apt-get install postgresql），或用 --database 给出地址。"
    )


@contextmanager
def database_address(wanted: str | None) -> Iterator[str | None]:
    """The address a bench is to use: ``postgresql`` alone stands for a server made here and gone afterwards.

    Made with the defaults of PostgreSQL (full durability) and 128 MB of shared buffers.
    """
    if wanted != WANTED:
        yield wanted
        return
    programs = _programs()
    directory = Path(tempfile.mkdtemp(prefix="banyan-bench-pg-"))
    as_user: list[str] = []
    if os.getuid() == 0:
        owner = pwd.getpwnam("postgres")
        os.chown(directory, owner.pw_uid, owner.pw_gid)
        as_user = ["runuser", "-u", "postgres", "--"]
    data = str(directory / "data")

    def run(program: str, *arguments: str) -> None:
        subprocess.run(
            [*as_user, str(programs / program), *arguments],
            check=True, stdout=subprocess.DEVNULL, cwd="/", timeout=300,
        )  # fmt: skip

    before = signal.signal(signal.SIGTERM, _end)
    try:
        run("initdb", "-D", data, "-U", "banyan", "-A", "trust", "-E", "UTF8", "--locale=C.UTF-8")
        options = f"-k {directory} -c listen_addresses= -c shared_buffers=128MB -c max_wal_size=2GB"
        run("pg_ctl", "-D", data, "-w", "-l", str(directory / "log"), "-o", options, "start")
        try:
            yield f"postgresql://banyan@/postgres?host={directory}"
        finally:
            run("pg_ctl", "-D", data, "-m", "fast", "-w", "stop")
    finally:
        signal.signal(signal.SIGTERM, before)
        shutil.rmtree(directory, ignore_errors=True)


def _end(number: int, frame: object) -> NoReturn:
    """Being told to end, take the server along."""
    del frame
    raise SystemExit(128 + number)


@contextmanager
def own_databases(address: str | None, names: Sequence[str]) -> Iterator[list[str | None]]:
    """An empty database a name beside the one in ``address``, dropped afterwards; None a name where that is None."""
    if address is None:
        yield [None for _ in names]
        return
    import psycopg
    from psycopg import sql

    parts = urlsplit(address)
    made = [f"banyan_bench_{os.getpid()}_{name}" for name in names]
    try:
        with psycopg.connect(address, autocommit=True) as connection:
            for name in made:
                connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
        yield [urlunsplit(parts._replace(path=f"/{name}")) for name in made]
    finally:
        with psycopg.connect(address, autocommit=True) as connection:
            for name in made:
                connection.execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name)))


def _programs() -> Path:
    # Debian keeps them out of PATH.
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)
    if found:
        return found[0]
    initdb = shutil.which("initdb")
    if initdb is None:
        raise NoServerPrograms
    return Path(initdb).parent
