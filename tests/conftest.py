"""Every test process has an installation of its own; nothing is shared, so tests run in parallel and in any order.

``BANYAN_TEST_DATABASE=postgresql`` runs the same tests on a throw-away PostgreSQL server started here.
"""

import os
import secrets
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import django
import pytest

from banyan.kernel.home import Home
from support.postgresql import ThrowAwayServer

_SERVER_KEY = "BANYAN_TEST_POSTGRESQL"
_started: ThrowAwayServer | None = None
_home_parent: Path | None = None


def _prepare() -> None:
    global _started, _home_parent
    worker = os.environ.get("PYTEST_XDIST_WORKER", "main")
    _home_parent = Path(tempfile.mkdtemp(prefix="banyan-test-"))
    home = Home(_home_parent / "home")
    home.make()
    for name in ("sealing.kek", "signer.kek", "kmc.kek"):
        key = home.keys / name
        key.write_bytes(secrets.token_bytes(32))
        key.chmod(0o600)
    os.environ["BANYAN_HOME"] = str(home.path)
    if os.environ.get("BANYAN_TEST_DATABASE") == "postgresql":
        if _SERVER_KEY not in os.environ:
            _started = ThrowAwayServer(Path(tempfile.mkdtemp(prefix="banyan-pg-")))
            os.environ[_SERVER_KEY] = _started.url
        os.environ["BANYAN_DATABASE"] = os.environ[_SERVER_KEY].replace("/postgres?", f"/banyan_{worker}?")
    # Django reads its settings once: only now, when the installation of this process is named.
    os.environ["DJANGO_SETTINGS_MODULE"] = "banyan.config.django"
    django.setup()
    # Workers must not inherit it: pytest-django would load the settings before this file names their installation.
    del os.environ["DJANGO_SETTINGS_MODULE"]
    _hold_shipped_rules()


def _hold_shipped_rules() -> None:
    """No look into a database that may not be there yet (modules ask for rules while they are collected)."""
    from banyan.domain.rulebook import snapshots

    snapshots.hold(snapshots.Snapshot())


_prepare()


def pytest_unconfigure() -> None:
    if _home_parent is not None:
        shutil.rmtree(_home_parent, ignore_errors=True)
    if _started is not None:
        _started.stop()


@pytest.fixture(scope="session")
def django_db_modify_db_settings_xdist_suffix() -> None:
    """Each worker has a home of its own already; the name stays, so that child processes find the same database."""


@pytest.fixture(scope="session")
def django_db_modify_db_settings() -> None:
    """Test on the very database that the settings name, not on a renamed one."""
    from django.conf import settings

    database = settings.DATABASES["default"]
    database.setdefault("TEST", {})["NAME"] = database["NAME"]


@pytest.fixture(autouse=True)
def _shipped_rules() -> Iterator[None]:
    """Each test begins with the rules as shipped; a change made in it is found because it makes the process look again."""
    _hold_shipped_rules()
    yield
    _hold_shipped_rules()


@pytest.fixture
def home() -> Home:
    """The installation of this test process (keys made, nothing registered)."""
    return Home.from_environment()


@pytest.fixture
def empty_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Home:
    """A place for an installation made by the test itself through the command line."""
    place = Home(tmp_path / "h")
    monkeypatch.setenv("BANYAN_HOME", str(place.path))
    return place
