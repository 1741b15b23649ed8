"""Key ceremonies: offline roots shared among custodians, a sample's unattended one, a CA's successor (A11, B5)."""

import json
import re
import secrets
import subprocess
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from banyan import gm
from banyan.cli.ceremony import SharesRefused, hold_ceremony, sample_ceremony, sample_plan, succeed
from banyan.cli.ceremony.custodians import Custodian
from banyan.cli.ceremony.errors import CeremonyHeld, MadeWrong, NothingToSucceed, OfflineInside, PlanRefused
from banyan.cli.main import banyan
from banyan.kernel.home import Home
from banyan.keys import Kek, KeyFileDamaged, KeyStore, load_kek
from banyan.pki import names
from banyan.pki.certificate import Certificate, certificate_to_pem
from banyan.pki.crl import parse_crl

NOW = datetime(2026, 3, 1, 8, 30, tzinfo=UTC)
PEOPLE = ("张测试", "李测试", "王测试", "赵测试", "陈测试")


@pytest.fixture
def place(tmp_path: Path) -> Home:
    home = Home(tmp_path / "home")
    home.make()
    kek = home.keys / "signer.kek"
    kek.write_bytes(secrets.token_bytes(32))
    kek.chmod(0o600)
    return home


class Table:
    """The table at which custodians get their shares, and what each takes away."""

    def __init__(self) -> None:
        self.shares: dict[str, str] = {}

    def hand_out(self, custodian: Custodian) -> None:
        assert custodian.words not in repr(custodian)
        self.shares[custodian.name] = custodian.words


def attended(place: Home, offline: Path, table: Table, threshold: int = 3) -> dict[str, bytes]:
    result = hold_ceremony(
        place, sample_plan("https://ca.example:8420"), custodians=PEOPLE, threshold=threshold, offline=offline,
        hand_out=table.hand_out, people={"主持人": ("周测试",), "见证人": ("吴测试",)}, now=NOW)  # fmt: skip
    (place.path / "protocol.md").write_text(result.protocol)
    return {made.code: made.certificate for made in result.authorities}


def test_a_sample_ceremony_makes_every_ca_once(place: Home) -> None:
    first = sample_ceremony(place, NOW, address="http://127.0.0.1:8420")
    again = sample_ceremony(place, NOW + timedelta(days=1), address="http://127.0.0.1:8420")
    issuing = ["sm2-personal", "sm2-organization", "sm2-device", "sm2-seal", "p256-device"]
    assert [made.code for made in first.authorities] == ["sm2-root", "p256-root", *issuing]
    assert again.authorities == first.authorities
    for made in first.authorities:
        view = Certificate.parse(made.certificate)
        assert "测试" in names.common_name(view.subject)
        assert view.is_authority
        assert view.algorithm == made.algorithm
    assert "测试安装" in first.protocol


def test_a_broken_sample_ceremony_is_continued(place: Home) -> None:
    first = sample_ceremony(place, NOW)
    for name in ("sm2-seal", "p256-device", "audit"):
        (place.signer / "keys" / f"{name}.key").unlink()
    again = sample_ceremony(place, NOW)
    same = {made.code for made in first.authorities} - {"sm2-seal", "p256-device"}
    before = {made.code: made.certificate for made in first.authorities}
    after = {made.code: made.certificate for made in again.authorities}
    assert all(before[code] == after[code] for code in same)
    assert before["sm2-seal"] != after["sm2-seal"]
    assert (place.signer / "keys" / "audit.key").exists()


def test_old_cas_are_not_passed_off_as_those_of_a_new_root(place: Home) -> None:
    sample_ceremony(place, NOW)
    (place.keys / "offline" / "sm2-root.key").unlink()
    with pytest.raises(MadeWrong):
        sample_ceremony(place, NOW)


def test_openssl_verifies_the_chains(place: Home, tmp_path: Path) -> None:
    """The outside judge, SM2 identity given; names, key identifiers and path length included."""
    made = {one.code: one.certificate for one in sample_ceremony(place, datetime.now(UTC)).authorities}
    for code, der in made.items():
        (tmp_path / f"{code}.pem").write_text(certificate_to_pem(der))
    for code in made:
        is_sm2 = code.startswith("sm2")
        root, identity = ("sm2-root", ["-vfyopt", "distid:1234567812345678"]) if is_sm2 else ("p256-root", [])
        judged = subprocess.run(
            ["openssl", "verify", "-x509_strict", *identity, "-CAfile", f"{root}.pem", f"{code}.pem"],
            cwd=tmp_path, capture_output=True, text=True, check=False)  # fmt: skip
        assert judged.stdout == f"{code}.pem: OK\n", judged.stderr


def test_the_first_list_of_each_root_is_signed(place: Home) -> None:
    result = sample_ceremony(place, NOW)
    root = Certificate.parse(result.authorities[0].certificate)
    view = parse_crl(result.root_crls["sm2-root"])
    gm.sm2.verify(root.public_key, view.tbs_der, view.signature)
    assert (view.number, len(view)) == (1, 0)
    assert view.next_update is not None
    assert view.next_update > NOW + timedelta(days=365)


def test_root_keys_never_lie_in_the_installation(place: Home, tmp_path: Path) -> None:
    offline, table = tmp_path / "usb", Table()
    made = attended(place, offline, table)
    assert sorted(path.name for path in offline.iterdir()) == ["p256-root.key", "sm2-root.key"]
    inside = [path.name for path in (*place.path.rglob("*.key"), *place.keys.rglob("*.key"))]
    assert not any("root" in name for name in inside)
    # Nor does the installation's own key-encryption key open them.
    with pytest.raises(KeyFileDamaged):
        KeyStore(offline, load_kek(place.keys / "signer.kek")).load("sm2-root")
    assert set(made) >= {"sm2-root", "sm2-personal"}


@pytest.mark.parametrize("who", [(0, 1, 2), (4, 2, 0), (1, 3, 4, 0)])
def test_enough_custodians_open_the_root_and_a_successor_is_made(
    place: Home, tmp_path: Path, who: tuple[int, ...]
) -> None:
    table = Table()
    made = attended(place, tmp_path / "usb", table)
    shares = [table.shares[PEOPLE[number]].upper() for number in who]
    later = NOW + timedelta(days=30)
    (successor,) = succeed(place, "sm2-personal", now=later, offline=tmp_path / "usb", shares=shares).authorities
    view, root = Certificate.parse(successor.certificate), Certificate.parse(made["sm2-root"])
    gm.sm2.verify(root.public_key, view.tbs_der, view.signature)
    assert successor.code == "sm2-personal-g2"
    assert names.common_name(view.subject).endswith(" G2")
    assert view.public_key != Certificate.parse(made["sm2-personal"]).public_key
    store = KeyStore(place.signer / "keys", load_kek(place.keys / "signer.kek"))
    assert store.load("sm2-personal").record.attributes["role"] == "superseded"
    assert store.load("sm2-personal-g2").record.attributes["profiles"] == ["sm2-personal"]
    (third,) = succeed(place, "sm2-personal-g2", now=later, offline=tmp_path / "usb", shares=shares).authorities
    assert third.code == "sm2-personal-g3"
    assert names.common_name(Certificate.parse(third.certificate).subject).endswith("CA G3")


def test_too_few_or_wrong_shares_open_nothing(place: Home, tmp_path: Path) -> None:
    table, stranger = Table(), Table()
    attended(place, tmp_path / "usb", table)
    other = Home(tmp_path / "other")
    other.make()
    (other.keys / "signer.kek").write_bytes(secrets.token_bytes(32))
    (other.keys / "signer.kek").chmod(0o600)
    attended(other, tmp_path / "other-usb", stranger)
    words = list(table.shares.values())
    spoiled = words[0].rsplit(" ", 1)[0] + " academic"
    for shares in (
        words[:2],
        [words[0]] * 3,
        [*words[:2], spoiled],
        [*words[:2], next(iter(stranger.shares.values()))],
        list(stranger.shares.values()),
        [],
    ):
        with pytest.raises(SharesRefused) as refused:
            succeed(place, "sm2-personal", now=NOW, offline=tmp_path / "usb", shares=shares)
        assert not any(word in str(refused.value) for word in words[0].split())
    store = KeyStore(place.signer / "keys", load_kek(place.keys / "signer.kek"))
    assert store.load("sm2-personal").record.attributes["role"] == "issuing"
    assert "sm2-personal-g2" not in store.names()


def test_only_an_issuing_ca_gets_a_successor(place: Home) -> None:
    sample_ceremony(place, NOW)
    succeed(place, "sm2-device", now=NOW)
    for code in ("sm2-device", "audit", "nobody", "sm2-root"):
        with pytest.raises(NothingToSucceed):
            succeed(place, code, now=NOW)


def test_no_share_alone_is_the_secret(place: Home, tmp_path: Path) -> None:
    table = Table()
    attended(place, tmp_path / "usb", table)
    assert len({*table.shares.values()}) == len(PEOPLE)
    for words in table.shares.values():
        assert len(words.split()) == 33
        with pytest.raises(KeyFileDamaged):
            KeyStore(tmp_path / "usb", Kek(gm.sm3(words.encode()))).load("sm2-root")


@pytest.mark.parametrize(
    ("people", "threshold"),
    [(("甲", "乙"), 2), (("甲", "乙", "丙"), 3), (("甲", "乙", "丙"), 1), (("甲", "甲", "丙"), 2)],
)
def test_custodians_must_be_several_and_no_single_one_decides(
    place: Home, tmp_path: Path, people: tuple[str, ...], threshold: int
) -> None:
    with pytest.raises(PlanRefused):
        hold_ceremony(
            place, sample_plan("x"), custodians=people, threshold=threshold, offline=tmp_path / "usb",
            hand_out=Table().hand_out, people={}, now=NOW)  # fmt: skip
    assert not (tmp_path / "usb").exists()


def test_the_offline_place_is_apart_from_the_installation(place: Home) -> None:
    for offline in (place.path / "usb", place.keys, place.path):
        with pytest.raises(OfflineInside):
            attended(place, offline, Table())


def test_the_protocol_names_people_steps_and_fingerprints(place: Home, tmp_path: Path) -> None:
    made = attended(place, tmp_path / "usb", table := Table())
    protocol = (place.path / "protocol.md").read_text()
    for person in (*PEOPLE, "周测试", "吴测试"):
        assert f"| {person} |" in protocol
    for der in made.values():
        digest = gm.sm3(der).hex().upper()
        assert " ".join(re.findall("....", digest)) in protocol
    assert "任意 3 名" in protocol
    assert not any(words[:20] in protocol for words in table.shares.values())


def run(home: Home, *arguments: str) -> Result:
    return CliRunner(env={"BANYAN_HOME": str(home.path)}).invoke(banyan, list(arguments))


def test_the_command_holds_a_ceremony_before_the_installation_is_finished(place: Home, tmp_path: Path) -> None:
    plan = tmp_path / "plan.toml"
    plan.write_text('organization = "某某中心"\nprovince = "福建省"\nname_prefix = "榕证"\n', encoding="utf-8")
    who = [part for name in PEOPLE for part in ("--custodian", name)]
    record = tmp_path / "record"
    result = run(
        place, "ca", "ceremony", "--plan", str(plan), *who, "--threshold", "3", "--offline", str(tmp_path / "usb"),
        "--record", str(record), "--host", "周某", "--share-files", str(tmp_path / "shares"),
        "--address", "https://ca.example")  # fmt: skip
    assert result.exit_code == 0, (result.output, result.exception)
    authorities = json.loads((record / "authorities.json").read_text())
    assert [one["code"] for one in authorities][:2] == ["sm2-root", "p256-root"]
    view = Certificate.parse((record / "sm2-personal.cer").read_bytes())
    assert view.crl_urls == ("http://ca.example/crl/sm2-root.crl",)
    assert names.common_name(view.subject) == "榕证个人证书 CA"
    assert (record / "protocol.md").read_text().startswith("# 密钥仪式记录")
    shares = sorted((tmp_path / "shares").iterdir())
    assert len(shares) == 5
    assert {path.stat().st_mode & 0o777 for path in shares} == {0o600}
    again = run(
        place, "ca", "ceremony", "--plan", str(plan), *who, "--threshold", "3", "--offline", str(tmp_path / "usb2"),
        "--record", str(record), "--share-files", str(tmp_path / "shares2"))  # fmt: skip
    assert isinstance(again.exception, CeremonyHeld)
    assert not (tmp_path / "usb2").exists()


def test_a_passphrase_locks_the_signers_key(place: Home, tmp_path: Path) -> None:
    sample_ceremony(place, NOW)
    words = tmp_path / "words"
    words.write_text("测试口令 only for tests\n")
    result = run(place, "ca", "passphrase", "--of", "signer", "--passphrase-file", str(words))
    assert result.exit_code == 0, (result.output, result.exception)
    kek = load_kek(place.keys / "signer.kek", passphrase=lambda: "测试口令 only for tests".encode())
    assert KeyStore(place.signer / "keys", kek).load("sm2-personal").record.algorithm == "SM2"
