"""What a production installation must not have, and making one."""

import json
import os
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from banyan.cli import installing
from banyan.cli.installing import FirstLink, ProductionRefused
from banyan.config.settings import Settings, load
from banyan.kernel import clock
from banyan.kernel.errors import N_
from banyan.kernel.home import Home

SAMPLE_MARK = "测试"
_RAW_KEK = 32
_ROLES = ("system_admin", "security_admin", "audit_admin")


def faults_of_settings(settings: Settings) -> Iterator[str]:
    """What the settings of a production installation have that they must not have. Read at every ``banyan check``."""
    home = settings.places
    keys, data = home.keys.resolve(), home.path.resolve()
    if keys == data or data in keys.parents:
        yield N_("密钥加密密钥放在数据目录里。用 BANYAN_KEYS 把它指到另一块介质上的目录。")
    elif keys.parent == data.parent:
        yield N_("密钥加密密钥放在数据目录旁边。用 BANYAN_KEYS 把它指到另一块介质上的目录。")
    if settings.tls_certificate is None or settings.tls_key is None:
        yield N_("没有启用 TLS。设好 tls_certificate 和 tls_key。")
    if settings.soft_tokens:
        yield N_("允许软介质。设 soft_tokens = false。")
    for name in ("signer.kek", "kmc.kek"):
        if (home.keys / name).exists() and (home.keys / name).stat().st_size == _RAW_KEK:
            yield N_("密钥加密密钥没有口令。运行 banyan ca passphrase --of signer 和 --of kmc。")
            break
    if (home.keys / "offline").exists():
        yield N_("根密钥留在安装里。举行有人在场的密钥仪式（banyan ca ceremony），把根密钥介质带离。")


def faults_of_ceremony(record: Path | None) -> Iterator[str]:
    """What is wrong with the record of the key ceremony."""
    if record is None or not (record / "authorities.json").is_file():
        yield N_("没有密钥仪式的记录。先举行有人在场的仪式：banyan ca ceremony，再用 --ceremony 指出记录目录。")
        return
    from banyan.pki.certificate import Certificate
    from banyan.pki.names import display

    for row in json.loads((record / "authorities.json").read_text(encoding="utf-8")):
        name = display(Certificate.parse((record / row["file"]).read_bytes()).subject)
        if SAMPLE_MARK in name:
            yield N_("仪式做出的 CA 名称含“测试”，那是样例。用正式名称重新举行仪式。")
            return


def make_production(home: Home, ceremony: Path | None, administrators: Path | None) -> list[FirstLink]:
    """Make a production installation, or refuse with every reason at once. Raises ProductionRefused."""
    os.environ["BANYAN_STATE"] = "production"
    settings = load()
    reasons = [*faults_of_settings(settings), *faults_of_ceremony(ceremony)]
    people = _administrators(administrators, reasons)
    if reasons or ceremony is None:
        raise ProductionRefused(reasons=" ".join(f"{number}）{reason}" for number, reason in enumerate(reasons, 1)))
    installing.begin(home, may_hold=frozenset({"signer", "kmc"}))
    installing.make_keys(home)
    from banyan.cli.context import django_setup

    django_setup()
    now = clock.now()
    installing.build_database()
    installing.register_base(now)
    installing.register_ceremony(ceremony, now)
    links = installing.first_accounts(people, now)
    installing.write_settings(home, _kept(settings))
    return links


def _administrators(path: Path | None, reasons: list[str]) -> list[tuple[str, str, str]]:
    if path is None:
        reasons.append(N_("没有指定三名管理员。用 --administrators 给出系统、安全、审计管理员各一人。"))
        return []
    named: dict[str, Any] = tomllib.loads(path.read_text(encoding="utf-8"))
    people = [
        (str(named[role]["username"]), str(named[role]["name"]), role)
        for role in _ROLES
        if isinstance(named.get(role), dict)
    ]
    if len(people) < len(_ROLES) or len({username for username, _, _ in people}) < len(_ROLES):
        reasons.append(N_("管理员文件里要有 system_admin、security_admin、audit_admin 三个不同的人。"))
    return people


def _kept(settings: Settings) -> dict[str, str | int | bool]:
    """The settings to be written down, so that no variable needs to be set at the next start."""
    kept: dict[str, str | int | bool] = {
        "state": "production",
        "host": settings.host,
        "port": settings.port,
        "soft_tokens": False,
        "keys": str(settings.places.keys),
        "tls_certificate": str(settings.tls_certificate),
        "tls_key": str(settings.tls_key),
        "public_url": settings.url,
        "connector": settings.connector,
    }
    if settings.database:
        kept["database"] = settings.database
    if settings.database_password_file:
        kept["database_password_file"] = str(settings.database_password_file)
    return kept
