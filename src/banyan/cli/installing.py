"""Making an installation: keys, database, CAs, regions, systems, media, first accounts."""

import json
import os
import secrets
import shutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from banyan.cli.sample import STAFF
from banyan.kernel import clock
from banyan.kernel.actor import Actor
from banyan.kernel.errors import N_, BanyanError
from banyan.kernel.home import Home

if TYPE_CHECKING:
    from banyan.config.installation import Record

Say = Callable[[str], None]
_MARK = ".being-made"
_KEKS = ("sealing.kek", "signer.kek", "kmc.kek")


class InstallationExists(BanyanError):
    """There is an installation already."""

    code = "init.exists"
    message = N_("{home} 里已经有一套安装，没有改动它。要继续使用请运行 banyan run；要另建一套，请换一个 BANYAN_HOME。")


class PlaceTaken(BanyanError):
    """The directory holds something that is not ours."""

    code = "init.place_taken"
    message = N_("{place} 不是空目录，也不是榕证的安装。请换一个 BANYAN_HOME。")


class ProductionRefused(BanyanError):
    """What a production installation must not have."""

    code = "init.production_refused"
    message = N_("不能建成生产安装：{reasons}")


@dataclass(frozen=True)
class FirstLink:
    """Somebody's first log-in: who, and the secret of the link."""

    username: str
    display_name: str
    secret: str


def installer() -> Actor:
    """Who makes an installation: a part of the product, with the few rights that making needs."""
    rights = frozenset({"ca.manage", "ca.publish_crl", "tokens.manage", "systems.configure", "parties.edit"})
    return Actor(kind="system", id=0, name="init", rights=rights, regions=None)


def is_complete(home: Home) -> bool:
    """Whether an installation was finished here: its settings file is written last."""
    return home.settings_file.exists()


def begin(home: Home, *, may_hold: frozenset[str] = frozenset()) -> None:
    """Mark the place as being made, clearing what a broken attempt left there.

    Nothing was ever issued from a broken attempt: settings and accounts come last. A directory that is neither ours nor
    empty is left alone, but for entries that ``may_hold`` names (what a ceremony left). Raises InstallationExists, PlaceTaken.
    """
    if is_complete(home) or (not may_hold and _is_production(home)):
        raise InstallationExists(home=str(home.path))
    mark = home.path / _MARK
    if mark.exists() and not may_hold:
        shutil.rmtree(home.path)
        shutil.rmtree(home.keys, ignore_errors=True)
    if mark.exists():
        for name in (home.database.name, f"{home.database.name}-wal", f"{home.database.name}-shm"):
            (home.path / name).unlink(missing_ok=True)
    found = {entry.name for entry in home.path.iterdir()} - {_MARK} if home.path.exists() else set()
    if not mark.exists() and found - may_hold:
        raise PlaceTaken(place=str(home.path))
    if not may_hold and home.keys.exists() and any(home.keys.iterdir()):
        raise PlaceTaken(place=str(home.keys))
    home.path.mkdir(parents=True, exist_ok=True, mode=0o700)
    home.path.chmod(0o700)
    mark.touch()


def _is_production(home: Home) -> bool:
    """Whether the keys here were made for production: a sample is never made over them, whatever mark was left."""
    try:
        return bool(json.loads(home.record.read_bytes())["state"] != "sample")
    except FileNotFoundError:
        return False
    except (ValueError, KeyError, TypeError):
        return True


def make_keys(home: Home) -> None:
    """The key-encryption keys and the secret of the pages, each a file 0600 in the keys directory."""
    home.make()
    home.keys.chmod(0o700)
    for name in _KEKS:
        _write_secret(home.keys / name, secrets.token_bytes(32))
    _write_secret(home.keys / "pages.secret", secrets.token_urlsafe(48).encode())


def _write_secret(path: Path, data: bytes) -> None:
    if path.exists():
        return
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(handle, "wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())


def build_database() -> None:
    """Create the tables (or bring them up to date)."""
    from django.core.management import call_command

    call_command("migrate", verbosity=0, interactive=False)


def is_current() -> bool:
    """Whether the database is of this release."""
    from django.db import connection
    from django.db.migrations.executor import MigrationExecutor

    executor = MigrationExecutor(connection)
    return not executor.migration_plan(executor.loader.graph.leaf_nodes())


def upgrade(home: Home) -> None:
    """Bring database and record up to this release.

    An installation without a record is recorded for production, never as a sample: who removes the record of a production
    installation gains nothing by it. Raises NotInstalled, StateContradicted, iam.InstallationDiffers.
    """
    from banyan.cli.context import NotInstalled, django_setup
    from banyan.config import installation
    from banyan.config.settings import place_of, read

    if not is_complete(home):
        raise NotInstalled(home=str(home.path))
    settings = read()
    places, now = settings.places, clock.now()
    record = installation.read(places)
    if record is None:
        production = installation.State.PRODUCTION
        if "state" in settings.model_fields_set and settings.state != production:
            raise installation.StateContradicted(recorded=production, named=settings.state, place=place_of("state"))
        record = installation.write(places, production, now)
    django_setup(is_inspection=True)
    build_database()
    register_record(record, now)


def register_record(record: "Record", now: datetime) -> None:
    """Write into the database what the record beside the keys says. Raises iam.InstallationDiffers."""
    from banyan.domain.iam.installation import register_installation

    register_installation(state=record.state.value, mark=record.mark, made_at=record.made_at, now=now)


def register_base(now: datetime) -> None:
    """Regions, issuing systems and media; repeating changes nothing."""
    from banyan.domain.inventory.stocking import install_media
    from banyan.domain.parties.installing import install_regions
    from banyan.domain.systems.actions import install_systems

    actor = installer()
    install_regions(actor, now=now)
    install_systems(actor, now=now)
    install_media(actor, now=now)


def make_sample_authorities(home: Home, address: str, now: datetime, *, leave_out: Sequence[str] = ()) -> None:
    """The sample's own roots and issuing CAs, registered for the embedded connector, but for codes left to another CA."""
    from banyan.cli.ceremony import sample_ceremony
    from banyan.domain.ca import access, actions

    result = sample_ceremony(home, now, address=address)
    actor = installer()
    for made in result.authorities:
        if made.code in leave_out:
            continue
        actions.register_authority(
            actor,
            code=made.code,
            certificate=made.certificate,
            connector="" if made.is_root else "embedded",
            parent=access.authority(made.parent) if made.parent else None,
            now=now,
        )
    for code, der in result.root_crls.items():
        actions.record_foreign_crl(actor, code, der, now)


def register_ceremony(record: Path, now: datetime) -> None:
    """Register the CAs that an attended ceremony made, from its record."""
    from banyan.domain.ca import access, actions

    for row in json.loads((record / "authorities.json").read_text(encoding="utf-8")):
        actions.register_authority(
            installer(),
            code=row["code"],
            certificate=(record / row["file"]).read_bytes(),
            connector="embedded" if row["parent"] else "",
            parent=access.authority(row["parent"]) if row["parent"] else None,
            now=now,
        )
        root_crl = record / f"{row['code']}.crl"
        if root_crl.exists():
            actions.record_foreign_crl(installer(), row["code"], root_crl.read_bytes(), now)


def first_accounts(people: Sequence[tuple[str, str, str]], now: datetime) -> list[FirstLink]:
    """The accounts an installation begins with: (user name, display name, role)."""
    from banyan.domain.iam import actions
    from banyan.domain.iam.rights import Role

    links = actions.prepare_first_accounts(
        people=[(username, name, [Role(role)]) for username, name, role in people], now=now
    )
    return [FirstLink(link.account.username, link.account.display_name, link.secret) for link in links]


def sample_people() -> list[tuple[str, str, str]]:
    """The sample's staff."""
    return [(one.username, one.name, one.role) for one in STAFF]


def write_settings(home: Home, values: dict[str, str | int | bool]) -> None:
    """Write the settings file; with it the installation is complete."""
    lines = ["# Settings of this installation. BANYAN_… variables go before them; banyan config show lists all.\n"]
    for name, value in values.items():
        # JSON writes texts, numbers and truth as TOML does.
        lines.append(f"{name} = {json.dumps(value, ensure_ascii=False)}\n")
    beside = home.settings_file.with_suffix(".part")
    beside.write_text("".join(lines), encoding="utf-8")
    beside.replace(home.settings_file)
    (home.path / _MARK).unlink(missing_ok=True)
