"""The test suite: its own database, every statement's schema checked against the server's word."""

import os
from pathlib import Path

_ROOT = Path(__file__).resolve().parent.parent.parent
# Before the base settings read them: tests never touch the data of `make run`, nor those of the
# other worker where there are two; the servers that a worker starts are led to its own.
_worker = os.environ.get("PYTEST_XDIST_WORKER", "")
_data = _ROOT / ".cache" / (f"test-{_worker}" if _worker else "test")
os.environ["DATA_DIR"] = os.environ.get("TEST_DATA_DIR", str(_data))
os.environ.pop("DATABASE_URL", None)
for _name in ("MODEL_BASE_URL", "MODEL_NAME", "MODEL_API_KEY"):
    os.environ.setdefault(f"TEST_{_name}", "")
    os.environ[_name] = os.environ[f"TEST_{_name}"]

from config.env import env_float  # noqa: E402
from config.settings.local import *  # noqa: E402, F403 - a settings module is its base plus changes

TENANCY_VERIFY = True
PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
# Nothing is remembered, but by the servers of tests about what is remembered.
TENANT_CACHE_SECONDS = env_float("TENANT_CACHE_SECONDS", 0.0)
PRINCIPAL_CACHE_SECONDS = env_float("PRINCIPAL_CACHE_SECONDS", 0.0)
PROVIDER_CACHE_SECONDS = env_float("PROVIDER_CACHE_SECONDS", 0.0)
LIMITS_CACHE_SECONDS = env_float("LIMITS_CACHE_SECONDS", 0.0)
# Servers seal, tests do it when they want to.
AUDIT_SEAL_SECONDS = env_float("AUDIT_SEAL_SECONDS", 0.0)

# A file for each mail, so that a test finds what the task cluster sent.
EMAIL_BACKEND = "django.core.mail.backends.filebased.EmailBackend"
EMAIL_FILE_PATH = str(DATA_DIR / "mail")
