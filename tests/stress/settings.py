"""Settings of the stressed servers: the tests', without the check that would hide a leak."""

import os

from config.embedded_settings import SUPERUSER
from config.settings.test import *  # noqa: F403 - a settings module is its base plus changes

TENANCY_VERIFY = False  # it would turn a wrong read into an error

if os.environ.get("STRESS_VARIANT") == "stock":
    # As django-tenants is usually installed: its own backend, one strong login, no roles.
    DATABASES["default"] |= {  # noqa: F405
        "ENGINE": "django_tenants.postgresql_backend",
        "USER": SUPERUSER,
    }
