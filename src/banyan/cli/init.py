"""``banyan init``: make an installation."""

import json
import os
from pathlib import Path
from typing import TYPE_CHECKING

import click

from banyan.kernel.home import Home

if TYPE_CHECKING:
    from banyan.cli.installing import FirstLink


@click.command()
@click.option(
    "--sample/--production", "is_sample", default=True, help="A sample with test CAs, or a real installation."
)
@click.option("--upgrade", is_flag=True, help="Bring the database of an existing installation up to this release.")
@click.option("--if-missing", is_flag=True, help="Do nothing when there is an installation already.")
@click.option(
    "--ceremony",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    help="Production: what an attended ceremony (banyan ca ceremony) left for the installation.",
)
@click.option(
    "--administrators",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help='Production: TOML, for each of the three roles: role = { username = "…", name = "…" }.',
)
@click.option("--json", "as_json", is_flag=True, help="One JSON object with the first log-in links.")
def init(
    is_sample: bool, upgrade: bool, if_missing: bool, ceremony: Path | None, administrators: Path | None, as_json: bool
) -> None:
    """Make an installation in BANYAN_HOME.

    --sample: everything on this machine, unattended, every CA name contains 测试, bound to 127.0.0.1.
    --production: refuses sample data, an unattended root, key-encryption keys inside or beside the data, TLS off and
    soft tokens.
    """
    from banyan.cli import installing

    home = Home.from_environment()
    os.environ["BANYAN_HOME"] = str(home.path)
    if if_missing and installing.is_complete(home):
        return
    if upgrade:
        installing.upgrade(home)
        return
    if is_sample:
        from banyan.cli.sample_work import make_sample, sample_links

        make_sample(home)
        links = sample_links()
    else:
        from banyan.cli.production import make_production

        links = make_production(home, ceremony, administrators)
    _tell(links, as_json)


def _tell(links: "list[FirstLink]", as_json: bool) -> None:
    from banyan.cli.links import first_login_url
    from banyan.cli.sample_work import print_links

    if not as_json:
        print_links(links)
        return
    rows = [
        {"username": link.username, "name": link.display_name, "link": first_login_url(link.secret)} for link in links
    ]
    click.echo(json.dumps({"links": rows}, ensure_ascii=False))
