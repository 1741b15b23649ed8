"""Django's settings, derived from the typed ones."""

import secrets
from pathlib import Path
from urllib.parse import urlsplit

from banyan.config.settings import load

BANYAN = load()
HOME = BANYAN.places

_secret = HOME.keys / "pages.secret"


def _host(url: str) -> str:
    """The host of an address as the Host header shows it: an IPv6 one in brackets."""
    name = urlsplit(url).hostname or ""
    return f"[{name}]" if ":" in name else name


# Without an installation (checks, translations) a passing secret serves; sessions need the lasting one `banyan init` makes.
SECRET_KEY = _secret.read_text().strip() if _secret.exists() else secrets.token_urlsafe(48)
DEBUG = False
ALLOWED_HOSTS = ["*"] if BANYAN.state == "sample" else [_host(BANYAN.url)]

INSTALLED_APPS = [
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "banyan.domain.audit",
    "banyan.domain.outbox",
    "banyan.domain.iam",
    "banyan.domain.rulebook",
    "banyan.domain.parties",
    "banyan.domain.systems",
    "banyan.domain.inventory",
    "banyan.domain.ca",
    "banyan.domain.kmc",
    "banyan.domain.lifecycle",
    "banyan.domain.ra",
    "banyan.domain.sheets",
    "banyan.domain.desk",
    "banyan.domain.content",
    "banyan.domain.papers",
    "banyan.web",
]
DATABASES = {"default": BANYAN.database_options()}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

MIDDLEWARE = [
    "banyan.web.middleware.SmallBodies",
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "csp.middleware.CSPMiddleware",
    "banyan.web.middleware.ChosenLanguage",
    "banyan.web.middleware.PlainText",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "banyan.web.middleware.ErrorPages",
    "banyan.web.middleware.StaffSession",
]
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.template.context_processors.i18n",
                "django.contrib.messages.context_processors.messages",
                "banyan.web.frame.frame",
            ]
        },
    }
]
# What was done is told once, on the next page; the signed cookie holds words and request numbers only.
MESSAGE_STORAGE = "django.contrib.messages.storage.cookie.CookieStorage"
FORM_RENDERER = "django.forms.renderers.DjangoTemplates"

_is_tls = BANYAN.tls_certificate is not None
CSRF_COOKIE_SECURE = LANGUAGE_COOKIE_SECURE = SESSION_COOKIE_SECURE = _is_tls
CSRF_COOKIE_HTTPONLY = LANGUAGE_COOKIE_HTTPONLY = True
CSRF_COOKIE_SAMESITE = LANGUAGE_COOKIE_SAMESITE = SESSION_COOKIE_SAMESITE = "Strict"
CSRF_FAILURE_VIEW = "banyan.web.errors.stale_form"
SECURE_HSTS_SECONDS = 31_536_000 if _is_tls else 0
SECURE_REFERRER_POLICY = "same-origin"
X_FRAME_OPTIONS = "DENY"
CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": ["'none'"],
        "script-src": ["'self'"],
        "style-src": ["'self'"],
        "img-src": ["'self'", "data:"],
        "font-src": ["'self'"],
        "connect-src": ["'self'"],
        "form-action": ["'self'"],
        "base-uri": ["'none'"],
        "frame-ancestors": ["'none'"],
    }
}

LANGUAGE_CODE = BANYAN.language
LANGUAGES = [("zh-hans", "中文"), ("en", "English")]
LOCALE_PATHS = [Path(__file__).parents[1] / "locale"]
USE_I18N = True
USE_TZ = True
TIME_ZONE = "Asia/Shanghai"

ROOT_URLCONF = "banyan.web.urls"
WSGI_APPLICATION = "banyan.web.wsgi.application"
STATIC_URL = "/static/"
# The files lie where set-up put them and are served from there; nothing is collected anywhere else.
WHITENOISE_USE_FINDERS = True
WHITENOISE_AUTOREFRESH = False
SILENCED_SYSTEM_CHECKS: list[str] = []

LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "filters": {"masked": {"()": "banyan.kernel.masking.MaskedWords"}},
    "formatters": {"line": {"format": "{asctime} {levelname} {name} {message}", "style": "{"}},
    "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "line", "filters": ["masked"]}},
    "root": {"handlers": ["stderr"], "level": "WARNING"},
}
