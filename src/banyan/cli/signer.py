"""``banyan signer``: run the signing process."""

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
def signer(passphrase_file: Path | None) -> None:
    """Run the signing process: it holds the keys of the certificate authorities.

    It ends on SIGTERM or SIGINT after finishing what is under way.
    """
    home = django_setup()
    from banyan.signer.process import run

    run(home, passphrase=passphrase_from(passphrase_file), stop=until_told_to_stop())
