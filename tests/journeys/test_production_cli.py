"""F7, design: a production installation refuses what a sample may have, when it is made and ever after."""

import json
import os
import secrets
import shutil
import sqlite3
import subprocess
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from banyan.cli import sample
from banyan.kernel.home import Home
from support.commands import banyan
from support.installation import fresh_database

ADMINISTRATORS = """
[system_admin]
username = "sys1"
name = "林一"
[security_admin]
username = "sec1"
name = "陈二"
[audit_admin]
username = "aud1"
name = "黄三"
"""
PLAN = 'organization = "榕证示范机构"\nprovince = "福建省"\nname_prefix = "{prefix}"\n'


@dataclass
class Place:
    """Where a production installation is made: the data, the keys on what stands for another medium, TLS files."""

    top: Path
    more: dict[str, str] = field(default_factory=dict)

    @property
    def home(self) -> Home:
        return Home(self.top / "data" / "home", self.keys)

    @property
    def keys(self) -> Path:
        return Path(self.more.get("BANYAN_KEYS") or self.top / "elsewhere" / "keys")

    @property
    def settings(self) -> dict[str, str]:
        """The environment of `banyan init`, as production wants it but for what a test changed."""
        return {
            "BANYAN_KEYS": str(self.keys),
            "BANYAN_SOFT_TOKENS": "false",
            "BANYAN_TLS_CERTIFICATE": str(self.top / "tls.pem"),
            "BANYAN_TLS_KEY": str(self.top / "tls.key"),
            "BANYAN_PUBLIC_URL": "https://ca.example",
        } | self.more

    def init(self) -> "subprocess.CompletedProcess[str]":
        return banyan(
            self.home, "init", "--production", "--ceremony", self.top / "record",
            "--administrators", self.top / "administrators.toml", more=self.settings,
        )  # fmt: skip

    def banyan(self, *arguments: str, **more: str) -> "subprocess.CompletedProcess[str]":
        """`banyan …` on the finished installation: nothing set but what a test says."""
        return banyan(self.home, *arguments, more=self.more | more)

    def check(self) -> "subprocess.CompletedProcess[str]":
        return self.banyan("check")

    def edit(self, **values: str | None) -> None:
        """Settings as an editor would leave them; None takes one away."""
        path = self.home.settings_file
        lines = [line for line in path.read_text(encoding="utf-8").splitlines() if line.split(" =")[0] not in values]
        lines += [f"{name} = {value}" for name, value in values.items() if value is not None]
        path.write_text("\n".join(lines) + "\n", encoding="utf-8")

    def copy_to(self, top: Path) -> "Place":
        """The same installation in another place; only the settings name places."""
        shutil.copytree(self.top, top, symlinks=True, dirs_exist_ok=True)
        made = Place(top)
        if made.home.settings_file.exists():
            text = made.home.settings_file.read_text(encoding="utf-8")
            made.home.settings_file.write_text(text.replace(str(self.top), str(top)), encoding="utf-8")
        return made

    def write_row(self, table: str, **values: Any) -> None:
        """A row as somebody with the database in his hands writes it."""
        with sqlite3.connect(self.home.database) as database:
            database.execute("PRAGMA foreign_keys=OFF")
            row: dict[str, Any] = {}
            for _, name, kind, must, default, is_key in database.execute(f"PRAGMA table_info({table})"):
                if name in values:
                    row[name] = values[name]
                elif must and default is None and not is_key:
                    row[name] = _filler(name, kind)
            if not row.keys() >= values.keys():
                raise KeyError(table)
            marks = ", ".join("?" * len(row))
            database.execute(f"INSERT INTO {table} ({', '.join(row)}) VALUES ({marks})", list(row.values()))  # noqa: S608  (our own tables)
        database.close()


def _filler(name: str, kind: str) -> Any:
    if name.endswith(("_at", "_on")):
        return "2026-01-01 00:00:00"
    if kind.upper().startswith(("BLOB", "BINARY")):
        return secrets.token_bytes(16)
    return secrets.token_hex(4) if kind.lower().startswith(("varchar", "text")) else 1


def tls(top: Path, *, days: int = 30) -> None:
    """A certificate for the pages and its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "ca.example")])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key()).serial_number(7)
        .not_valid_before(now - timedelta(days=60)).not_valid_after(now + timedelta(days=days))
        .sign(key, hashes.SHA256())
    )  # fmt: skip
    (top / "tls.pem").write_bytes(made.public_bytes(serialization.Encoding.PEM))
    plain = serialization.NoEncryption()
    form = serialization.PrivateFormat.PKCS8
    (top / "tls.key").write_bytes(key.private_bytes(serialization.Encoding.PEM, form, plain))


def hold_ceremony(place: Place, prefix: str = "榕证示范") -> None:
    top, settings = place.top, place.settings
    secret = top / "pass"
    secret.write_text("correct horse battery staple 9\n")
    (top / "plan.toml").write_text(PLAN.format(prefix=prefix), encoding="utf-8")
    for name in ("signer", "kmc"):
        done = banyan(place.home, "ca", "passphrase", "--of", name, "--passphrase-file", secret, more=settings)
        assert done.returncode == 0, done.stderr
    done = banyan(
        place.home, "ca", "ceremony", "--plan", top / "plan.toml", "--custodian", "甲", "--custodian", "乙",
        "--custodian", "丙", "--threshold", "2", "--offline", top / "usb", "--record", top / "record",
        "--share-files", top / "shares", "--passphrase-file", secret, more=settings,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr


def prepared(top: Path, prefix: str = "榕证示范") -> Place:
    place = Place(top)
    for name in ("data", "elsewhere"):
        (top / name).mkdir()
    tls(top)
    (top / "administrators.toml").write_text(ADMINISTRATORS, encoding="utf-8")
    hold_ceremony(place, prefix)
    return place


@pytest.fixture(scope="module")
def after_ceremony(tmp_path_factory: pytest.TempPathFactory) -> Place:
    """Everything that `banyan init --production` wants."""
    return prepared(tmp_path_factory.mktemp("ceremony"))


@pytest.fixture(scope="module")
def installation(after_ceremony: Place, tmp_path_factory: pytest.TempPathFactory) -> Place:
    """A production installation."""
    place = after_ceremony.copy_to(tmp_path_factory.mktemp("production"))
    done = place.init()
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("https://ca.example/first/") == 3
    return place


@pytest.fixture
def made(installation: Place, tmp_path: Path) -> Place:
    """A production installation of the test's own."""
    return installation.copy_to(tmp_path / "own")


@pytest.fixture
def ready(after_ceremony: Place, tmp_path: Path) -> Place:
    """What init wants, of the test's own."""
    return after_ceremony.copy_to(tmp_path / "own")


@pytest.fixture
def empty(tmp_path: Path) -> Home:
    (tmp_path / "data").mkdir()
    return Home(tmp_path / "data" / "home")


# What must not be: how it comes about before or after init, and what both commands say of it


def allow_soft_tokens(place: Place) -> None:
    place.more["BANYAN_SOFT_TOKENS"] = "true"


def take_tls_away(place: Place) -> None:
    (place.top / "tls.pem").unlink()


def take_the_tls_key_away(place: Place) -> None:
    (place.top / "tls.key").unlink()


def put_a_directory_for_the_tls_key(place: Place) -> None:
    take_the_tls_key_away(place)
    (place.top / "tls.key").mkdir()


def break_tls(place: Place) -> None:
    (place.top / "tls.pem").write_text("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n")


def lock_the_tls_key(place: Place) -> None:
    command = ["openssl", "pkcs8", "-topk8", "-in", "tls.key", "-out", "locked", "-passout", "pass:secret"]
    subprocess.run(command, cwd=place.top, check=True, capture_output=True)
    (place.top / "locked").replace(place.top / "tls.key")


def exchange_the_tls_key(place: Place) -> None:
    kept = (place.top / "tls.pem").read_bytes()
    tls(place.top)
    (place.top / "tls.pem").write_bytes(kept)


def let_tls_expire(place: Place) -> None:
    tls(place.top, days=-1)


def serve_without_tls(place: Place) -> None:
    place.more["BANYAN_PUBLIC_URL"] = "http://ca.example"


def move_keys(place: Place, to: Path) -> None:
    shutil.move(place.keys, to)
    place.more["BANYAN_KEYS"] = str(to)


def keys_inside_the_data(place: Place) -> None:
    move_keys(place, place.home.path / "keys")


def keys_beside_the_data(place: Place) -> None:
    move_keys(place, place.home.path.with_name("home.keys"))


def keys_inside_through_a_link(place: Place) -> None:
    inside, link = place.home.path / "run" / "k", place.top / "elsewhere" / "link"
    inside.parent.mkdir(exist_ok=True)
    move_keys(place, inside)
    link.symlink_to(inside)
    place.more["BANYAN_KEYS"] = str(link)


def data_inside_the_keys(place: Place) -> None:
    inside = place.keys / "data"
    inside.mkdir()
    shutil.move(place.top / "data", inside / "moved")
    (place.top / "data").symlink_to(inside / "moved")


def a_key_encryption_key_among_the_data(place: Place) -> None:
    (place.home.path / "signer" / "old.kek").write_bytes(secrets.token_bytes(32))


def a_key_encryption_key_without_passphrase(place: Place) -> None:
    (place.keys / "kmc.kek").write_bytes(secrets.token_bytes(32))


def root_key(place: Place) -> Path:
    return next((place.top / "usb").glob("*.key"))


def a_root_where_a_sample_keeps_it(place: Place) -> None:
    shutil.copytree(place.top / "usb", place.keys / "offline")


def a_root_among_the_signer_s_keys(place: Place) -> None:
    shutil.copy(root_key(place), place.home.signer / "keys")


def a_root_under_another_name(place: Place) -> None:
    (place.home.path / "signer" / "old").mkdir()
    shutil.copy(root_key(place), place.home.path / "signer" / "old" / "notes.bin")


def a_root_on_a_medium_left_in(place: Place) -> None:
    (place.home.path / "signer" / "usb").symlink_to(place.top / "usb")


EVERYWHERE: dict[Callable[[Place], None], str] = {
    allow_soft_tokens: "允许软介质",
    take_tls_away: "tls.pem 不存在或读不出来",
    take_the_tls_key_away: "tls.key 不存在或读不出来",
    put_a_directory_for_the_tls_key: "tls.key 不存在或读不出来",
    break_tls: "用不了",
    lock_the_tls_key: "私钥不加口令",
    exchange_the_tls_key: "不是一对",
    let_tls_expire: "已过期",
    serve_without_tls: "public_url 不是 https",
    keys_inside_the_data: "放在数据目录里",
    keys_beside_the_data: "放在数据目录旁边",
    keys_inside_through_a_link: "放在数据目录里",
    data_inside_the_keys: "放在数据目录里",
    a_key_encryption_key_among_the_data: "old.kek",
    a_key_encryption_key_without_passphrase: "没有口令",
    a_root_where_a_sample_keeps_it: "没有人看守",
    a_root_among_the_signer_s_keys: "没有人看守",
    a_root_under_another_name: "notes.bin",
    a_root_on_a_medium_left_in: "没有人看守",
}


def name_of(value: object) -> str | None:
    return getattr(value, "__name__", None)


@pytest.mark.parametrize("condition", EVERYWHERE, ids=name_of)
def test_init_refuses(condition: Callable[[Place], None], ready: Place) -> None:
    condition(ready)
    done = ready.init()
    assert done.returncode == 1, done.stdout
    assert "init.production_refused" in done.stderr
    assert EVERYWHERE[condition] in done.stderr
    assert not ready.home.settings_file.exists()
    assert not ready.home.database.exists()


@pytest.mark.parametrize("condition", EVERYWHERE, ids=name_of)
def test_check_fails_when_it_appears_later(condition: Callable[[Place], None], made: Place) -> None:
    condition(made)
    done = made.check()
    assert done.returncode == 3, done.stderr
    wrong = [line for line in done.stdout.splitlines() if line.startswith("✗ production")]
    assert wrong, done.stdout
    assert all(EVERYWHERE[condition] in line for line in wrong), done.stdout


SAMPLE_ROWS: dict[str, tuple[str, dict[str, Any], str]] = {
    "sample CA": ("ca_certificateauthority", {"name": "CN=福建测试 CA", "origin": "OWN"}, "测试"),
    "simulated CA": ("ca_certificateauthority", {"connector": "simulated-superior", "origin": "OWN"}, "模拟上级 CA"),
    "soft token": ("inventory_token", {"medium_id": "SOFT"}, "有软介质"),
    "staff": ("iam_staffaccount", {"display_name": "测试受理员"}, "工作人员"),
    "person": ("parties_person", {"name": "测试甲"}, "持有人"),
    "body by name": ("parties_organization", {"name": "测试榕荫县虚构甲局"}, "单位"),
    "body by number": ("parties_organization", {"name": "改名", "uscc": sample.credit_code(3)}, "单位"),
    "device": ("parties_device", {"name": "网关", "domain_name": "demo6.gov.example"}, "设备"),
    "request": ("ra_servicerequest", {"subject_name": "测试甲"}, "申请"),
    "region": ("parties_region", {"code": "359901", "level": "COUNTY"}, "行政区划"),
}


@pytest.mark.parametrize("name", SAMPLE_ROWS)
def test_check_finds_sample_data(name: str, made: Place) -> None:
    table, values, words = SAMPLE_ROWS[name]
    made.write_row(table, **values)
    done = made.check()
    assert done.returncode == 3, done.stderr
    assert [line for line in done.stdout.splitlines() if line.startswith("✗ production") and words in line], done.stdout


def test_a_sample_person_is_known_by_the_number_under_any_name(made: Place) -> None:
    code = (
        "from banyan.cli.context import django_setup; django_setup()\n"
        "from datetime import date\n"
        "from banyan.cli import sample\n"
        "from banyan.domain.parties import protection\n"
        "from banyan.domain.parties.identity_rules import identity_number\n"
        "number = identity_number('RESIDENT', sample.resident_id(5), today=date(2026, 1, 1))\n"
        "print(protection.identity_indexes([number])[0].hex())"
    )
    environment = {name: value for name, value in os.environ.items() if not name.startswith("BANYAN_")}
    done = subprocess.run(
        [str(Path(os.sys.executable)), "-c", code],
        env=environment | {"BANYAN_HOME": str(made.home.path)}, capture_output=True, text=True, check=True,
    )  # fmt: skip
    made.write_row("parties_person", name="改名", id_index=bytes.fromhex(done.stdout.strip()))
    assert "有样例的持有人" in made.check().stdout


@pytest.mark.parametrize("name", ["sample-work.json", "public/demo/x.pem"])
def test_check_finds_what_a_sample_leaves(name: str, made: Place) -> None:
    path = made.home.path / name
    path.parent.mkdir(exist_ok=True)
    path.write_text("{}")
    done = made.check()
    assert done.returncode == 3
    assert "安装里有样例数据" in done.stdout


def test_a_clean_installation_passes_and_keeps_no_root(installation: Place) -> None:
    good = installation.check()
    assert "✓ state            production" in good.stdout
    assert good.stdout.count("✓ production") == 2, good.stdout
    assert "✗ production" not in good.stdout
    assert not list((installation.home.signer / "keys").glob("*root*"))


def test_every_reason_against_is_named_at_once(empty: Home) -> None:
    done = banyan(empty, "init", "--production")
    assert done.returncode == 1
    for reason in ("数据目录旁边", "TLS", "软介质", "密钥仪式", "三名管理员"):
        assert reason in done.stderr
    assert not empty.path.exists()


def test_a_ceremony_of_test_names_is_refused(tmp_path: Path) -> None:
    done = prepared(tmp_path, prefix="榕证测试").init()
    assert done.returncode == 1
    assert "测试" in done.stderr


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (ADMINISTRATORS.replace("林一", "测试系统管理员"), "那是样例"),
        (ADMINISTRATORS.replace("sec1", "sys1"), "三个不同的人"),
        (ADMINISTRATORS.replace("[audit_admin]", "[audit_admin"), "读不懂"),
        (ADMINISTRATORS.replace('name = "陈二"', ""), "读不懂"),
    ],
    ids=["sample", "one person twice", "broken", "no name"],
)
def test_administrators_are_three_real_people(text: str, words: str, ready: Place) -> None:
    (ready.top / "administrators.toml").write_text(text, encoding="utf-8")
    done = ready.init()
    assert done.returncode == 1
    assert words in done.stderr


@pytest.mark.postgresql
def test_init_refuses_a_database_that_holds_a_sample(ready: Place, tmp_path: Path) -> None:
    database = fresh_database("postgresql")
    made = banyan(Home(tmp_path / "sample"), "init", "--sample", more={"BANYAN_DATABASE": database})
    assert made.returncode == 0, made.stderr
    ready.more["BANYAN_DATABASE"] = database
    done = ready.init()
    assert done.returncode == 1
    assert "iam.installation_differs" in done.stderr
    assert not ready.home.settings_file.exists()


# The state is fixed when an installation is made


def assert_still_production(place: Place) -> None:
    """No link came out, and without the trick it is what it was."""
    with sqlite3.connect(place.home.database) as database:
        links = database.execute("SELECT count(*) FROM iam_loginlink").fetchone()[0]
    database.close()
    assert links == 3


def by_variable(place: Place) -> None:
    place.more["BANYAN_STATE"] = "sample"


def by_variable_in_small_letters(place: Place) -> None:
    place.more["banyan_state"] = "sample"


def by_file(place: Place) -> None:
    place.edit(state='"sample"')


def by_removing_the_record(place: Place) -> None:
    place.home.record.unlink()
    place.edit(state='"sample"')


def by_writing_the_record(place: Place) -> None:
    form = json.loads(place.home.record.read_text())
    place.home.record.write_text(json.dumps(form | {"state": "sample"}))
    place.edit(state='"sample"')


def by_emptying_the_record(place: Place) -> None:
    place.home.record.write_text("")


@pytest.fixture(scope="module")
def somebodys_sample(tmp_path_factory: pytest.TempPathFactory) -> Home:
    home = Home(tmp_path_factory.mktemp("other") / "home")
    assert banyan(home, "init", "--sample").returncode == 0
    return home


ATTEMPTS: dict[Callable[[Place], None], str] = {
    by_variable: "config.state_contradicted",
    by_variable_in_small_letters: "config.state_contradicted",
    by_file: "config.state_contradicted",
    by_removing_the_record: "config.record_missing",
    by_writing_the_record: "config.record_forged",
    by_emptying_the_record: "config.record_forged",
}
COMMANDS = [
    ("staff", "sample-links"),
    ("whoami",),
    ("jobs", "--once"),
    ("run",),
    ("run", "--sample"),
    ("config", "show"),
]


@pytest.mark.parametrize("attempt", ATTEMPTS, ids=name_of)
def test_no_setting_makes_a_sample_of_it(attempt: Callable[[Place], None], made: Place) -> None:
    attempt(made)
    for command in COMMANDS:
        done = made.banyan(*command)
        assert done.returncode == 1, command
        assert ATTEMPTS[attempt] in done.stderr, command
        assert "/first/" not in done.stdout
    checked = made.check()
    assert checked.returncode == 3
    assert [line for line in checked.stdout.splitlines() if line.startswith("✗ state")]
    assert_still_production(made)


def test_the_refusal_names_where_it_stands_and_what_was_recorded(made: Place) -> None:
    said = made.banyan("whoami", BANYAN_STATE="sample").stderr
    assert "定为 production" in said
    assert "BANYAN_STATE 却写着 sample" in said
    made.edit(state='"sample"')
    assert f"{made.home.settings_file}: state 却写着 sample" in made.banyan("whoami").stderr


def test_the_record_of_another_installation_is_refused(made: Place, somebodys_sample: Home) -> None:
    shutil.copy(somebodys_sample.record, made.home.record)
    made.edit(state='"sample"')
    done = made.banyan("staff", "sample-links")
    assert done.returncode == 1
    assert "config.record_forged" in done.stderr
    assert_still_production(made)


@pytest.mark.parametrize("what", ["record and keys", "other home, our database"])
def test_the_keys_of_a_sample_do_not_open_our_database(what: str, made: Place, somebodys_sample: Home) -> None:
    """Whoever brings record, keys and data keys of a sample passes the record; no row of ours is genuine under them."""
    if what == "record and keys":
        for name in ("installation.json", "sealing.kek"):
            shutil.copy(somebodys_sample.keys / name, made.keys / name)
        shutil.copy(somebodys_sample.path / "sealing.keys.json", made.home.path)
        made.edit(state='"sample"')
        done = made.banyan("staff", "sample-links")
    else:
        other = made.top / "theirs"
        shutil.copytree(somebodys_sample.path, other)
        shutil.copytree(somebodys_sample.keys, made.top / "theirs.keys")
        for part in ("", "-wal", "-shm"):  # a database not closed lies in three files
            other.joinpath(f"banyan.sqlite3{part}").unlink(missing_ok=True)
            if (ours := made.home.path / f"banyan.sqlite3{part}").exists():
                shutil.copy(ours, other)
        done = banyan(Home(other), "staff", "sample-links")
    assert done.returncode == 1, done.stdout
    assert "audit.row_forged" in done.stderr
    assert "/first/" not in done.stdout
    assert_still_production(made)


def test_a_home_of_ones_own_does_not_unlock_the_keys(made: Place, tmp_path: Path) -> None:
    """Another BANYAN_HOME over the keys and the database of production has no data keys to prove the record with."""
    done = banyan(Home(tmp_path / "mine"), "staff", "sample-links", more={"BANYAN_KEYS": str(made.keys)})
    assert done.returncode == 1
    assert "config.record_forged" in done.stderr


def test_without_its_settings_file_it_is_still_production(made: Place) -> None:
    text = made.home.settings_file.read_text(encoding="utf-8")
    made.home.settings_file.unlink()
    for mark in (False, True):
        if mark:
            made.home.path.joinpath(".being-made").touch()
        done = made.banyan("init", "--sample", BANYAN_KEYS=str(made.keys))
        assert done.returncode == 1
        done = made.banyan("staff", "sample-links", BANYAN_KEYS=str(made.keys), BANYAN_SOFT_TOKENS="false")
        assert done.returncode == 1
        assert "/first/" not in done.stdout
    made.home.settings_file.write_text(text, encoding="utf-8")
    assert "✓ state            production" in made.check().stdout


def test_an_upgrade_records_what_lacks_a_record_as_production_only(made: Place) -> None:
    kept = made.home.record.read_bytes()
    made.home.record.unlink()
    assert "config.record_missing" in made.banyan("whoami").stderr
    refused = made.banyan("init", "--upgrade", BANYAN_STATE="sample")
    assert "config.state_contradicted" in refused.stderr
    with sqlite3.connect(made.home.database) as database:  # an installation of before there were records
        database.execute("DELETE FROM iam_installation")
    database.close()
    done = made.banyan("init", "--upgrade")
    assert done.returncode == 0, done.stderr
    assert json.loads(made.home.record.read_text())["state"] == "production"
    assert "✓ state            production" in made.check().stdout
    made.home.record.write_bytes(kept)
    assert "✗ state" in made.check().stdout  # the old record is not this one: the database says so


@pytest.mark.parametrize(
    ("variable", "value", "words"),
    [
        ("BANYAN_SOFT_TOKENS", "true", "允许软介质"),
        ("BANYAN_PUBLIC_URL", "http://ca.example", "public_url"),
    ],
)
def test_the_environment_cannot_loosen_a_rule(variable: str, value: str, words: str, made: Place) -> None:
    for command in (("whoami",), ("jobs", "--once"), ("signer",), ("pages",), ("run",)):
        done = made.banyan(*command, **{variable: value})
        assert done.returncode == 1, command
        assert "config.forbidden_in_production" in done.stderr
        assert words in done.stderr


def test_the_pages_are_not_served_without_tls(made: Place) -> None:
    made.edit(tls_certificate=None)
    for command in (("run",), ("pages",)):
        done = made.banyan(*command)
        assert done.returncode == 1
        assert "没有启用 TLS" in done.stderr
    assert "没有启用 TLS" in made.check().stdout


def test_a_sample_does_not_become_production_either(somebodys_sample: Home) -> None:
    done = banyan(somebodys_sample, "whoami", more={"BANYAN_STATE": "production"})
    assert done.returncode == 1
    assert "config.state_contradicted" in done.stderr


@pytest.mark.parametrize(("kind", "other"), [("--sample", "production"), ("--production", "sample")])
def test_init_does_not_make_what_a_setting_denies(kind: str, other: str, empty: Home) -> None:
    done = banyan(empty, "init", kind, more={"BANYAN_STATE": other})
    assert done.returncode == 1
    assert "config.state_contradicted" in done.stderr
    assert not empty.path.exists()


def test_sample_links_are_for_samples_only(made: Place) -> None:
    refused = made.banyan("staff", "sample-links")
    assert refused.returncode == 1
    assert "iam.sample_only" in refused.stderr
    assert "iam.sample_only" in made.banyan("run", "--sample").stderr
    assert_still_production(made)


def test_a_directory_that_is_not_ours_is_left_alone(empty: Home) -> None:
    empty.path.mkdir()
    (empty.path / "letters.txt").write_text("dear")
    done = banyan(empty, "init", "--sample")
    assert done.returncode == 1
    assert "init.place_taken" in done.stderr
    assert (empty.path / "letters.txt").read_text() == "dear"
