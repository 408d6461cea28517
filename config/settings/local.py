"""One machine, for trying and developing: `make run`. Keys are made once and kept in DATA_DIR."""

from config.env import env_bool, env_int, env_list, env_str
from config.keys import local_key
from config.links import public_url
from config.settings.base import *  # noqa: F403 - a settings module is its base plus changes
from config.settings.base import DATA_DIR, EMAIL_HOST, SECRETS_KEYS, SIMPLE_JWT

SECRET_KEY = env_str("SECRET_KEY", "") or local_key(DATA_DIR, "secret")
JWT_SIGNING_KEY = env_str("JWT_SIGNING_KEY", "") or local_key(DATA_DIR, "jwt")
SIMPLE_JWT = {**SIMPLE_JWT, "SIGNING_KEY": JWT_SIGNING_KEY}
SECRETS_KEYS = SECRETS_KEYS or [local_key(DATA_DIR, "secrets")]
# An Ollama beside it is what one tries first.
PROVIDER_PRIVATE_NETWORKS = env_bool("PROVIDER_PRIVATE_NETWORKS", True)

ALLOWED_HOSTS = env_list("ALLOWED_HOSTS", ["localhost", "127.0.0.1", "[::1]", ".localhost"])
STORAGES = {
    "default": {"BACKEND": "tenants.files.TenantStorage"},
    "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"},
}
STATIC_ROOT = None
# Static files straight from the apps: no collectstatic between clone and first page.
WHITENOISE_USE_FINDERS = True
WHITENOISE_AUTOREFRESH = False

_port = env_int("PORT", 8000)
PUBLIC_URL = public_url(env_str("PUBLIC_URL", f"http://{{host}}:{_port}"))
if not EMAIL_HOST:
    # Mail is printed where the server says everything else.
    EMAIL_BACKEND = "django.core.mail.backends.console.EmailBackend"
    MAIL_IS_SENT = True
