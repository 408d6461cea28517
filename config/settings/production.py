"""A real installation. Refuses to start on what is only fit for development: `config.posture`."""

from types import SimpleNamespace

from config.env import env_bool, env_list, env_str
from config.logs import logging_config
from config.posture import faults, refuse
from config.settings.base import *  # noqa: F403 - a settings module is its base plus changes
from config.settings.base import LOG_LEVEL, SIMPLE_JWT

SECRET_KEY = env_str("SECRET_KEY", "")
JWT_SIGNING_KEY = env_str("JWT_SIGNING_KEY", "")
SIMPLE_JWT = {**SIMPLE_JWT, "SIGNING_KEY": JWT_SIGNING_KEY}
ALLOWED_HOSTS = env_list("ALLOWED_HOSTS", [])
DEBUG = env_bool("DEBUG", False)

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
# Turns on the system checks that hold the settings in force to `config.posture`, and refuse to
# serve while demo members can sign in.
PRODUCTION = True
REFUSE_DEMO_MEMBERS = True

refuse(faults(SimpleNamespace(**globals())))
