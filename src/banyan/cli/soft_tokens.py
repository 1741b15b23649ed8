"""Where the user's side of this machine keeps its soft tokens and its token agent's keys. The server knows nothing of it."""

import os
import shutil
from dataclasses import dataclass
from pathlib import Path

from banyan.kernel.home import Home
from banyan_token import TokenDrawer


@dataclass(frozen=True)
class Place:
    """Where it all lies: beside the installation, never inside it."""

    path: Path

    @classmethod
    def of(cls, home: Home) -> "Place":
        """The place of an installation's machine; what version 0.1 kept inside the installation is moved there."""
        place = cls(home.path.with_name(f"{home.path.name}.desk"))
        place.path.mkdir(mode=0o700, parents=True, exist_ok=True)
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
    """The secret first: devices without it could not be opened, should this be cut off."""
    tokens, secret = home.path / "tokens", home.keys / "token.secret"
    if tokens.is_dir() and not place.tokens.exists():
        if secret.exists() and not place.secret.exists():
            draft = place.secret.with_suffix(".draft")
            shutil.copy2(secret, draft)
            os.replace(draft, place.secret)
        tokens.rename(place.tokens)
    if place.secret.exists() and not tokens.exists():
        secret.unlink(missing_ok=True)
