"""``banyan pages``: serve the pages."""

import os
import signal
from typing import Any

import click

from banyan.cli.context import django_setup

# As long as a page may take to be finished when the pages are to end.
_GRACE_S = 5
# Names the server to its workers, which may find themselves orphaned already.
_SERVER = "BANYAN_PAGES_SERVER"


def load_pages(target: str) -> Any:
    """In a worker: the pages. It lives no longer than the server that started it, which may be killed."""
    from granian._internal import load_target

    from banyan.kernel.parent import end_with_parent

    end_with_parent(signal.SIGKILL, int(os.environ[_SERVER]))
    return load_target(target)


@click.command()
@click.option("--workers", type=click.IntRange(1, 64), default=1, show_default=True, help="Processes.")
def pages(workers: int) -> None:
    """Serve the pages on the address of the settings (host, port, tls_certificate, tls_key)."""
    django_setup()
    from django.conf import settings
    from granian.constants import Interfaces
    from granian.server import Server

    own = settings.BANYAN
    server = Server(
        "banyan.web.wsgi:application",
        address=own.host,
        port=own.port,
        interface=Interfaces.WSGI,
        workers=workers,
        blocking_threads=4,
        ssl_cert=own.tls_certificate,
        ssl_key=own.tls_key,
        log_access=False,
        respawn_failed_workers=True,
        workers_kill_timeout=_GRACE_S,
    )
    os.environ[_SERVER] = str(os.getpid())
    server.serve(target_loader=load_pages)
