"""Django's settings, derived from the typed ones."""

import secrets
from pathlib import Path

from banyan.config.settings import load

BANYAN = load()
HOME = BANYAN.places

_secret = HOME.keys / "pages.secret"
# Without an installation (checks, translations) a passing secret serves; sessions need the lasting one `banyan init` makes.
SECRET_KEY = _secret.read_text().strip() if _secret.exists() else secrets.token_urlsafe(48)
DEBUG = False
ALLOWED_HOSTS = ["*"] if BANYAN.state == "sample" else [BANYAN.url.split("://", 1)[1].split(":")[0].split("/")[0]]

INSTALLED_APPS = [
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.staticfiles",
    "banyan.domain.audit",
    "banyan.domain.outbox",
    "banyan.domain.iam",
    "banyan.domain.parties",
    "banyan.domain.systems",
    "banyan.domain.inventory",
    "banyan.domain.ca",
    "banyan.domain.kmc",
    "banyan.domain.lifecycle",
    "banyan.domain.ra",
    "banyan.web",
]
DATABASES = {"default": BANYAN.database_options()}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

LANGUAGE_CODE = BANYAN.language
LANGUAGES = [("zh-hans", "中文"), ("en", "English")]
LOCALE_PATHS = [Path(__file__).parents[1] / "locale"]
USE_I18N = True
USE_TZ = True
TIME_ZONE = "Asia/Shanghai"

ROOT_URLCONF = "banyan.web.urls"
WSGI_APPLICATION = "banyan.web.wsgi.application"
STATIC_URL = "/static/"
STATIC_ROOT = Path(__file__).parents[1] / "web" / "collected"
SILENCED_SYSTEM_CHECKS: list[str] = []

LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"line": {"format": "{asctime} {levelname} {name} {message}", "style": "{"}},
    "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "line"}},
    "root": {"handlers": ["stderr"], "level": "WARNING"},
}

# TEMPORARY while packages are being laid down (lead removes this)
INSTALLED_APPS = [a for a in INSTALLED_APPS if not a.startswith("banyan.domain.") or (Path(__file__).parents[1] / "domain" / a.rsplit(".", 1)[1] / "models.py").exists()]
