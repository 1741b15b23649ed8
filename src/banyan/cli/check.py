"""``banyan check``: a self-test of every function; used by the daily inspection."""

import json
import shutil
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

import click

from banyan.cli.context import NotInstalled, django_setup
from banyan.cli.messages import told, translate, translated
from banyan.kernel import clock
from banyan.kernel.errors import N_, BanyanError
from banyan.kernel.home import Home

if TYPE_CHECKING:
    from banyan.config.production import Fault

_LEAST_FREE = 1 << 30


@dataclass(frozen=True)
class Finding:
    """One thing checked: its name, whether it is as it must be, and what to do when it is not."""

    name: str
    is_good: bool
    text: str = ""


@click.command()
@click.option("--json", "as_json", is_flag=True, help="One JSON object a line.")
@click.option("--deep", is_flag=True, help="Verify the whole audit as well.")
def check(as_json: bool, deep: bool) -> None:
    """Check algorithms, keys, database, processes, CAs, CRLs, disk; in production also what must not appear there.

    Exit code 3 when something is not as it must be.
    """
    place = Home.from_environment()
    if not place.settings_file.exists():
        raise NotInstalled(home=str(place.path))
    all_good = True
    for finding in _all_findings(deep):
        all_good &= finding.is_good
        if as_json:
            row = {"check": finding.name, "ok": finding.is_good, "text": translate(finding.text)}
            click.echo(json.dumps(row, ensure_ascii=False))
        else:
            click.echo(f"{'✓' if finding.is_good else '✗'} {finding.name:16} {translate(finding.text)}")
    if not all_good:
        raise click.exceptions.Exit(3)


def _all_findings(deep: bool) -> Iterator[Finding]:
    """The findings; of an installation that is not what it was made for only that one."""
    from banyan.config.installation import RecordForged, RecordMissing, StateContradicted

    try:
        home = django_setup(is_inspection=True)
    except (RecordForged, RecordMissing, StateContradicted) as error:
        yield Finding("state", False, translated(error))
        return
    yield from findings(home, deep=deep)


def findings(home: Home, *, deep: bool = False) -> Iterator[Finding]:
    """Everything checked, in order; a check that breaks is a finding, never the end of the others."""
    parts: list[tuple[str, Callable[[Home], Iterator[Finding]]]] = [
        ("algorithms", _algorithms),
        ("state", _state),
        ("production", _places),
        ("production", _data),
        ("keys", _keys),
        ("database", _database),
        ("staff_login", _staff_login),
        ("processes", _processes),
        ("authorities", _authorities),
        ("disk", _disk),
    ]
    if deep:
        parts.append(("audit", _audit))
    from django.db.utils import Error as DatabaseError

    for name, part in parts:
        try:
            yield from part(home)
        except BanyanError as error:
            yield Finding(name, False, translated(error))
        except (OSError, DatabaseError) as error:
            yield Finding(name, False, str(error))


def _algorithms(home: Home) -> Iterator[Finding]:
    del home
    from banyan import gm

    gm.self_test()
    yield Finding("algorithms", True, f"{gm.engine_name()} ({', '.join(gm.engines())})")


def _state(home: Home) -> Iterator[Finding]:
    """What the installation was made for: record and database must agree."""
    from banyan.config import installation
    from banyan.domain.iam.installation import registered

    record, row = installation.read(home), registered()
    if record is None or row is None or (row.state, row.mark) != (record.state, record.mark):
        yield Finding(
            "state", False, N_("数据库与密钥目录不是同一套安装的。核对 database 和 keys 设置，或从备份恢复。")
        )
        return
    yield Finding("state", True, record.state)


def _places(home: Home) -> Iterator[Finding]:
    """Production: what settings, keys and files must not have."""
    from django.conf import settings

    from banyan.cli import production

    del home
    if settings.BANYAN.state == "production":
        yield from _production(production.faults_of_places(settings.BANYAN), N_("设置、密钥和文件"))


def _data(home: Home) -> Iterator[Finding]:
    """Production: what the database must not have."""
    from django.conf import settings

    from banyan.cli import production

    del home
    if settings.BANYAN.state == "production":
        yield from _production(production.faults_of_data(), N_("数据"))


def _production(faults: "Iterable[Fault]", what: str) -> Iterator[Finding]:
    from banyan.cli.production import shown

    found = [shown(fault) for fault in faults]
    yield from (Finding("production", False, text) for text in found)
    if not found:
        yield Finding("production", True, what)


def _keys(home: Home) -> Iterator[Finding]:
    if home.keys.stat().st_mode & 0o077:
        yield Finding("keys", False, N_("密钥目录可被他人读取。执行 chmod 700。"))
        return
    open_to_others = [path.name for path in home.keys.iterdir() if path.is_file() and path.stat().st_mode & 0o077]
    if open_to_others:
        yield Finding("keys", False, N_("密钥文件可被他人读取。对密钥目录里的文件执行 chmod 600。"))
        return
    yield Finding("keys", True, str(home.keys))


def _database(home: Home) -> Iterator[Finding]:
    del home
    from django.db import connection

    from banyan.cli import installing

    if not installing.is_current():
        yield Finding("database", False, N_("数据库结构落后于程序。运行 banyan init --upgrade。"))
        return
    yield Finding("database", True, connection.vendor)


def _staff_login(home: Home) -> Iterator[Finding]:
    """What staff log in with, and who lacks the second factor that the installation asks for."""
    del home
    from banyan.domain.iam import staff_login as rule
    from banyan.domain.iam.errors import NobodyCouldLogIn

    method = rule.staff_login()
    if method is rule.Method.CERTIFICATE:
        try:
            rule.ensure_administrators_bound()
        except NobodyCouldLogIn as error:
            yield Finding("staff_login", False, translated(error))
            return
    text = translate(method.label)
    missing = rule.accounts_without_certificate() if method is rule.Method.TWO_FACTOR else []
    if missing:
        names = " ".join(account.username for account in missing)
        text = f"{text} · {told(N_('还没有绑定证书：{names}'), names=names)}"
    yield Finding("staff_login", True, text)


def _processes(home: Home) -> Iterator[Finding]:
    from banyan.cli.processes import KEY_HOLDERS, answers

    for name in KEY_HOLDERS:
        is_up = answers(home, name)
        yield Finding(name, is_up, "" if is_up else N_("没有运行。执行 banyan run。"))


def _authorities(home: Home) -> Iterator[Finding]:
    del home
    from banyan.domain.ca import access

    now = clock.now()
    for authority in access.authorities():
        if not authority.is_active or authority.kind != "ISSUING":
            continue
        if authority.not_after <= now:
            yield Finding(authority.code, False, N_("CA 证书已过期。举行换代仪式：banyan ca rollover。"))
            continue
        crl = access.last_crl(authority.pk)
        if authority.connector and (crl is None or crl.next_update <= now):
            yield Finding(authority.code, False, N_("没有有效的吊销列表。运行 banyan jobs --once。"))
            continue
        yield Finding(authority.code, True, f"{authority.not_after:%Y-%m-%d}")


def _disk(home: Home) -> Iterator[Finding]:
    free = shutil.disk_usage(home.path).free
    text = f"{free >> 30} GiB" if free >= _LEAST_FREE else N_("磁盘剩余不到 1 GiB。清理或扩容，否则签发会停。")
    yield Finding("disk", free >= _LEAST_FREE, text)


def _audit(home: Home) -> Iterator[Finding]:
    from banyan import sealing
    from banyan.domain.audit import checkpoints, verifying

    report = verifying.verify(sealing.keyring(home), checkpoints.read(home))
    text = N_("审计链或受保护的记录被改动。详情：banyan audit verify。")
    yield Finding("audit", report.is_good, "" if report.is_good else text)
