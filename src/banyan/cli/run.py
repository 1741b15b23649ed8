"""``banyan run``: everything an installation needs, in one supervised tree."""

import os
import socket
import time

import click

from banyan.cli.context import NotInstalled
from banyan.cli.shown import announce
from banyan.kernel.errors import N_, BanyanError
from banyan.kernel.home import Home

_PATIENCE_S = 3.0


class AlreadyRunning(BanyanError):
    """The port is taken, most likely by another start of the same."""

    code = "run.port_taken"
    message = N_("{host}:{port} 已被占用，多半是榕证已在运行。先停掉它，或在设置里换一个 port。")


class DatabaseOutdated(BanyanError):
    """The database is of an earlier release."""

    code = "run.database_outdated"
    message = N_("数据库结构落后于程序，没有启动。先备份，再运行 banyan init --upgrade。")


@click.command()
@click.option(
    "--sample",
    "with_sample",
    is_flag=True,
    help="Make a sample installation when there is none, and do its sample work first.",
)
def run(with_sample: bool) -> None:
    """Serve: signer, key management, jobs and pages. A process that dies is started again; Ctrl-C ends all."""
    from banyan.cli import installing
    from banyan.cli.context import django_setup
    from banyan.cli.processes import Supervisor, banyan_child

    home = Home.from_environment()
    os.environ["BANYAN_HOME"] = str(home.path)
    if not installing.is_complete(home) and not with_sample:
        raise NotInstalled(home=str(home.path))
    if with_sample:
        from banyan.cli.sample_work import do_sample_work

        do_sample_work(home)
    from banyan.config.production import ensure_allowed
    from banyan.config.settings import load

    settings = load()
    ensure_allowed(settings)
    django_setup()
    if not installing.is_current():
        raise DatabaseOutdated
    _ensure_free(settings.host, settings.port)
    children = [banyan_child(home, name) for name in ("signer", "kmc", "jobs", "pages")]
    announce(N_("正在启动……"))
    Supervisor(
        children,
        is_ready=lambda: _is_listening(settings.host, settings.port),
        announce=lambda: announce(N_("榕证已启动：{url}（Ctrl-C 停止；日志在 {log}）"), url=settings.url, log=home.log),
    ).run()


def _is_listening(host: str, port: int) -> bool:
    try:
        with socket.create_connection((host, port), timeout=1):
            return True
    except OSError:
        return False


def _ensure_free(host: str, port: int) -> None:
    """Raises AlreadyRunning; pages of a start that was killed a moment ago are given the time to end."""
    until = time.monotonic() + _PATIENCE_S
    while True:
        with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((host, port))
            except OSError as error:
                if time.monotonic() > until:
                    raise AlreadyRunning(host=host, port=port) from error
            else:
                return
        time.sleep(0.2)
