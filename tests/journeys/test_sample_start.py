"""The first start of a sample installation: something to look at on every page, once (issue 2, point 1)."""

import os
import sqlite3
import subprocess
import sys
from contextlib import closing
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest

from banyan.cli import sample
from banyan.domain.systems import access as systems
from banyan.domain.systems import rules
from banyan.web.reading.figures import MONTHS_AHEAD, SOON_DAYS

_START = "from banyan.cli.sample_work import do_sample_work as d; from banyan.kernel.home import Home; d(Home.from_environment())"
_LAST_WORK = timedelta(minutes=10)


def days() -> list[int]:
    return [one.data["validity_days"] for one in sample.short_lived()]


def test_the_short_lived_end_within_the_months_that_the_dashboard_shows() -> None:
    """On whichever day somebody starts."""
    for number in range(366):
        start = date(2027, 9, 1) + timedelta(days=number)
        ends = [start + timedelta(days=one) for one in days()]
        months = {(end.year - start.year) * 12 + end.month - start.month for end in ends}
        assert max(months) < MONTHS_AHEAD
        assert len(months) >= 3
    assert min(days()) < SOON_DAYS


@pytest.mark.django_db
def test_the_policy_allows_what_the_sample_asks_for() -> None:
    for one in sample.short_lived():
        policy = systems.policy_named(one.system)
        kind = rules.certificate_kind(one.kind)
        assert rules.validity(policy, str(kind), one.data["validity_days"]) < rules.validity(policy, str(kind))


def test_the_first_start_leaves_certificates_of_every_kind_of_age_and_the_second_adds_none(tmp_path: Path) -> None:
    environment = {name: value for name, value in os.environ.items() if not name.startswith("BANYAN_")}
    environment["BANYAN_HOME"] = str(tmp_path / "home")
    for _ in range(2):
        # as a start that was broken off before it noted that it was done
        (tmp_path / "home" / "sample-work.json").unlink(missing_ok=True)
        done = subprocess.run([sys.executable, "-c", _START], env=environment, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
        with closing(sqlite3.connect(tmp_path / "home" / "banyan.sqlite3")) as database:
            pairs = database.execute("SELECT not_after, state FROM ca_certificatepair").fetchall()
        assert len(pairs) == 10 + len(days())
        assert [state for _, state in pairs].count("REVOKED") == 1
        soon = datetime.now(UTC) + timedelta(days=max(days())) + _LAST_WORK
        assert sum(datetime.fromisoformat(end).replace(tzinfo=UTC) <= soon for end, _ in pairs) == len(days())
