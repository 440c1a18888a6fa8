"""Settings: all from the environment, with defaults for one machine; docs/reference/settings.md explains each."""

import os
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

from personalization.servers import embedded_settings

BASE_DIR = Path(__file__).resolve().parent.parent


def _flag(name: str, default: bool) -> bool:
    return os.environ.get(name, str(default)).strip().lower() in ("1", "true", "yes", "on")


def _list(name: str, default: str) -> list[str]:
    return [item.strip() for item in os.environ.get(name, default).split(",") if item.strip()]


def _number(name: str, default: int) -> int:
    return int(os.environ.get(name, default))


# Servers named here are used; without a name the embedded ones under PZ_DATA are (see personalization/servers.py).
PZ_DATA = Path(os.environ.get("PZ_DATA", BASE_DIR / ".data")).resolve()
_EMBEDDED = embedded_settings(PZ_DATA)
DATABASE_URL = os.environ.get("DATABASE_URL") or _EMBEDDED.get("DATABASE_URL", "postgres://app@127.0.0.1:5432/app")
REDIS_URL = os.environ.get("REDIS_URL") or _EMBEDDED.get("REDIS_URL", "redis://127.0.0.1:6379/0")
PZ_EMBEDDED = not (os.environ.get("DATABASE_URL") and os.environ.get("REDIS_URL"))

SECRET_KEY = os.environ.get("SECRET_KEY") or _EMBEDDED.get("SECRET_KEY", "")
DEBUG = _flag("DEBUG", False)
ALLOWED_HOSTS = _list("ALLOWED_HOSTS", "localhost,127.0.0.1,[::1]")
CSRF_TRUSTED_ORIGINS = _list("CSRF_TRUSTED_ORIGINS", "")

# The engine.
PZ_PARTITIONS = _number("PZ_PARTITIONS", 8)
PZ_LOG_MAX_LENGTH = _number("PZ_LOG_MAX_LENGTH", 100_000)
PZ_DEDUP_HOURS = _number("PZ_DEDUP_HOURS", 24)
PZ_RETENTION_DAYS = _number("PZ_RETENTION_DAYS", 180)
PZ_HISTORY_LIMIT = _number("PZ_HISTORY_LIMIT", 500)
PZ_MAX_EVENT_BYTES = _number("PZ_MAX_EVENT_BYTES", 32_768)
PZ_MAX_BATCH_BYTES = _number("PZ_MAX_BATCH_BYTES", 512_000)
PZ_MAX_SOCKETS = _number("PZ_MAX_SOCKETS", 10_000)
PZ_DECIDE_DEADLINE_MS = _number("PZ_DECIDE_DEADLINE_MS", 150)
PZ_STORE_TIMEOUT = float(os.environ.get("PZ_STORE_TIMEOUT", 1.0))
PZ_TIME_ZONE = os.environ.get("PZ_TIME_ZONE", "UTC")

INSTALLED_APPS = [
    "personalization",
    "profiles",
    "segments",
    "rules",
    "ingestion",
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "rest_framework",
    "drf_spectacular",
]
MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
]
ROOT_URLCONF = "personalization.urls"
ASGI_APPLICATION = "personalization.asgi.application"
TEMPLATES: list[dict[str, Any]] = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ]
        },
    }
]


def _database(url: str) -> dict[str, Any]:
    parts = urlsplit(url)
    return {
        "ENGINE": "django.db.backends.postgresql",
        "NAME": unquote(parts.path.lstrip("/")),
        "USER": unquote(parts.username or ""),
        "PASSWORD": unquote(parts.password or ""),
        "HOST": parts.hostname or "",
        "PORT": str(parts.port or ""),
        "CONN_HEALTH_CHECKS": True,
        # Requests run in threads of their own, so connections are kept by a pool and not by threads.
        "OPTIONS": {"connect_timeout": 5, "pool": {"min_size": 0, "max_size": 10, "timeout": 5}},
    }


DATABASES = {"default": _database(DATABASE_URL)}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
CACHES = {
    "default": {
        "BACKEND": "django_redis.cache.RedisCache",
        "LOCATION": REDIS_URL,
        "KEY_PREFIX": "pz:cache",
        "OPTIONS": {"SOCKET_CONNECT_TIMEOUT": PZ_STORE_TIMEOUT, "SOCKET_TIMEOUT": PZ_STORE_TIMEOUT},
    }
}

# Celery: tasks are idempotent and carry pointers; a lost worker's tasks come back after the visibility timeout.
CELERY_BROKER_URL = REDIS_URL
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
CELERY_TASK_ACKS_LATE = True
CELERY_TASK_REJECT_ON_WORKER_LOST = True
CELERY_WORKER_PREFETCH_MULTIPLIER = 1
CELERY_TASK_IGNORE_RESULT = True
CELERY_TASK_DEFAULT_QUEUE = "pz:celery"
CELERY_BROKER_TRANSPORT_OPTIONS = {
    "visibility_timeout": 6 * 3_600,  # above the longest task
    "unacked_restore_interval": 2,
    "unacked_restore_throttle": 1,
    "global_keyprefix": "pz:",
}

REST_FRAMEWORK = {
    "DEFAULT_SCHEMA_CLASS": "drf_spectacular.openapi.AutoSchema",
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    "DEFAULT_PARSER_CLASSES": ["rest_framework.parsers.JSONParser"],
}
SPECTACULAR_SETTINGS = {
    "TITLE": "Personalization API",
    "VERSION": "1",
    "SERVE_INCLUDE_SCHEMA": False,
    "POSTPROCESSING_HOOKS": ["personalization.openapi.add_hot_doors"],
}

LANGUAGE_CODE = "en-gb"
TIME_ZONE = "UTC"
USE_TZ = True
STATIC_URL = "/static/"
STATICFILES_DIRS = [BASE_DIR / "static"]
WHITENOISE_USE_FINDERS = True  # served from where they are: no collected copy can be old
WHITENOISE_AUTOREFRESH = DEBUG
LOGIN_URL = "/admin/login/"

SESSION_COOKIE_HTTPONLY = True
SESSION_COOKIE_SAMESITE = "Lax"
CSRF_COOKIE_SAMESITE = "Lax"
SECURE_CONTENT_TYPE_NOSNIFF = True
SECURE_REFERRER_POLICY = "same-origin"
X_FRAME_OPTIONS = "DENY"
PZ_HTTPS = _flag("PZ_HTTPS", False)
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = SECURE_SSL_REDIRECT = PZ_HTTPS
SECURE_HSTS_SECONDS = 31_536_000 if PZ_HTTPS else 0
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https") if PZ_HTTPS else None

LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"line": {"format": "%(levelname)s %(name)s: %(message)s"}},
    "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "line"}},
    "loggers": {"psycopg.pool": {"level": "ERROR"}},  # it warns of each try; the time-out that follows says enough
    "root": {"handlers": ["stderr"], "level": os.environ.get("LOG_LEVEL", "WARNING")},
}
