"""Settings: all from the environment, with defaults for one machine; docs/reference/settings.md explains each."""

from datetime import timedelta
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

from personalization.environment import (
    LOG_FORMATS,
    MOST_PARTITIONS,
    POSTGRES_SCHEMES,
    REDIS_SCHEMES,
    ROLES,
    read_choice,
    read_day,
    read_flag,
    read_level,
    read_list,
    read_networks,
    read_number,
    read_page,
    read_ports,
    read_seconds,
    read_some,
    read_text,
    read_url,
    read_zone,
)
from personalization.servers import embedded_settings

BASE_DIR = Path(__file__).resolve().parent.parent

# Servers named here are used; without a name the embedded ones under PZ_DATA are (see personalization/servers.py).
PZ_DATA = Path(read_text("PZ_DATA", str(BASE_DIR / ".data"))).resolve()
_EMBEDDED = embedded_settings(PZ_DATA)
DATABASE_URL = read_url("DATABASE_URL", POSTGRES_SCHEMES, "database")
REDIS_URL = read_url("REDIS_URL", REDIS_SCHEMES, "0")
DATABASE_URL = DATABASE_URL or _EMBEDDED.get("DATABASE_URL", "postgres://app@127.0.0.1:5432/app")
REDIS_URL = REDIS_URL or _EMBEDDED.get("REDIS_URL", "redis://127.0.0.1:6379/0")

SECRET_KEY = read_text("SECRET_KEY", _EMBEDDED.get("SECRET_KEY", ""))
SECRET_KEY_FALLBACKS = read_list("SECRET_KEY_FALLBACKS", "")
DEBUG = read_flag("DEBUG", False)
ALLOWED_HOSTS = read_list("ALLOWED_HOSTS", "localhost,127.0.0.1,[::1]")
CSRF_TRUSTED_ORIGINS = read_list("CSRF_TRUSTED_ORIGINS", "")

# The engine.
PZ_PARTITIONS = read_number("PZ_PARTITIONS", 8, most=MOST_PARTITIONS)
PZ_LOG_MAX_LENGTH = read_number("PZ_LOG_MAX_LENGTH", 100_000, least=1_000)  # above what trimming leaves
PZ_DEDUP_HOURS = read_number("PZ_DEDUP_HOURS", 24, least=24)  # the snippet sends again for 23
PZ_RETENTION_DAYS = read_number("PZ_RETENTION_DAYS", 180)
PZ_SEGMENT_CHANGES_DAYS = read_number("PZ_SEGMENT_CHANGES_DAYS", PZ_RETENTION_DAYS)
PZ_RECONCILE_PACE = read_number("PZ_RECONCILE_PACE", 2_000)
PZ_DRIFT_ALERT = read_number("PZ_DRIFT_ALERT", 10, least=0, most=10_000)
PZ_ARCHIVE_SINCE = read_day("PZ_ARCHIVE_SINCE", "")
PZ_ARCHIVE_MONTHS = read_number("PZ_ARCHIVE_MONTHS", 0, least=0)  # 0: for ever
PZ_IDLE_DAYS = read_number("PZ_IDLE_DAYS", 0, least=0)  # 0: for ever
PZ_AUDIT_DAYS = read_number("PZ_AUDIT_DAYS", 0, least=0)  # 0: for ever
PZ_DECISIONS_DAYS = read_number("PZ_DECISIONS_DAYS", 400)
PZ_HISTORY_LIMIT = read_number("PZ_HISTORY_LIMIT", 500)
PZ_MAX_EVENT_BYTES = read_number("PZ_MAX_EVENT_BYTES", 32_768)
PZ_MAX_BATCH_BYTES = read_number("PZ_MAX_BATCH_BYTES", 512_000, most=1_000_000)  # as uvicorn is told
PZ_MAX_LIST_BYTES = read_number("PZ_MAX_LIST_BYTES", 200_000_000, least=1_000_000)
PZ_MAX_IMAGE_BYTES = read_number("PZ_MAX_IMAGE_BYTES", 5_000_000, least=1_000)
PZ_MAX_IMAGE_PIXELS = read_number("PZ_MAX_IMAGE_PIXELS", 25_000_000, least=1_000)
PZ_MAX_IMAGES = read_number("PZ_MAX_IMAGES", 1_000)
PZ_MAX_SOCKETS = read_number("PZ_MAX_SOCKETS", 10_000)
PZ_DECIDE_DEADLINE_MS = read_number("PZ_DECIDE_DEADLINE_MS", 150)
PZ_GRAPHQL_INTROSPECTION = read_flag("PZ_GRAPHQL_INTROSPECTION", DEBUG)
PZ_GRAPHQL_MAX_COST = read_number("PZ_GRAPHQL_MAX_COST", 20_000)
PZ_VISITOR_CALLS = read_number("PZ_VISITOR_CALLS", 1_200, least=0)  # in a minute; 0: as many as one likes
PZ_KEY_CALLS = read_number("PZ_KEY_CALLS", 60_000, least=0)
PZ_TOKEN_CALLS = read_number("PZ_TOKEN_CALLS", 30, least=0)
PZ_OUTGOING_PORTS = read_ports("PZ_OUTGOING_PORTS", "80,443")
PZ_OUTGOING_NETWORKS = read_networks("PZ_OUTGOING_NETWORKS", "")
PZ_LOG_LAG_S = read_number("PZ_LOG_LAG_S", 60)
PZ_ARCHIVE_LAG_S = read_number("PZ_ARCHIVE_LAG_S", 360)
PZ_METRICS_TOKEN = read_text("PZ_METRICS_TOKEN", "")
PZ_METRICS = PZ_DATA / "metrics"  # what the processes of this machine count
PZ_STORE_TIMEOUT = read_seconds("PZ_STORE_TIMEOUT", 1.0, most=60)
PZ_DEVICE_TRAITS = read_list("PZ_DEVICE_TRAITS", "")
PZ_DEVICE_EVENTS = read_list("PZ_DEVICE_EVENTS", "")
PZ_DEVICE_PROPERTIES = read_list("PZ_DEVICE_PROPERTIES", "")
PZ_MAIL_URL = read_page("PZ_MAIL_URL", "")
PZ_CONSENT_PURPOSES = read_list("PZ_CONSENT_PURPOSES", "marketing,email,analytics")
PZ_TRACKING_PURPOSES = read_list("PZ_TRACKING_PURPOSES", "tracking,analytics")
PZ_CACHE_SEGMENTS = read_list("PZ_CACHE_SEGMENTS", "")
PZ_TIME_ZONE = read_zone("PZ_TIME_ZONE", "UTC")

INSTALLED_APPS = [
    "studio",
    "personalization",
    "profiles",
    "segments",
    "rules",
    "ingestion",
    "django.contrib.admin.apps.SimpleAdminConfig",  # urls.py finds the pages: a process without any goes without them
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.messages",
    "django.contrib.humanize",
    "django.contrib.staticfiles",
    "django.forms",
    "axes",
    "csp",
    "django_otp",
    "django_otp.plugins.otp_totp",
    "django_otp.plugins.otp_static",
    "rest_framework",
    "drf_spectacular",
    "graphene_django",
    "oauth2_provider",
]
MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "csp.middleware.CSPMiddleware",
    "studio.sessions.Sessions",
    "studio.language.speak",
    "personalization.clocks.set_clocks",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django_otp.middleware.OTPMiddleware",
    "studio.account.second_factor.RequireSecondFactor",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "personalization.access.tell_limits",
    "axes.middleware.AxesMiddleware",
    "personalization.refused.note_refusals",
]
ROOT_URLCONF = "personalization.urls"
ASGI_APPLICATION = "personalization.asgi.application"
STUDIO_SOCKET = "studio.live.socket.StudioSocket"  # by name, as the web process knows nothing of the Studio
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
                "studio.pages.frame",
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
        "OPTIONS": {
            "connect_timeout": 5,
            **dict(parse_qsl(parts.query)),
            "pool": {"min_size": 0, "max_size": 10, "timeout": 5},
        },
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
CELERY_TIMEZONE = PZ_TIME_ZONE  # until beat has read what the organisation chose
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
    "DEFAULT_AUTHENTICATION_CLASSES": ["personalization.access.CallerAuthentication"],
    "DEFAULT_PERMISSION_CLASSES": ["personalization.access.DoorPermission"],
    "DEFAULT_THROTTLE_CLASSES": ["personalization.access.CallerThrottle"],
    "DEFAULT_METADATA_CLASS": None,
    "EXCEPTION_HANDLER": "personalization.rest.errors.answer_problem",
}
OAUTH2_PROVIDER_APPLICATION_MODEL = "oauth2_provider.Application"
OAUTH2_PROVIDER = {
    "OAUTH2_SERVER_CLASS": "oauthlib.oauth2.BackendApplicationServer",  # client credentials, and no other grant
    "OAUTH2_VALIDATOR_CLASS": "personalization.oauth.Validator",
    "SCOPES_BACKEND_CLASS": "personalization.oauth.Scopes",
    "ACCESS_TOKEN_GENERATOR": "personalization.oauth.make_token",
    "ACCESS_TOKEN_EXPIRE_SECONDS": 3_600,
    "ALLOWED_REDIRECT_URI_SCHEMES": ["https"],
    "REFRESH_TOKEN_REUSE_PROTECTION": True,
    "COMPLIANT_BCP_RFC9700_IMPLICIT_GRANT": True,
    "COMPLIANT_BCP_RFC9700_PASSWORD_GRANT": True,
    "COMPLIANT_BCP_RFC9700_PKCE_METHOD": True,
    "COMPLIANT_BCP_RFC9700_ACCESS_TOKEN_TRANSPORT": True,
    "COMPLIANT_BCP_RFC9700_AUTHZ_RESPONSE_ISS": True,
    "COMPLIANT_BCP_RFC9700_TOKEN_STORAGE": True,  # tokens are kept as their SHA-256
}
SPECTACULAR_SETTINGS = {
    "TITLE": "Personalization API",
    "VERSION": "1",
    "SERVE_INCLUDE_SCHEMA": False,
    "POSTPROCESSING_HOOKS": ["personalization.openapi.add_hot_doors"],
}

LANGUAGE_CODE = "en-gb"
LANGUAGES = [("en", "English"), ("de", "Deutsch")]  # of the Studio; programs and operators are answered in English
LOCALE_PATHS = [BASE_DIR / "studio" / "locale"]
TIME_ZONE = PZ_TIME_ZONE  # of what people read, but for pages (personalization/clocks.py); what is stored is UTC
USE_TZ = True
STATIC_URL = "/static/"
STATICFILES_DIRS = [BASE_DIR / "static"]
STATIC_ROOT = PZ_DATA / "static"  # where `prepare` collects them, with a compressed copy of each beside it
MEDIA_URL = "/media/"
MEDIA_ROOT = PZ_DATA / "media"  # images of blocks, named by what is in them
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {"BACKEND": "servestatic.storage.CompressedStaticFilesStorage"},
}
LOGIN_URL = "/studio/sign-in/"

AUTHENTICATION_BACKENDS = ["axes.backends.AxesStandaloneBackend", "django.contrib.auth.backends.ModelBackend"]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator"},
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator", "OPTIONS": {"min_length": 10}},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
]
AXES_FAILURE_LIMIT = 5
AXES_COOLOFF_TIME = timedelta(minutes=15)
AXES_LOCKOUT_PARAMETERS = [["username", "ip_address"]]  # nobody can lock out somebody else
AXES_LOCKOUT_CALLABLE = "studio.account.sign_in.answer_locked"
AXES_RESET_ON_SUCCESS = True
AXES_RESET_COOL_OFF_ON_FAILURE_DURING_LOCKOUT = False
AXES_DISABLE_ACCESS_LOG = True  # the audit trail tells of it
AXES_VERBOSE = False
AXES_SENSITIVE_PARAMETERS = ["username", "ip_address", "next"]  # where somebody wanted to go may name a person
AXES_IPWARE_META_PRECEDENCE_ORDER = ["REMOTE_ADDR"]  # the web server has looked at what a proxy says
OTP_TOTP_ISSUER = "Personalization"
OTP_ADMIN_HIDE_SENSITIVE_DATA = True  # nobody looks at the second step of somebody else
PZ_REQUIRE_SECOND_FACTOR = read_some("PZ_REQUIRE_SECOND_FACTOR", "", ROLES)
SESSION_ENGINE = "studio.sessions"
SESSION_COOKIE_AGE = 3_600 * read_number("PZ_SESSION_HOURS", 336, most=8_760)
PZ_SESSION_IDLE_MINUTES = read_number("PZ_SESSION_IDLE_MINUTES", 720, least=5, most=525_600)
SESSION_COOKIE_HTTPONLY = True
SESSION_COOKIE_SAMESITE = "Lax"
CSRF_COOKIE_SAMESITE = "Lax"
SECURE_CONTENT_TYPE_NOSNIFF = True
SECURE_REFERRER_POLICY = "same-origin"
X_FRAME_OPTIONS = "DENY"
CONTENT_SECURITY_POLICY = {
    "EXCLUDE_URL_PREFIXES": ["/admin/", "/demo/", "/api/", "/oauth/"],
    "DIRECTIVES": {
        "default-src": ["'self'"],
        "img-src": ["'self'", "data:"],
        "object-src": ["'none'"],
        "base-uri": ["'none'"],
        "form-action": ["'self'"],
        "frame-ancestors": ["'none'"],
    },
}
PZ_HTTPS = read_flag("PZ_HTTPS", False)
PZ_HSTS_SUBDOMAINS = read_flag("PZ_HSTS_SUBDOMAINS", False)
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = LANGUAGE_COOKIE_SECURE = SECURE_SSL_REDIRECT = PZ_HTTPS
if PZ_HTTPS:  # browsers take a cookie of such a name from this host alone, and over HTTPS alone
    SESSION_COOKIE_NAME, CSRF_COOKIE_NAME = "__Host-sessionid", "__Host-csrftoken"
SECURE_HSTS_SECONDS = 31_536_000 if PZ_HTTPS else 0
SECURE_HSTS_INCLUDE_SUBDOMAINS = PZ_HSTS_SUBDOMAINS
# To be on the browsers' own list is the decision of whoever owns the whole domain, and no header's.
SILENCED_SYSTEM_CHECKS = ["security.W021"]
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https") if PZ_HTTPS else None

LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {
        "line": {"()": "personalization.logs.make_formatter", "form": read_choice("LOG_FORMAT", "auto", LOG_FORMATS)}
    },
    "filters": {"at_most": {"()": "personalization.refused.AtMost", "per_minute": 60}},
    "handlers": {"stderr": {"class": "personalization.logs.CountingHandler", "formatter": "line"}},
    "loggers": {
        "personalization.refused": {"filters": ["at_most"]},
        "psycopg.pool": {"level": "ERROR"},  # it warns of each try; the time-out that follows says enough
        "django.request": {"level": "ERROR"},  # an address that is not there is the visitor's mistake
        **{
            name: {"handlers": [], "propagate": True}
            for name in ("django", "uvicorn", "uvicorn.error", "uvicorn.access")
        },
    },
    "root": {"handlers": ["stderr"], "level": read_level("LOG_LEVEL", "WARNING")},
}
