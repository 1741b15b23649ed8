"""Every setting of an installation, typed, in one place.

Order: environment (``BANYAN_…``) over ``<home>/banyan.toml`` over the defaults here, which suit a sample on one machine.
Secrets are never settings: they are files in ``<home>.keys``.
"""

import os
from enum import StrEnum
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

from pydantic import Field, field_validator
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict, TomlConfigSettingsSource

from banyan.kernel.home import Home


class State(StrEnum):
    """What an installation may be used for; fixed when it is made."""

    SAMPLE = "sample"
    PRODUCTION = "production"


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

    @field_validator("language")
    @classmethod
    def _known_language(cls, value: str) -> str:
        if value not in ("zh-hans", "en"):
            raise ValueError("language is zh-hans or en")
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
        "PASSWORD": password_file.read_text().strip() if password_file else unquote(parts.password or ""),
        "HOST": unquote(query.get("host", host)),
        "PORT": str(parts.port or query.get("port", "")),
        "CONN_MAX_AGE": 600,
        "CONN_HEALTH_CHECKS": True,
        "OPTIONS": {"isolation_level": 2},  # psycopg.IsolationLevel.READ_COMMITTED, named here without importing it
    }


def load() -> Settings:
    """The settings of the installation named by the environment."""
    settings = Settings()
    os.environ.setdefault("BANYAN_GM_ENGINE", settings.gm_engine)
    if settings.keys:
        os.environ.setdefault("BANYAN_KEYS", str(settings.keys))
    return settings
