"""What a sample installation does at its first start: the main job once, then links for the people who look at it."""

import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import click

from banyan.cli import installing, sample
from banyan.cli.context import django_setup
from banyan.cli.shown import announce
from banyan.cli.soft_tokens import Place
from banyan.kernel import clock
from banyan.kernel.errors import N_
from banyan.kernel.home import Home

_DONE = "sample-work.json"


def do_sample_work(home: Home) -> None:
    """Make the installation when there is none; carry on the sample sheet from wherever an earlier start stopped.

    Raises SampleOnly for an installation that was made for something else.
    """
    if not installing.is_complete(home):
        announce(N_("建立样例安装……"))
        make_sample(home)
    django_setup()
    _ensure_sample()
    if not installing.is_current():  # an earlier release made it
        installing.build_database()
    done = home.path / _DONE
    if done.exists():
        command = f"BANYAN_HOME={home.path} {sys.argv[0]} staff sample-links"
        announce(N_("样例证书已签发。要新的登录链接：{command}"), command=command)
        return
    installing.build_database()
    summary = carry_sample_sheet(home)
    done.write_text(json.dumps(summary, ensure_ascii=False), encoding="utf-8")
    announce(N_("签发 {pairs} 对双证书，未受理 {failed_rows} 行；根证书 {root_certificate}"), **summary)
    print_links(sample_links())


def make_sample(home: Home, *, leave_out: tuple[str, ...] = ()) -> None:
    """Make a sample installation: everything on this machine, bound to 127.0.0.1, every CA name says 测试."""
    from banyan.config import installation
    from banyan.config.settings import load, place_of, read

    now = clock.now()
    settings = read()
    if settings.state != installation.State.SAMPLE:
        raise installation.StateContradicted(recorded="sample", named=settings.state, place=place_of("state"))
    installing.begin(home)
    installing.make_keys(home)
    record = installation.write(home, installation.State.SAMPLE, now)
    django_setup()
    installing.build_database()
    installing.register_record(record, now)
    installing.register_base(now)
    installing.make_sample_authorities(home, load().url, now, leave_out=leave_out)
    installing.first_accounts(installing.sample_people(), now)
    installing.write_settings(home, {"state": "sample", "host": "127.0.0.1", "soft_tokens": True})


def _ensure_sample() -> None:
    from django.conf import settings

    from banyan.domain.iam.errors import SampleOnly

    if settings.BANYAN.state != "sample":
        raise SampleOnly


def carry_sample_sheet(home: Home) -> dict[str, Any]:
    """The sample sheet and the short-lived certificates beside it to tokens, once."""
    from banyan.cli.demo import main_job_report

    with default_sheet() as sheet:
        # Who tries the sample needs the holders' letters; like the soft tokens they lie at the user's side.
        letters = Place.of(home).path / "letters"
        return main_job_report(home, sheet, say=click.echo, beside=sample.short_lived(), pin_letters=letters)


def sample_links() -> list[installing.FirstLink]:
    """A fresh first log-in link for everybody of the sample; sessions end. Raises iam.SampleOnly elsewhere."""
    from banyan.domain.iam.sample_links import renew_sample_links

    return [
        installing.FirstLink(link.account.username, link.account.display_name, link.secret)
        for link in renew_sample_links(now=clock.now())
    ]


def print_links(links: list[installing.FirstLink]) -> None:
    """Tell who opens which address."""
    from banyan.cli.links import first_login_url

    announce(N_("首次登录链接（每条只能用一次，24 小时内有效；没有任何账号能独自办完一件事）："))
    for link in links:
        click.echo(f"  {link.display_name:　<10}{link.username:14} {first_login_url(link.secret)}")


@contextmanager
def default_sheet(rows: int = 10) -> Iterator[Path]:
    """The sample sheet with ``rows`` good rows, inside the block only: numbers of people stand in it in clear.

    Its bytes are always the same, so an import that was broken off goes on.
    """
    with TemporaryDirectory(prefix="banyan-sheet-") as place:
        sheet = Path(place) / "sample-applications.xlsx"
        sample.write_sheet(sheet, sample.sheet_rows(rows))
        yield sheet
