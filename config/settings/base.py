"""Settings shared by every way of running; what an operator may change is in the environment."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

from config import embedded
from config.database import database_from_url
from config.env import env_bool, env_float, env_int, env_list, env_path, env_str
from config.settings.accounts import *  # noqa: F403 - one subject of this table, in its own file
from config.settings.audit import *  # noqa: F403 - how it is sealed, how long it is kept
from config.settings.grants import *  # noqa: F403 - tools without a grant
from config.settings.limits import *  # noqa: F403 - of tenants and members
from config.settings.operations import *  # noqa: F403 - metrics, logs and overload
from config.settings.unfold import UNFOLD  # noqa: F401 - the admin's theme reads it
from config.settings.workflows import *  # noqa: F403 - how large one may be

BASE_DIR = Path(__file__).resolve().parent.parent.parent
DATA_DIR = env_path("DATA_DIR", BASE_DIR / ".data")

PRODUCT_NAME = "Concord"
DEBUG = False
SECRET_KEY = ""
JWT_SIGNING_KEY = ""
# What was signed with these counts as well: the key before, or the one to come.
SECRET_KEY_FALLBACKS = env_list("SECRET_KEY_FALLBACKS", [])
JWT_ACCEPTED_KEYS = env_list("JWT_ACCEPTED_KEYS", [])
SECRETS_KEYS = env_list("SECRETS_KEYS", [])  # the first seals tenants' secrets, all open
ALLOWED_HOSTS = env_list("ALLOWED_HOSTS", [])
CSRF_TRUSTED_ORIGINS = env_list("CSRF_TRUSTED_ORIGINS", [])
# Of the production settings: what they refuse, `config.posture` says.
PRODUCTION = False
REFUSE_DEMO_MEMBERS = False

# --- apps: a table lives in the shared schema or in every tenant's, never in both -----------------
SHARED_APPS = [
    "tenants",
    "django_tenants",
    "django.contrib.contenttypes",
    "django_q",
    "agents.tickets",
]
TENANT_APPS = [
    "tenants.accounts",
    "django.contrib.auth",
    "django.contrib.sessions",
    "django.contrib.admin",
    "agents",
    "approvals",
    "agents.providers",
    "agents.limits",
    "agents.workflows",
    "agents.desk",
    "agents.showcase",
]
INSTALLED_APPS = [
    "tenants",
    "tenants.accounts",
    "agents",
    "agents.tickets",
    "approvals",
    "agents.providers",
    "agents.limits",
    "agents.workflows",
    "agents.desk",
    "agents.showcase",
    "unfold",
    "unfold.contrib.filters",
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "django_tenants",
    "django_q",
    "channels",
    "ninja",
]
TENANT_MODEL = "tenants.Tenant"
TENANT_DOMAIN_MODEL = "tenants.Domain"
TENANT_SYNC_ROUTER = "tenants.db.router.TenantRouter"
DATABASE_ROUTERS = [TENANT_SYNC_ROUTER]
AUTH_USER_MODEL = "accounts.Member"
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

# --- database -------------------------------------------------------------------------------------
DATABASE_URL = env_str("DATABASE_URL", "")
_connection = (
    database_from_url(DATABASE_URL) if DATABASE_URL else embedded.django_database(DATA_DIR)
)
DATABASES = {
    "default": {
        **_connection,
        "ENGINE": "tenants.db",
        # Kept by the few long-lived threads of tenants.hop; bounded by their number.
        "CONN_MAX_AGE": 600,
        "CONN_HEALTH_CHECKS": True,
        "DISABLE_SERVER_SIDE_CURSORS": False,
    }
}
ORM_THREADS = env_int("ORM_THREADS", 8)
WEB_THREADS = env_int("WEB_THREADS", 8)
NATIVE_POOL_MIN = env_int("NATIVE_POOL_MIN", 1)
NATIVE_POOL_MAX = env_int("NATIVE_POOL_MAX", 16)
NATIVE_POOL_STATEMENTS = env_int("NATIVE_POOL_STATEMENTS", 32)  # prepared ones of a connection
NATIVE_POOL_TIMEOUT = env_float("NATIVE_POOL_TIMEOUT", 20.0)  # seconds to wait for a connection
# A backend that has visited hundreds of schemas holds hundreds of megabytes: let it go in time.
NATIVE_POOL_LIFETIME = env_float("NATIVE_POOL_LIFETIME", 1800.0)
TENANT_CACHE_SECONDS = env_float("TENANT_CACHE_SECONDS", 5.0)
PRINCIPAL_CACHE_SECONDS = env_float("PRINCIPAL_CACHE_SECONDS", 5.0)
# How often a silent connection for notices is tried; how long to trust memory while it is lost.
NOTICES_CHECK_SECONDS = env_float("NOTICES_CHECK_SECONDS", 5.0)
NOTICES_DOWN_CACHE_SECONDS = env_float("NOTICES_DOWN_CACHE_SECONDS", 1.0)
# A migration waits this long for a table in use, then lets others pass and tries again.
MIGRATE_LOCK_SECONDS = env_float("MIGRATE_LOCK_SECONDS", 5.0)
MIGRATE_LOCK_ATTEMPTS = env_int("MIGRATE_LOCK_ATTEMPTS", 10)
TENANCY_VERIFY = False

# --- web ------------------------------------------------------------------------------------------
ROOT_URLCONF = "config.urls"
PLATFORM_URLCONF = "config.urls_platform"
ASGI_APPLICATION = "config.asgi.application"
MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "config.security.SecurityHeadersMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "config.security.TenantUrlconfMiddleware",
    "tenants.accounts.places.DeviceMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "tenants.accounts.browser.SignedInMiddleware",
    "config.security.MemberTimeZoneMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
]
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "agents.web.context.product",
            ],
        },
    }
]
LANGUAGE_CODE = "en"
TIME_ZONE = "UTC"
USE_TZ = True
STATIC_URL = "/static/"
STATICFILES_DIRS = [BASE_DIR / "templates" / "static"]
STATIC_ROOT: Path | None = DATA_DIR / "static"
MEDIA_ROOT = DATA_DIR / "files"
STORAGES = {
    "default": {"BACKEND": "tenants.files.TenantStorage"},
    "staticfiles": {"BACKEND": "whitenoise.storage.CompressedManifestStaticFilesStorage"},
}
LOGIN_URL = "web:sign-in"
LOGIN_REDIRECT_URL = "web:home"
LOGOUT_REDIRECT_URL = "web:sign-in"
SESSION_COOKIE_HTTPONLY = True
SESSION_COOKIE_SAMESITE = "Lax"
CSRF_COOKIE_SAMESITE = "Lax"
X_FRAME_OPTIONS = "DENY"
# Django's own page has inline style, which the policy of the web app forbids.
CSRF_FAILURE_VIEW = "agents.web.errors.csrf_failure"
MESSAGE_STORAGE = "django.contrib.messages.storage.session.SessionStorage"

# --- api ------------------------------------------------------------------------------------------
API_MAX_BODY = env_int("API_MAX_BODY", 1_000_000)  # bytes of a JSON request
INPUT_MAX_CHARS = env_int("INPUT_MAX_CHARS", 100_000)  # characters of a run's input
PAGE_LIMIT_DEFAULT = 50
PAGE_LIMIT_MAX = 500
STREAM_HEARTBEAT_SECONDS = env_float("STREAM_HEARTBEAT_SECONDS", 15.0)
STREAM_FLUSH_SECONDS = env_float("STREAM_FLUSH_SECONDS", 0.02)  # pieces of text that come together
JWT_ACCESS_MINUTES = env_int("JWT_ACCESS_MINUTES", 30)
JWT_REFRESH_DAYS = env_int("JWT_REFRESH_DAYS", 14)
API_KEY_RATE = env_int("API_KEY_RATE", 600, least=1)  # requests per minute, unless the key says
API_KEYS_MAX = env_int("API_KEYS_MAX", 20, least=1)  # of one account that aren't revoked
SIMPLE_JWT = {
    "ACCESS_TOKEN_LIFETIME": timedelta(minutes=JWT_ACCESS_MINUTES),
    "REFRESH_TOKEN_LIFETIME": timedelta(days=JWT_REFRESH_DAYS),
    "ALGORITHM": "HS256",
    "USER_ID_CLAIM": "sub",
}
CHANNEL_LAYERS = {"default": {"BACKEND": "channels.layers.InMemoryChannelLayer"}}
CACHES = {
    "default": {
        "BACKEND": "django.core.cache.backends.locmem.LocMemCache",
        "KEY_FUNCTION": "tenants.keys.cache_key",
    },
    # What belongs to no tenant: the task cluster's own state.
    "shared": {
        "BACKEND": "django.core.cache.backends.locmem.LocMemCache",
        "LOCATION": "shared",
        "KEY_PREFIX": "shared",
    },
}

# --- between processes ----------------------------------------------------------------------------
REDIS_URL = env_str("REDIS_URL", "")  # unset: the database's LISTEN and NOTIFY

# --- runs -----------------------------------------------------------------------------------------
LEASE_SECONDS = env_float("LEASE_SECONDS", 15.0)
LEASE_RENEW_SECONDS = env_float("LEASE_RENEW_SECONDS", 5.0)
EXECUTOR_POLL_SECONDS = env_float("EXECUTOR_POLL_SECONDS", 2.0)
EXECUTOR_CAPACITY = env_int("EXECUTOR_CAPACITY", 1000, least=0)  # runs held at once by one process
EXECUTORS = env_int("EXECUTORS", 0, least=0)  # that manage.py up starts beside the web process
DRAIN_SECONDS = env_float("DRAIN_SECONDS", 20.0)  # for calls under way when told to stop
# Runs at the same time, 0: no limit. A tenant's own are in its row.
TENANT_CONCURRENT_RUNS = env_int("TENANT_CONCURRENT_RUNS", 0, least=0)
MEMBER_CONCURRENT_RUNS = env_int("MEMBER_CONCURRENT_RUNS", 0, least=0)
RUN_SECONDS_MAX = env_int("RUN_SECONDS_MAX", 3600)  # no agent's own limit may be above it
TEAM_DEPTH_MAX = env_int("TEAM_DEPTH_MAX", 4, least=1)  # child runs below one another
STEP_ATTEMPTS = env_int("STEP_ATTEMPTS", 3)  # of a model call that failed in a way worth repeating
RETRY_BASE_SECONDS = env_float("RETRY_BASE_SECONDS", 0.5)
RETRY_MAX_SECONDS = env_float("RETRY_MAX_SECONDS", 20.0)
TOOL_MAX_ARGUMENTS = env_int("TOOL_MAX_ARGUMENTS", 64_000)
NOTES_MAX = env_int("NOTES_MAX", 1000)
BUILD_CACHE_SECONDS = env_float("BUILD_CACHE_SECONDS", 86_400.0)
BUILD_CACHE_SIZE = env_int("BUILD_CACHE_SIZE", 500, least=1)  # built agents in one process
FOLLOW_POLL_SECONDS = env_float("FOLLOW_POLL_SECONDS", 5.0)
CONSOLE_SEARCH_LATEST = env_int("CONSOLE_SEARCH_LATEST", 5000)  # rows that words are searched in

# --- models ---------------------------------------------------------------------------------------
MODEL_BASE_URL = env_str("MODEL_BASE_URL", "")
MODEL_NAME = env_str("MODEL_NAME", "")
MODEL_API_KEY = env_str("MODEL_API_KEY", "")
TENANT_MODELS_ONLY = env_bool("TENANT_MODELS_ONLY", False)  # the installation has none for them
# A stream takes one: fewer than a process may hold runs, and some of them would wait for a model.
MODEL_CONNECTIONS = env_int("MODEL_CONNECTIONS", 2000, least=1)  # of one process to one address
DEMO_MODEL_FIRST_DELAY = env_float("DEMO_MODEL_FIRST_DELAY", 0.15)
DEMO_MODEL_DELAY = env_float("DEMO_MODEL_DELAY", 0.025)
# Where the providers that tenants configure may be: customers write these addresses.
PROVIDER_PRIVATE_NETWORKS = env_bool("PROVIDER_PRIVATE_NETWORKS", False)
PROVIDER_ALLOWED_HOSTS = env_list("PROVIDER_ALLOWED_HOSTS", [])
PROVIDER_CACHE_SECONDS = env_float("PROVIDER_CACHE_SECONDS", 60.0)
PROVIDER_QUEUE_SECONDS = env_float("PROVIDER_QUEUE_SECONDS", 10.0)  # for a provider's own limits
PROVIDER_BREAK_SECONDS = env_float("PROVIDER_BREAK_SECONDS", 15.0)

# --- the task cluster -----------------------------------------------------------------------------
Q_CLUSTER = {
    "name": "concord",
    "orm": "default",
    "cache": "shared",
    "workers": env_int("CLUSTER_WORKERS", 1),
    "recycle": 500,
    "timeout": 300,
    "retry": 360,
    "max_attempts": 5,
    "ack_failures": True,
    "poll": 0.5,
    "queue_limit": 50,
    "bulk": 1,
    "save_limit": 1000,
    "catch_up": False,
    "label": "Task queue",
}
# name -> (function, minutes between two runs)
PLATFORM_SCHEDULES = {
    "clean tokens": ("tenants.jobs.clean_tokens", 60),
    "sweep leases": ("agents.runtime.jobs.sweep_leases", 1),
    "fold usage": ("agents.limits.jobs.fold_usage", 60),
    "seal audit logs": ("approvals.audit.jobs.seal_left_over", 5),
    "prune audit logs": ("approvals.audit.jobs.prune_audit", 60 * 24),
}
