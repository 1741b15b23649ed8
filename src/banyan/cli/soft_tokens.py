"""Where the user's side of this machine keeps its soft tokens and its token agent's keys. The server knows nothing of it."""

import os
import tempfile
from dataclasses import dataclass
from pathlib import Path

from banyan.kernel.errors import N_, BanyanError
from banyan.kernel.home import Home
from banyan_token import TokenDrawer


class PlaceUnsafe(BanyanError):
    """The place of the soft tokens is a link, or others of the machine may enter it."""

    code = "cli.desk_unsafe"
    message = N_("{place} 存放软介质，必须是目录，且只有本人可以进入。请用 chmod 700 改正，是链接的请换成目录。")


class SecretDiffers(BanyanError):
    """Devices of an older release cannot be moved under another machine secret."""

    code = "cli.machine_secret_differs"
    message = N_("{new} 已有另一个本机密钥，旧介质没有移动，{old} 也没有改动。请先移开 {new}，再重试。")


@dataclass(frozen=True)
class Place:
    """Where it all lies: beside the installation, never inside it."""

    path: Path

    @classmethod
    def of(cls, home: Home) -> "Place":
        """The place of an installation's machine; what version 0.1 kept inside the installation is moved there."""
        place = cls(home.path.with_name(f"{home.path.name}.desk"))
        place.path.mkdir(mode=0o700, parents=True, exist_ok=True)
        if place.path.is_symlink() or place.path.stat().st_mode & 0o077:
            raise PlaceUnsafe(place=str(place.path))
        _move_out(home, place)
        return place

    @property
    def tokens(self) -> Path:
        return self.path / "tokens"

    @property
    def secret(self) -> Path:
        return self.path / "tokens.secret"

    @property
    def profiles(self) -> Path | None:
        """Vendors' profiles of this machine (``profiles/*.toml``), where there are any: they go before the shipped ones."""
        found = self.path / "profiles"
        return found if found.is_dir() else None

    @property
    def environment(self) -> dict[str, str]:
        """What tells our SKF library where the soft tokens lie."""
        return {"BANYAN_SKF_ROOT": str(self.tokens), "BANYAN_SKF_MACHINE_SECRET": str(self.secret)}

    @property
    def agent(self) -> Path:
        return self.path / "agent"


def drawer(home: Home) -> TokenDrawer:
    """The soft tokens of this machine."""
    place = Place.of(home)
    place.tokens.mkdir(mode=0o700, exist_ok=True)
    return TokenDrawer(place.tokens, machine_secret_path=place.secret)


def _move_out(home: Home, place: Place) -> None:
    """The secret first: devices without it could not be opened, should this be cut off. Raises SecretDiffers."""
    tokens, secret = home.path / "tokens", home.keys / "token.secret"
    if tokens.is_dir() and not place.tokens.exists():
        if secret.exists():
            _copy_secret(secret, place.secret)
        tokens.rename(place.tokens)
    if place.secret.exists() and not tokens.exists():
        secret.unlink(missing_ok=True)


def _copy_secret(source: Path, target: Path) -> None:
    content = source.read_bytes()
    if target.exists():
        if target.read_bytes() != content:
            raise SecretDiffers(old=str(source), new=str(target))
        return
    handle, draft = tempfile.mkstemp(dir=target.parent, prefix=".tokens-")  # made 0600
    with os.fdopen(handle, "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    os.replace(draft, target)
