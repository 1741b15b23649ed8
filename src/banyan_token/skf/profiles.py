"""What differs between vendors' SKF libraries, as data: a file a vendor in ``profiles``, or in a directory of the
installation's own, which goes first."""

import sys
import tomllib
from dataclasses import dataclass, field
from importlib import resources
from pathlib import Path
from typing import Any, Final

from banyan.kernel.errors import N_
from banyan.pki.skf_blob import KeyFieldLayout
from banyan_token.errors import TokenError
from banyan_token.skf.interface import own_library

OWN: Final = "banyan"
_TABLES: Final = {"library"}
_FIELDS: Final = {
    "name", "application", "key_field", "pin_kinds", "auth_key", "time_limit_seconds", "decrypts_with",
    "unblocks_remotely", "change_logs_in", "to_be_confirmed", *_TABLES,
}  # fmt: skip


class ProfileMalformed(TokenError):
    code = "token.profile_malformed"
    message = N_("介质厂商配置 {profile} 有误（{reason}）。请对照 banyan.toml 改正。")


class ProfileUnknown(TokenError):
    code = "token.profile_unknown"
    message = N_("没有介质厂商配置 {profile}。现有：{known}。")


class LibraryNotNamed(TokenError):
    code = "token.library_not_named"
    message = N_("厂商 {profile} 的 SKF 库在本系统上的路径还没有填写。请安装厂商驱动，把路径填入它的配置。")


@dataclass(frozen=True)
class Profile:
    """One vendor's library and what is special about it; ``to_be_confirmed``: what nobody has tried yet."""

    key: str
    name: str
    application: str
    key_field: KeyFieldLayout
    pin_kinds: tuple[str, ...]
    auth_key: bytes = field(repr=False)
    time_limit_seconds: float
    decrypts_with: str
    unblocks_remotely: bool
    change_logs_in: bool
    to_be_confirmed: tuple[str, ...]
    libraries: dict[str, str]

    def library(self, system: str = sys.platform) -> Path:
        """Where the library lies on this system. Raises LibraryNotNamed."""
        named = self.libraries.get("windows" if system == "win32" else system, "")
        if not named:
            raise LibraryNotNamed(profile=self.key)
        return own_library() if named == "{own}" else Path(named).expanduser()


def load_profiles(own: Path | None = None) -> dict[str, Profile]:
    """All vendors' profiles by key, those in the directory ``own`` in place of ours. Raises ProfileMalformed."""
    shipped = resources.files("banyan_token.skf") / "profiles"
    files = {one.name: one for one in shipped.iterdir() if one.name.endswith(".toml")}
    if own is not None:
        files |= {one.name: one for one in own.glob("*.toml")}
    return {name[:-5]: _read(name[:-5], one.read_text(encoding="utf-8")) for name, one in sorted(files.items())}


def profile(key: str = OWN, own: Path | None = None) -> Profile:
    """One vendor's profile. Raises ProfileUnknown, ProfileMalformed."""
    known = load_profiles(own)
    if key not in known:
        raise ProfileUnknown(profile=key, known=", ".join(known))
    return known[key]


def _read(key: str, text: str) -> Profile:
    try:
        told: dict[str, Any] = tomllib.loads(text)
        unknown = set(told) ^ _FIELDS
        if unknown:
            raise ValueError(", ".join(sorted(unknown)))
        return Profile(
            key=key,
            name=str(told["name"]),
            application=str(told["application"]),
            key_field=KeyFieldLayout(told["key_field"]),
            pin_kinds=tuple(told["pin_kinds"]),
            auth_key=bytes.fromhex(told["auth_key"]),
            time_limit_seconds=float(told["time_limit_seconds"]),
            decrypts_with=str(told["decrypts_with"]),
            unblocks_remotely=bool(told["unblocks_remotely"]),
            change_logs_in=bool(told["change_logs_in"]),
            to_be_confirmed=tuple(told["to_be_confirmed"]),
            libraries={str(system): str(path) for system, path in told["library"].items()},
        )
    except (ValueError, TypeError, AttributeError) as error:
        raise ProfileMalformed(profile=key, reason=str(error)) from None
