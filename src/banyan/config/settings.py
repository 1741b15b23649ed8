"""Every setting of an installation, typed, in one place.

Order: environment (``BANYAN_…``) over ``<home>/banyan.toml`` over the defaults here, which suit a sample on one machine.
Secrets are never settings: they are files in ``<home>.keys``. Neither is what an installation was made for: that is recorded
(``installation``), and a setting that says something else is refused.
"""

import errno
import os
import re
import tomllib
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

from pydantic import Field, ValidationError, ValidationInfo, field_validator
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict, TomlConfigSettingsSource

from banyan.config import installation
from banyan.config.installation import RecordMissing, State, StateContradicted
from banyan.kernel.errors import N_, BanyanError
from banyan.kernel.home import Home

_PATH = N_("一个路径")
# What each setting may be, as people are told who wrote something else.
ALLOWED = {
    "home": _PATH,
    "state": "sample、production",
    "database": N_("postgresql://用户@主机/库名，或不设（用安装目录里的 SQLite）"),
    "database_password_file": N_("一个可读文件的路径"),
    "keys": _PATH,
    "host": N_("一个地址"),
    "port": N_("0 到 65535 的整数"),
    "tls_certificate": _PATH,
    "tls_key": _PATH,
    "public_url": N_("http:// 或 https:// 开头的地址，或不设"),
    "language": "zh-hans、en",
    "soft_tokens": "true、false",
    "gm_engine": "auto、openssl、ipp",
    "connector": N_("接口的代码"),
    "kmc_pool": N_("1 或更大的整数"),
    "agent_port": N_("1 到 65535 的整数"),
    "handover_receipt": "optional、required",
    "sms_gateway": N_("短信接口的代码，或不设"),
    "sms_gateway_url": N_("http:// 或 https:// 开头的地址，或不设"),
    "upload_megabytes": N_("1 到 500 的整数"),
    "scanner": N_("unix:/路径 或 tcp://主机:端口，或不设"),
    "scanner_down": "hold、accept",
}
_POSITION = re.compile(r"line (\d+), column (\d+)")


class SettingWrong(BanyanError):
    """A setting has a value that it cannot have."""

    code = "config.setting_wrong"
    message = N_("{place} 的值不对。可用的值：{allowed}。")


class SettingsFileBroken(BanyanError):
    """The settings file is not TOML."""

    code = "config.file_broken"
    message = N_("设置文件 {file} 第 {line} 行第 {column} 列不是合法的 TOML。请改正后重试。")


class SettingsFileUnreadable(BanyanError):
    """The settings file cannot be read at all."""

    code = "config.file_unreadable"
    message = N_("设置文件 {file} 读不出来（{reason}）。它应是本用户可读的 UTF-8 文本。")


class Settings(BaseSettings):
    """The settings of one installation."""

    model_config = SettingsConfigDict(env_prefix="BANYAN_", extra="ignore")

    home: Path = Field(default_factory=lambda: Home.from_environment().path, description="All state lies below it.")
    state: State = Field(State.SAMPLE, description="sample or production; fixed by banyan init.")
    database: str = Field("", description="postgresql://user@host/name; empty for SQLite inside the home.")
    database_password_file: Path | None = Field(None, description="File with the database password.")
    keys: Path | None = Field(None, description="Directory of the key-encryption keys; default beside the home.")
    host: str = Field("127.0.0.1", description="Address the pages are served at.")
    port: int = Field(8420, ge=0, le=65535, description="Port the pages are served at.")
    tls_certificate: Path | None = Field(None, description="PEM chain for the pages; required in production.")
    tls_key: Path | None = Field(None, description="PEM key for tls_certificate.")
    public_url: str = Field("", description="Address people and certificates name; default http(s)://host:port.")
    language: str = Field("zh-hans", description="Language shown first: zh-hans or en.")
    soft_tokens: bool = Field(True, description="Whether soft tokens may hold certificates; never in production.")
    gm_engine: str = Field("auto", pattern="^(auto|openssl|ipp)$", description="Engine of the SM algorithms.")
    connector: str = Field("embedded", description="Connector new certificates come from.")
    kmc_pool: int = Field(64, ge=1, description="Encryption key pairs kept ready.")
    agent_port: int = Field(47623, ge=1, le=65535, description="Port of the token agent on users' machines.")

    handover_receipt: str = Field(
        "optional",
        pattern="^(optional|required)$",
        description="Whether a token is given away only with a scanned receipt.",
    )
    sms_gateway: str = Field("", description="Adapter that sends text messages; empty for telephone calls only.")
    sms_gateway_url: str = Field("", description="Address of the SMS gateway.")
    upload_megabytes: int = Field(50, ge=1, le=500, description="Largest file that may be handed in, in megabytes.")
    scanner: str = Field(
        "", pattern=r"^(unix:/.+|tcp://(\[[0-9A-Fa-f:.]+\]|[^\s/:\[\]]+)(:\d{1,5})?)?$",
        description="clamd, as unix:/path or tcp://host:port; empty for none.",
    )  # fmt: skip
    scanner_down: str = Field(
        "hold",
        pattern="^(hold|accept)$",
        description="hold: files wait while the scanner is down; accept: taken unscanned.",
    )

    @field_validator("keys", "tls_certificate", "tls_key", "database_password_file", mode="before")
    @classmethod
    def _named_path(cls, value: Any) -> Any:
        if value == "":  # which would be the directory that the command happens to be called in
            raise ValueError("a path is empty")
        return value

    @field_validator("home", mode="before")
    @classmethod
    def _named_home(cls, value: Any) -> Any:
        return value or Home.from_environment().path

    @field_validator("host", "connector")
    @classmethod
    def _not_empty(cls, value: str) -> str:
        if not value.strip():
            raise ValueError("empty")
        return value

    @field_validator("language")
    @classmethod
    def _known_language(cls, value: str) -> str:
        if value not in ("zh-hans", "en"):
            raise ValueError("language is zh-hans or en")
        return value

    @field_validator("database", "public_url", "sms_gateway_url")
    @classmethod
    def _address(cls, value: str, info: ValidationInfo) -> str:
        schemes = ("postgresql", "postgres") if info.field_name == "database" else ("http", "https")
        parts = urlsplit(value)
        if value and (parts.scheme not in schemes or "://" not in value):
            raise ValueError("not such an address")
        _ = parts.port  # raises ValueError for one that is not a number
        return value

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Environment over file over defaults; no dot-env file, no secrets directory."""
        del dotenv_settings, file_secret_settings
        path = Home.from_environment().settings_file
        return init_settings, env_settings, TomlConfigSettingsSource(settings_cls, path)

    @property
    def places(self) -> Home:
        """Where everything lies."""
        return Home(self.home.absolute(), self.keys.absolute() if self.keys else None)

    @property
    def url(self) -> str:
        """The address people open."""
        scheme = "https" if self.tls_certificate else "http"
        return self.public_url or f"{scheme}://{self.host}:{self.port}"

    @property
    def origin(self) -> str:
        """The pages' origin as browsers name it (RFC 6454 §6.2): certificates log in there and nowhere else."""
        parts = urlsplit(self.url)
        host = parts.hostname or ""
        named = f"[{host}]" if ":" in host else host
        is_default = parts.port in (None, {"https": 443, "http": 80}.get(parts.scheme))
        return f"{parts.scheme}://{named}" + ("" if is_default else f":{parts.port}")

    def database_options(self) -> dict[str, Any]:
        """Django's ``DATABASES['default']``."""
        if not self.database:
            return _sqlite(self.places.database)
        return _postgresql(self.database, self.database_password_file)


def _sqlite(path: Path) -> dict[str, Any]:
    # Pages of 8 KB: seven certificates fill one, where only three would fit into 4 KB.
    # FULL: a certificate that was answered must survive a power cut. IMMEDIATE: a writer waits at its start, not at its end.
    pragmas = (
        "PRAGMA page_size=8192; PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; PRAGMA foreign_keys=ON; "
        "PRAGMA cache_size=-65536; PRAGMA temp_store=MEMORY; PRAGMA mmap_size=0; PRAGMA wal_autocheckpoint=4000;"
    )
    return {
        "ENGINE": "django.db.backends.sqlite3",
        "NAME": str(path),
        "OPTIONS": {"transaction_mode": "IMMEDIATE", "timeout": 30, "init_command": pragmas},
        "TEST": {"NAME": str(path)},
    }


def _postgresql(url: str, password_file: Path | None) -> dict[str, Any]:
    parts = urlsplit(url)
    host = parts.hostname or ""
    query = dict(item.split("=", 1) for item in parts.query.split("&") if "=" in item)
    return {
        "ENGINE": "django.db.backends.postgresql",
        "NAME": unquote(parts.path.lstrip("/")),
        "USER": unquote(parts.username or ""),
        "PASSWORD": _password(password_file) if password_file else unquote(parts.password or ""),
        "HOST": unquote(query.get("host", host)),
        "PORT": str(parts.port or query.get("port", "")),
        "CONN_MAX_AGE": 600,
        "CONN_HEALTH_CHECKS": True,
        "OPTIONS": {"isolation_level": 2},  # psycopg.IsolationLevel.READ_COMMITTED, named here without importing it
    }


def _password(file: Path) -> str:
    try:
        return file.read_text().strip()
    except (OSError, UnicodeDecodeError) as error:
        raise SettingWrong(
            place=place_of("database_password_file"), allowed=ALLOWED["database_password_file"]
        ) from error


def read() -> Settings:
    """The settings as they are written, not held against the record. Raises what is wrong with one of them."""
    file = Home.from_environment().settings_file
    if file.is_dir():
        raise SettingsFileUnreadable(file=str(file), reason=os.strerror(errno.EISDIR))
    try:
        return Settings()
    except tomllib.TOMLDecodeError as error:
        line, column = _position(error, file)
        raise SettingsFileBroken(file=str(file), line=line, column=column) from error
    except (OSError, UnicodeDecodeError) as error:
        raise SettingsFileUnreadable(
            file=str(file), reason=error.strerror if isinstance(error, OSError) else error.reason
        ) from error
    except ValidationError as error:
        name = str(error.errors()[0]["loc"][0])
        raise SettingWrong(place=place_of(name), allowed=ALLOWED[name]) from error


def load() -> Settings:
    """The settings of the installation named by the environment, with the state that was recorded when it was made.

    Raises StateContradicted, RecordMissing, RecordForged, and what is wrong with a setting or with the keys.
    """
    settings = read()
    os.environ.setdefault("BANYAN_GM_ENGINE", settings.gm_engine)
    os.environ.setdefault("BANYAN_LANGUAGE", settings.language)
    if settings.keys:
        os.environ.setdefault("BANYAN_KEYS", str(settings.keys))
    record = installation.read(settings.places)
    if record is None:
        if settings.places.settings_file.exists():
            raise RecordMissing(file=str(settings.places.record))
        return settings  # nothing was made here yet
    if "state" in settings.model_fields_set and settings.state != record.state:
        raise StateContradicted(recorded=record.state, named=settings.state, place=place_of("state"))
    settings.state = record.state
    return settings


def _position(error: tomllib.TOMLDecodeError, file: Path) -> tuple[int, int]:
    """Line and column, which the decoder tells in its message only."""
    found = _POSITION.search(str(error))
    if found:
        return int(found[1]), int(found[2])
    lines = file.read_text(encoding="utf-8").splitlines() or [""]
    return len(lines), len(lines[-1]) + 1


def place_of(name: str) -> str:
    """Where a setting was written: its variable, or its line in the file."""
    variable = f"BANYAN_{name.upper()}"
    if any(one.upper() == variable for one in os.environ):
        return variable
    return f"{Home.from_environment().settings_file}: {name}"
