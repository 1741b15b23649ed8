"""F7, design: a production installation refuses what a sample may have, when it is made and ever after."""

import subprocess
from pathlib import Path

import pytest

from banyan.kernel.home import Home
from support.commands import banyan

ADMINISTRATORS = """
[system_admin]
username = "sys1"
name = "测试管理员一"
[security_admin]
username = "sec1"
name = "测试管理员二"
[audit_admin]
username = "aud1"
name = "测试管理员三"
"""
PLAN = 'organization = "榕证示范机构"\nprovince = "福建省"\nname_prefix = "{prefix}"\n'


@pytest.fixture
def place(tmp_path: Path) -> Home:
    (tmp_path / "data").mkdir()
    (tmp_path / "elsewhere").mkdir()
    return Home(tmp_path / "data" / "home")


def outside(tmp_path: Path) -> dict[str, str]:
    """Settings as production wants them."""
    key, certificate = tmp_path / "tls.key", tmp_path / "tls.pem"
    if not key.exists():
        command = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "3", "-subj", "/CN=ca.example"]
        subprocess.run([*command, "-keyout", key, "-out", certificate], check=True, capture_output=True)
    return {
        "BANYAN_KEYS": str(tmp_path / "elsewhere" / "keys"),
        "BANYAN_SOFT_TOKENS": "false",
        "BANYAN_TLS_CERTIFICATE": str(certificate),
        "BANYAN_TLS_KEY": str(key),
        "BANYAN_PUBLIC_URL": "https://ca.example",
    }


def hold_ceremony(place: Home, tmp_path: Path, settings: dict[str, str], prefix: str = "榕证示范") -> Path:
    secret = tmp_path / "pass"
    secret.write_text("correct horse battery staple 9\n")
    (tmp_path / "plan.toml").write_text(PLAN.format(prefix=prefix), encoding="utf-8")
    for name in ("signer", "kmc"):
        done = banyan(place, "ca", "passphrase", "--of", name, "--passphrase-file", secret, more=settings)
        assert done.returncode == 0, done.stderr
    done = banyan(
        place, "ca", "ceremony", "--plan", tmp_path / "plan.toml", "--custodian", "甲", "--custodian", "乙",
        "--custodian", "丙", "--threshold", "2", "--offline", tmp_path / "usb", "--record", tmp_path / "record",
        "--share-files", tmp_path / "shares", "--passphrase-file", secret, more=settings,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return tmp_path / "record"


def test_every_reason_against_is_named_at_once(place: Home) -> None:
    done = banyan(place, "init", "--production")
    assert done.returncode == 1
    for reason in ("数据目录旁边", "TLS", "软介质", "密钥仪式", "三名管理员"):
        assert reason in done.stderr
    assert not place.path.exists()


def test_keys_inside_the_data_are_refused(place: Home) -> None:
    done = banyan(place, "init", "--production", more={"BANYAN_KEYS": str(place.path / "keys")})
    assert "数据目录里" in done.stderr


def test_a_ceremony_of_test_names_is_refused(place: Home, tmp_path: Path) -> None:
    settings = outside(tmp_path)
    record = hold_ceremony(place, tmp_path, settings, prefix="榕证测试")
    (tmp_path / "administrators.toml").write_text(ADMINISTRATORS, encoding="utf-8")
    done = banyan(
        place, "init", "--production", "--ceremony", record, "--administrators", tmp_path / "administrators.toml",
        more=settings,
    )  # fmt: skip
    assert done.returncode == 1
    assert "测试" in done.stderr


def test_a_production_installation_is_made_and_stays_clean(place: Home, tmp_path: Path) -> None:
    settings = outside(tmp_path)
    record = hold_ceremony(place, tmp_path, settings)
    (tmp_path / "administrators.toml").write_text(ADMINISTRATORS, encoding="utf-8")
    done = banyan(
        place, "init", "--production", "--ceremony", record, "--administrators", tmp_path / "administrators.toml",
        more=settings,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("https://ca.example/first/") == 3
    good = banyan(place, "check")
    assert "✓ state            production" in good.stdout
    assert "✗ production" not in good.stdout
    assert not list((place.signer / "keys").glob("*root*"))

    text = place.settings_file.read_text(encoding="utf-8")
    place.settings_file.write_text(text.replace("soft_tokens = false", "soft_tokens = true"), encoding="utf-8")
    bad = banyan(place, "check")
    assert bad.returncode == 3
    assert "✗ production       允许软介质" in bad.stdout


def test_sample_links_are_for_samples_only(place: Home, tmp_path: Path) -> None:
    settings = outside(tmp_path)
    record = hold_ceremony(place, tmp_path, settings)
    (tmp_path / "administrators.toml").write_text(ADMINISTRATORS, encoding="utf-8")
    banyan(
        place, "init", "--production", "--ceremony", record, "--administrators", tmp_path / "administrators.toml",
        more=settings,
    )  # fmt: skip
    refused = banyan(place, "staff", "sample-links")
    assert refused.returncode == 1
    assert "iam.sample_only" in refused.stderr


def test_a_directory_that_is_not_ours_is_left_alone(place: Home) -> None:
    place.path.mkdir()
    (place.path / "letters.txt").write_text("dear")
    done = banyan(place, "init", "--sample")
    assert done.returncode == 1
    assert "init.place_taken" in done.stderr
    assert (place.path / "letters.txt").read_text() == "dear"
