"""Soft tokens lie beside the installation, at the user's side; those of version 0.1 are moved there (A4)."""

from pathlib import Path

import pytest

from banyan.cli import soft_tokens
from banyan.cli.soft_tokens import Place, drawer
from banyan.kernel.home import Home
from banyan_token import TokenDrawer
from support.token import ADMIN_PIN, USER_PIN


def old_installation(place: Path) -> Home:
    """With a device inside, as version 0.1 left it."""
    home = Home(place / "home")
    home.make()
    box = TokenDrawer(home.path / "tokens", machine_secret_path=home.keys / "token.secret")
    box.create("BYT0000001", user_pin=USER_PIN, admin_pin=ADMIN_PIN, iterations=10_000).close()
    return home


def works(home: Home) -> bool:
    with drawer(home).open("BYT0000001") as token:
        token.verify_pin(USER_PIN)
    return True


def test_devices_inside_an_old_installation_are_moved_out_with_their_secret(tmp_path: Path) -> None:
    home = old_installation(tmp_path)
    assert works(home)
    assert not (home.path / "tokens").exists()
    assert not (home.keys / "token.secret").exists()
    assert Place.of(home).path.stat().st_mode & 0o777 == 0o700
    assert works(home)


@pytest.mark.parametrize("step", ["fsync", "replace", "rename", "unlink"])
def test_a_move_that_was_cut_off_is_finished_later(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, step: str) -> None:
    home = old_installation(tmp_path)

    def dying(*_arguments: object, **_options: object) -> None:
        raise KeyboardInterrupt

    where: dict[str, tuple[object, str]] = {
        "fsync": (soft_tokens.os, "fsync"), "replace": (soft_tokens.os, "replace"), "rename": (Path, "rename"),
        "unlink": (Path, "unlink"),
    }  # fmt: skip
    with monkeypatch.context() as patched:
        patched.setattr(*where[step], dying)
        with pytest.raises(KeyboardInterrupt):
            Place.of(home)
    assert works(home)
    assert not (home.keys / "token.secret").exists()


def test_the_servers_home_knows_no_place_of_tokens(tmp_path: Path) -> None:
    home = Home(tmp_path / "home")
    home.make()
    assert not hasattr(home, "tokens")
    assert not (home.path / "tokens").exists()


def test_old_devices_are_not_moved_under_another_secret(tmp_path: Path) -> None:
    home = old_installation(tmp_path)
    desk = home.path.with_name("home.desk")
    desk.mkdir(mode=0o700)
    (desk / "tokens.secret").write_bytes(bytes(32))
    with pytest.raises(soft_tokens.SecretDiffers):
        Place.of(home)
    (desk / "tokens.secret").unlink()
    assert works(home)


def test_a_place_that_others_may_enter_is_not_used(tmp_path: Path) -> None:
    home = Home(tmp_path / "home")
    home.make()
    desk = home.path.with_name("home.desk")
    desk.mkdir()
    desk.chmod(0o755)
    with pytest.raises(soft_tokens.PlaceUnsafe):
        Place.of(home)
    desk.rmdir()
    (tmp_path / "elsewhere").mkdir(mode=0o700)
    desk.symlink_to(tmp_path / "elsewhere")
    with pytest.raises(soft_tokens.PlaceUnsafe):
        Place.of(home)
