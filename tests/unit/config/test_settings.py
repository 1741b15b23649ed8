"""A setting that somebody wrote wrongly is answered by one line that says where it stands and what may stand there."""

from pathlib import Path

import pytest

from banyan.config import settings
from banyan.config.settings import ALLOWED, Settings, SettingsFileBroken, SettingsFileUnreadable, SettingWrong, read
from banyan.kernel.home import Home
from support.commands import banyan

WRONG = {
    "state": ["", "production ready"],
    "database": ["mysql://somebody@host/name", "host/name", "postgresql://host:port/name"],
    "database_password_file": [""],
    "keys": [""],
    "host": ["", " "],
    "port": ["", "eighty", "65536", "-1"],
    "tls_certificate": [""],
    "tls_key": [""],
    "public_url": ["ca.example", "ftp://ca.example", "https://ca.example:port"],
    "language": ["", "fr"],
    "soft_tokens": ["", "perhaps"],
    "gm_engine": ["", "fast"],
    "agent_port": ["", "0", "65536", "agent"],
    "connector": [""],
    "kmc_pool": ["", "0", "many"],
    "handover_receipt": ["", "perhaps"],
    "sms_gateway": [],  # any word may name a gateway, none is none
    "sms_gateway_url": ["sms.example", "ftp://sms.example"],
    "upload_megabytes": ["", "0", "501", "many"],
    "scanner": ["clamd", "unix:", "http://host:3310", "tcp://host:port"],
    "scanner_down": ["", "ignore"],
}
CASES = [(name, value) for name, values in WRONG.items() for value in values]


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Home:
    home = Home(tmp_path / "home")
    home.path.mkdir()
    for name in Settings.model_fields:
        monkeypatch.delenv(f"BANYAN_{name.upper()}", raising=False)
    monkeypatch.setenv("BANYAN_HOME", str(home.path))
    return home


def test_every_setting_says_what_it_may_be() -> None:
    assert set(ALLOWED) == set(Settings.model_fields)
    assert set(WRONG) == set(Settings.model_fields) - {"home"}  # an empty BANYAN_HOME is as none


@pytest.mark.parametrize(("name", "value"), CASES)
def test_a_wrong_variable_is_named(name: str, value: str, place: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(f"BANYAN_{name.upper()}", value)
    with pytest.raises(SettingWrong) as caught:
        read()
    assert str(caught.value).startswith(f"BANYAN_{name.upper()} 的值不对")
    assert ALLOWED[name] in str(caught.value)


@pytest.mark.parametrize(("name", "value"), CASES)
def test_a_wrong_line_of_the_file_is_named(name: str, value: str, place: Home) -> None:
    place.settings_file.write_text(f'{name} = "{value}"\n')
    with pytest.raises(SettingWrong) as caught:
        read()
    assert str(caught.value).startswith(f"{place.settings_file}: {name} 的值不对")


def test_a_value_that_may_be_a_password_is_not_repeated(place: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BANYAN_DATABASE", "mysql://user:hunter2@host/name")
    with pytest.raises(SettingWrong) as caught:
        read()
    assert "hunter2" not in str(caught.value)


@pytest.mark.parametrize(
    ("text", "line", "column"),
    [("port = \n", 1, 8), ('port = 8420\nlanguage = "en\n', 2, 15), ("port = 1\nport = 2\n", 2, 9), ("[x", 1, 3)],
)
def test_a_broken_file_is_named_with_the_place(text: str, line: int, column: int, place: Home) -> None:
    place.settings_file.write_text(text)
    with pytest.raises(SettingsFileBroken) as caught:
        read()
    assert f"{place.settings_file} 第 {line} 行第 {column} 列" in str(caught.value)


def test_a_file_in_another_encoding_and_a_directory_are_named(place: Home) -> None:
    place.settings_file.write_bytes('public_url = "福建"'.encode("gb18030"))
    with pytest.raises(SettingsFileUnreadable):
        read()
    place.settings_file.unlink()
    place.settings_file.mkdir()
    with pytest.raises(SettingsFileUnreadable):
        read()


def test_a_password_file_that_is_not_there_is_named(place: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BANYAN_DATABASE", "postgresql://user@host/name")
    monkeypatch.setenv("BANYAN_DATABASE_PASSWORD_FILE", str(place.path / "none"))
    with pytest.raises(SettingWrong, match="BANYAN_DATABASE_PASSWORD_FILE"):
        read().database_options()


def test_right_values_are_taken(place: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    place.settings_file.write_text('port = 9000\npublic_url = "https://ca.example:8443"\nlanguage = "en"\n')
    monkeypatch.setenv("BANYAN_PORT", "9001")
    found = read()
    assert (found.port, found.url, found.language) == (9001, "https://ca.example:8443", "en")
    monkeypatch.setenv("BANYAN_HOME", "")
    monkeypatch.setattr(settings.Path, "home", lambda: place.path)
    assert read().home == place.path / ".banyan"


@pytest.mark.parametrize(
    "command", [("whoami",), ("run",), ("check",), ("config", "show"), ("init", "--sample"), ("demo",)]
)
def test_every_command_answers_with_a_line(command: tuple[str, ...], place: Home) -> None:
    """Not with a traceback; exit code 1 as for other errors."""
    for more in ({"BANYAN_STATE": ""}, {"BANYAN_PORT": "x"}, {"BANYAN_GM_ENGINE": "fast"}):
        place.settings_file.touch()
        done = banyan(place, *command, more=more)
        assert done.returncode == 1, done.stderr
        assert done.stderr.count("\n") == 1
        assert done.stderr.startswith(f"{next(iter(more))} 的值不对。可用的值：")
    place.settings_file.write_text("port = \n")
    done = banyan(place, *command)
    assert done.returncode == 1
    assert done.stderr.count("\n") == 1
    assert "[config.file_broken]" in done.stderr


def test_the_line_is_in_the_language_in_use(place: Home) -> None:
    done = banyan(place, "whoami", more={"BANYAN_PORT": "x", "BANYAN_LANGUAGE": "en"})
    assert "BANYAN_PORT has a value that it cannot have. Allowed: a whole number" in done.stderr
