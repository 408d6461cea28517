"""The local settings with the tool of this benchmark."""

from config.settings.local import *  # noqa: F403
from config.settings.local import INSTALLED_APPS

INSTALLED_APPS = [*INSTALLED_APPS, "benchmarks.graphs.naps.NapsConfig"]
