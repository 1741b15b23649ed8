"""What a production installation must not have, and making one."""

import json
import os
import ssl
import tomllib
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from banyan.cli import installing, sample
from banyan.cli.installing import FirstLink, ProductionRefused
from banyan.cli.messages import translate
from banyan.config import installation, production
from banyan.config.installation import State, StateContradicted
from banyan.config.production import Fault
from banyan.config.settings import Settings, place_of, read
from banyan.kernel import clock
from banyan.kernel.errors import N_, fill
from banyan.kernel.home import Home

if TYPE_CHECKING:
    from django.db.models import Q

SAMPLE_MARK = "测试"
_RAW_KEK = 32
_ROLES = ("system_admin", "security_admin", "audit_admin")
# A file of one key is a few kilobytes; what is larger than this is none.
_LARGEST_KEY_FILE = 1 << 20
_SAMPLE_PREFECTURE = sample.NOWHERE[:4]
_LEFT_BY_SAMPLE = ("sample-work.json", "superior", "public/demo")


def shown(fault: Fault) -> str:
    """A fault in the terminal's language."""
    fields = {name: translate(value) if isinstance(value, str) else value for name, value in fault.fields.items()}
    return fill(translate(fault.message), fields)


def faults_of_places(settings: Settings) -> Iterator[Fault]:
    """What settings, keys and files of a production installation have that they must not have.

    ``banyan init --production`` refuses them, ``banyan check`` names them ever after.
    """
    home = settings.places
    yield from production.faults_of_settings(settings)
    yield from _faults_of_tls(settings)
    for name in ("signer.kek", "kmc.kek"):
        if (home.keys / name).exists() and (home.keys / name).stat().st_size == _RAW_KEK:
            yield Fault(N_("密钥加密密钥没有口令。运行 banyan ca passphrase --of signer 和 --of kmc。"))
            break
    for path in _key_encryption_keys_among_data(home):
        yield Fault(N_("数据目录里有密钥加密密钥 {file}。移到另一块介质上的密钥目录。"), {"file": path})
    for path in root_keys_within(home):
        yield Fault(
            N_(
                "根密钥 {file} 留在安装里，没有人看守。举行有人在场的密钥仪式（banyan ca ceremony），把根密钥介质带离。"
            ),
            {"file": path},
        )
    for name in _LEFT_BY_SAMPLE:
        if (home.path / name).exists():
            yield Fault(N_("安装里有样例数据 {what}。另建安装。"), {"what": home.path / name})


def _faults_of_tls(settings: Settings) -> Iterator[Fault]:
    certificate, key = settings.tls_certificate, settings.tls_key
    if certificate is None or key is None:
        return  # named by the settings' own rule
    for path in (certificate, key):
        try:
            path.read_bytes()
        except OSError:
            yield Fault(N_("TLS 文件 {file} 不存在或读不出来。核对 tls_certificate 和 tls_key。"), {"file": path})
            return
    try:
        # An empty passphrase instead of a question: the pages start with nobody there.
        ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(certificate, key, password=lambda: b"")
    except (ssl.SSLError, ValueError) as error:
        if isinstance(error, ssl.SSLError) and error.reason == "KEY_VALUES_MISMATCH":
            yield Fault(N_("TLS 私钥 {key} 与证书 {file} 不是一对。"), {"key": key, "file": certificate})
        else:
            yield Fault(
                N_("TLS 证书 {file} 或私钥 {key} 用不了：要 PEM 格式，私钥不加口令。"),
                {"key": key, "file": certificate},
            )
        return
    if _ends_at(certificate) <= clock.now():
        yield Fault(N_("TLS 证书 {file} 已过期。换上新的证书。"), {"file": certificate})


def _ends_at(certificate: Path) -> datetime:
    from cryptography import x509

    return x509.load_pem_x509_certificate(certificate.read_bytes()).not_valid_after_utc


def _key_encryption_keys_among_data(home: Home) -> Iterator[Path]:
    keys = home.keys.resolve()
    for path in _files_below(home.path):
        if path.suffix == ".kek" and keys not in path.resolve().parents:
            yield path


def root_keys_within(home: Home) -> Iterator[Path]:
    """Files with a root's private key, whatever their names, wherever the running installation reaches."""
    for path in _files_below(home.path, home.keys):
        if _is_root_key(path):
            yield path


def _is_root_key(path: Path) -> bool:
    try:
        if path.stat().st_size > _LARGEST_KEY_FILE:
            return False
        with path.open("rb") as file:
            if file.read(1) != b"{":
                return False
            form = json.loads(b"{" + file.read())
    except (OSError, ValueError):
        return False
    attributes = form.get("attributes")
    return "sealed" in form and isinstance(attributes, dict) and attributes.get("role") == "root"


def _files_below(*places: Path) -> Iterator[Path]:
    """Every regular file below some directories, each once, through links too."""
    seen: set[tuple[int, int]] = set()
    for place in places:
        for directory, inside, names in os.walk(place, followlinks=True):
            mark = os.stat(directory)
            if (mark.st_dev, mark.st_ino) in seen:
                inside.clear()
                continue
            seen.add((mark.st_dev, mark.st_ino))
            yield from (path for name in names if (path := Path(directory, name)).is_file())


def faults_of_data() -> Iterator[Fault]:
    """Sample data in the database."""
    from banyan.domain.ca import access as ca
    from banyan.domain.iam import access as iam
    from banyan.domain.inventory import access as inventory
    from banyan.domain.parties import access as parties
    from banyan.domain.parties.identity_rules import identity_number
    from banyan.domain.parties.kinds import IdentityType
    from banyan.domain.ra import access as ra
    from banyan.kernel.actor import Actor, system_actor

    actor = system_actor("check")
    own = [one for one in ca.authorities() if one.origin == "OWN"]
    if any(SAMPLE_MARK in one.name for one in own):
        yield Fault(N_("有名称含“测试”的 CA：生产安装里不能有样例数据。停用它签发的证书，另建安装。"))
    if any(one.connector.startswith("simulated") for one in ca.authorities()):
        yield Fault(N_("有模拟上级 CA：生产安装里不能有样例数据。另建安装。"))
    if inventory.tokens(actor).filter(medium__kind="SOFT").exists():
        yield Fault(N_("有软介质：生产安装里的证书只能在硬件介质里。注销并换成硬件介质。"))
    reader = Actor(kind="system", id=0, name="check", rights=frozenset({"iam.read"}), regions=None)
    people, bodies, devices = parties.people(actor), parties.organizations(actor), parties.devices(actor)
    today = clock.now().date()
    numbers = [identity_number(IdentityType.RESIDENT, sample.resident_id(n), today=today) for n in range(1, 1000)]
    named = (
        (N_("工作人员"), iam.list_accounts(reader).filter(display_name__startswith=SAMPLE_MARK).exists()),
        (
            N_("持有人"),
            people.filter(name__startswith=SAMPLE_MARK).exists() or bool(parties.people_by_identity(numbers)),
        ),
        (N_("单位"), bodies.filter(_named_or(uscc__startswith=f"12{sample.NOWHERE}")).exists()),
        (N_("设备"), devices.filter(_named_or(domain_name__endswith=".example")).exists()),
        (N_("申请"), ra.requests(actor).filter(subject_name__startswith=SAMPLE_MARK).exists()),
        (N_("行政区划"), any(one.code.startswith(_SAMPLE_PREFECTURE) for one in parties.region_tree().regions)),
    )
    for what, is_there in named:
        if is_there:
            yield Fault(N_("有样例的{what}：生产安装里不能有样例数据。另建安装。"), {"what": what})


def _named_or(**other: str) -> "Q":
    """Rows with the name of a sample, or with another of its marks."""
    from django.db.models import Q

    return Q(name__startswith=SAMPLE_MARK) | Q(**other)


def faults_of_ceremony(record: Path | None) -> Iterator[Fault]:
    """What is wrong with the record of the key ceremony."""
    if record is None or not (record / "authorities.json").is_file():
        yield Fault(N_("没有密钥仪式的记录。先举行有人在场的仪式：banyan ca ceremony，再用 --ceremony 指出记录目录。"))
        return
    from banyan.pki.certificate import Certificate
    from banyan.pki.names import display

    for row in json.loads((record / "authorities.json").read_text(encoding="utf-8")):
        name = display(Certificate.parse((record / row["file"]).read_bytes()).subject)
        if SAMPLE_MARK in name:
            yield Fault(N_("仪式做出的 CA 名称含“测试”，那是样例。用正式名称重新举行仪式。"))
            return


def make_production(home: Home, ceremony: Path | None, administrators: Path | None) -> list[FirstLink]:
    """Make a production installation, or refuse with every reason at once. Raises ProductionRefused, StateContradicted."""
    settings = read()
    if "state" in settings.model_fields_set and settings.state != State.PRODUCTION:
        raise StateContradicted(recorded=State.PRODUCTION, named=settings.state, place=place_of("state"))
    people, missing = _administrators(administrators)
    reasons = [*faults_of_places(settings), *faults_of_ceremony(ceremony), *missing]
    if reasons or ceremony is None:
        raise _refused(reasons)
    installing.begin(home, may_hold=frozenset({"signer", "kmc"}))
    installing.make_keys(home)
    now = clock.now()
    record = installation.write(home, State.PRODUCTION, now)
    from banyan.cli.context import django_setup

    django_setup()
    installing.build_database()
    installing.register_record(record, now)
    # The database that the settings name may have been somebody else's.
    if reasons := list(faults_of_data()):
        raise _refused(reasons)
    installing.register_base(now)
    installing.register_ceremony(ceremony, now)
    links = installing.first_accounts(people, now)
    installing.write_settings(home, _kept(settings))
    return links


def _refused(reasons: list[Fault]) -> ProductionRefused:
    return ProductionRefused(reasons=" ".join(f"{number}）{shown(reason)}" for number, reason in enumerate(reasons, 1)))


def _administrators(path: Path | None) -> tuple[list[tuple[str, str, str]], list[Fault]]:
    """The three people as named in the file, and what is wrong with them."""
    if path is None:
        return [], [Fault(N_("没有指定三名管理员。用 --administrators 给出系统、安全、审计管理员各一人。"))]
    try:
        named: dict[str, Any] = tomllib.loads(path.read_text(encoding="utf-8"))
        people = [
            (str(named[role]["username"]), str(named[role]["name"]), role)
            for role in _ROLES
            if isinstance(named.get(role), dict)
        ]
    except (ValueError, KeyError, OSError):
        return [], [Fault(N_("管理员文件 {file} 读不懂。它应是 TOML，每个角色给出 username 和 name。"), {"file": path})]
    if len(people) < len(_ROLES) or len({username for username, _, _ in people}) < len(_ROLES):
        return [], [Fault(N_("管理员文件里要有 system_admin、security_admin、audit_admin 三个不同的人。"))]
    if any(name.startswith(SAMPLE_MARK) for _, name, _ in people):
        return [], [Fault(N_("管理员的姓名以“测试”开头，那是样例。写真实的姓名。"))]
    return people, []


def _kept(settings: Settings) -> dict[str, str | int | bool]:
    """The settings to be written down, so that no variable needs to be set at the next start."""
    kept: dict[str, str | int | bool] = {
        "state": "production",
        "host": settings.host,
        "port": settings.port,
        "soft_tokens": False,
        "keys": str(settings.places.keys),
        "tls_certificate": _absolute(settings.tls_certificate),
        "tls_key": _absolute(settings.tls_key),
        "public_url": settings.url,
        "connector": settings.connector,
    }
    if settings.database:
        kept["database"] = settings.database
    if settings.database_password_file:
        kept["database_password_file"] = _absolute(settings.database_password_file)
    return kept


def _absolute(path: Path | None) -> str:
    """A later start is called in another directory."""
    return str(path.absolute()) if path else ""
