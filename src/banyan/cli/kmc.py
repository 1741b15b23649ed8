"""``banyan kmc``: run the key-management process."""

from pathlib import Path

import click

from banyan.cli.context import django_setup
from banyan.cli.passphrase import passphrase_from
from banyan.cli.stopping import until_told_to_stop


@click.command()
@click.option(
    "--passphrase-file",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="File with the operator's passphrase of the key-encryption key (default: ask when needed).",
)
def kmc(passphrase_file: Path | None) -> None:
    """Run the key-management process: it makes and keeps the encryption keys of certificate holders.

    It ends on SIGTERM or SIGINT after finishing what is under way.
    """
    home = django_setup()
    from django.conf import settings

    from banyan.signer.kmc_process import run

    run(
        home,
        pool_minimum=settings.BANYAN.kmc_pool,
        passphrase=passphrase_from(passphrase_file),
        stop=until_told_to_stop(),
    )
