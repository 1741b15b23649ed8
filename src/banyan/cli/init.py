"""``banyan init``: make an installation."""

import json
import os
from pathlib import Path
from typing import TYPE_CHECKING

import click

from banyan.kernel import clock
from banyan.kernel.home import Home

if TYPE_CHECKING:
    from banyan.cli.installing import FirstLink


@click.command()
@click.option("--sample/--production", "is_sample", default=True, help="A sample with test CAs, or a real installation.")
@click.option("--if-missing", is_flag=True, help="Do nothing when there is an installation already.")
@click.option("--ceremony", type=click.Path(exists=True, file_okay=False, path_type=Path),
              help="Production: directory an attended ceremony (banyan ca ceremony) left its certificates in.")
@click.option("--administrators", type=click.Path(exists=True, dir_okay=False, path_type=Path),
              help="Production: TOML with the three administrators: username = \"display name\" for each role.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object with the first log-in links.")
def init(is_sample: bool, if_missing: bool, ceremony: Path | None, administrators: Path | None, as_json: bool) -> None:
    """Make an installation in BANYAN_HOME.

    --sample: everything on this machine, unattended, every CA name contains 测试, bound to 127.0.0.1.
    --production: refuses sample data, an unattended root, key-encryption keys inside or beside the data, TLS off and
    soft tokens.
    """
    from banyan.cli import installing

    home = Home.from_environment()
    if if_missing and installing.is_complete(home):
        return
    if is_sample:
        links = _make_sample(home)
    else:
        from banyan.cli.production import make_production

        links = make_production(home, ceremony, administrators)
    _tell(links, as_json)


def _make_sample(home: Home) -> list["FirstLink"]:
    from banyan.cli import installing
    from banyan.cli.context import django_setup
    from banyan.config.settings import load

    now = clock.now()
    installing.begin(home)
    installing.make_keys(home)
    os.environ["BANYAN_HOME"] = str(home.path)
    django_setup()
    installing.build_database()
    installing.register_base(now)
    installing.make_sample_authorities(home, load().url, now)
    links = installing.first_accounts(installing.sample_people(), now)
    installing.write_settings(home, {"state": "sample", "host": "127.0.0.1", "soft_tokens": True})
    return links


def _tell(links: list["FirstLink"], as_json: bool) -> None:
    from banyan.cli.links import first_login_url

    rows = [
        {"username": link.username, "name": link.display_name, "link": first_login_url(link.secret)}
        for link in links
    ]
    if as_json:
        click.echo(json.dumps({"links": rows}, ensure_ascii=False))
        return
    click.echo("首次登录链接（每条只能用一次，24 小时内有效）：")
    for row in rows:
        click.echo(f"  {row['name']:　<10} {row['username']:14} {row['link']}")
