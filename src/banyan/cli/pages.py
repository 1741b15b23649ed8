"""``banyan pages``: serve the pages."""

import click

from banyan.cli.context import django_setup


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
    )
    server.serve()
