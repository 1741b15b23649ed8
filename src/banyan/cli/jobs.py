"""``banyan jobs``: the work that needs no person, round after round."""

import logging

import click

from banyan.cli.context import django_setup
from banyan.cli.shown import announce
from banyan.cli.stopping import until_told_to_stop
from banyan.kernel import clock
from banyan.kernel.errors import N_

_PAUSE = 1.0
_log = logging.getLogger("banyan.jobs")


@click.command()
@click.option("--once", is_flag=True, help="One round, then end; exit code 3 when a part of it failed.")
def jobs(once: bool) -> None:
    """Hand intents to CAs, collect certificates, publish, renew CRLs."""
    home = django_setup()
    from django.db import close_old_connections

    from banyan.jobs import rounds

    stop = until_told_to_stop()
    failed: tuple[str, ...] = ()
    while not stop.is_set():
        outcome = rounds.work(home, clock.now())
        if outcome.failed != failed:
            failed = outcome.failed
            for reason in failed:
                _log.warning("%s", reason)
        if once:
            done = N_("签发 {issued} 件，送达 {delivered} 条，吊销列表 {crls} 份。")
            fields = {"issued": outcome.issued, "delivered": outcome.delivered, "crls": outcome.crls}
            announce(done, **fields)
            raise click.exceptions.Exit(3 if failed else 0)
        close_old_connections()
        if not outcome.did_anything:
            stop.wait(_PAUSE)
