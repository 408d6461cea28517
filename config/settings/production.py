"""A real installation. Refuses to start on what is only fit for development."""

from django.core.exceptions import ImproperlyConfigured

from config.env import env_bool, env_list, env_str
from config.keys import DEVELOPMENT_PREFIX
from config.logs import logging_config
from config.settings.base import *  # noqa: F403 - a settings module is its base plus changes
from config.settings.base import DATABASE_URL, LOG_LEVEL, SECRETS_KEYS, SIMPLE_JWT


def _fit(value: str) -> bool:
    return len(value) >= 40 and not value.startswith(DEVELOPMENT_PREFIX)


def _secret(name: str) -> str:
    value = env_str(name, "")
    if not _fit(value):
        raise ImproperlyConfigured(
            f"{name} must be set to a secret of at least 40 characters that is not a development "
            "key. Make one with: python -c 'import secrets; print(secrets.token_urlsafe(48))'"
        )
    return value


SECRET_KEY = _secret("SECRET_KEY")
JWT_SIGNING_KEY = _secret("JWT_SIGNING_KEY")
SIMPLE_JWT = {**SIMPLE_JWT, "SIGNING_KEY": JWT_SIGNING_KEY}
if not SECRETS_KEYS or not all(_fit(key) for key in SECRETS_KEYS):
    raise ImproperlyConfigured(
        "SECRETS_KEYS must list one or more secrets of at least 40 characters, separated by "
        "commas, none of them a development key: they seal what tenants store, such as the keys "
        "of their model providers."
    )

if not DATABASE_URL:
    raise ImproperlyConfigured(
        "DATABASE_URL must be set: the embedded database is for one machine."
    )
if env_bool("DEBUG", False):
    raise ImproperlyConfigured("DEBUG must not be on in production.")
ALLOWED_HOSTS = env_list("ALLOWED_HOSTS", [])
if not ALLOWED_HOSTS or "*" in ALLOWED_HOSTS:
    raise ImproperlyConfigured("ALLOWED_HOSTS must name the hosts served, such as .example.com")

DEBUG = False
LOG_FORMAT = env_str("LOG_FORMAT", "json")
LOGGING = logging_config(LOG_FORMAT, LOG_LEVEL)
RUN_LOG = env_bool("RUN_LOG", True)
SECURE_SSL_REDIRECT = env_bool("SECURE_SSL_REDIRECT", True)
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
SECURE_HSTS_SECONDS = 31_536_000
SECURE_HSTS_INCLUDE_SUBDOMAINS = True
SECURE_HSTS_PRELOAD = True
SESSION_COOKIE_SECURE = True
CSRF_COOKIE_SECURE = True
# Turns on the system check that refuses to serve while demo members exist.
REFUSE_DEMO_MEMBERS = True
