"""Everything the database needs before the first request."""

from __future__ import annotations

from typing import Any

from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandParser


class Command(BaseCommand):
    help = "Migrates whatever is behind, and with --demo makes the demo's tenants. Idempotent."
    # The web process runs the checks before it serves; twice would only cost time.
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--demo", action="store_true", help="Make the demo's tenants as well.")

    def handle(self, *args: Any, **options: Any) -> None:
        call_command("migrate", verbosity=options["verbosity"], stdout=self.stdout)
        if options["demo"]:
            # Says only that it is there, which on every start but the first is no news.
            call_command("create_demo", verbosity=0, stdout=self.stdout)
