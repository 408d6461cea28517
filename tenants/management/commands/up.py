"""One command that serves: database, migrations, demo, web server and task cluster."""

from __future__ import annotations

import sys
from typing import Any

from django.core.management.base import BaseCommand

from config.serving import main


class Command(BaseCommand):
    help = "Serves everything under one parent process, until Ctrl-C or SIGTERM."
    # manage.py takes a short cut to the same function, without loading Django.
    requires_system_checks: list[str] = []

    def handle(self, *args: Any, **options: Any) -> None:
        sys.exit(main())
