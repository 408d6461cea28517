"""Bring the shared schema and every tenant's up to date."""

from __future__ import annotations

from typing import Any

from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db.migrations.autodetector import MigrationAutodetector

from tenants.context import use_shared
from tenants.jobs import ensure_schedules
from tenants.locks import schema_lock
from tenants.models import Tenant
from tenants.provisioning import PLATFORM_SCHEMA, declare_tenant, stale_tenants
from tenants.roles import ensure_shared_grants
from tenants.schema_migration import migrate_shared
from tenants.staleness import shared_is_current
from tenants.template import template_is_current


class Command(BaseCommand):
    # A system check wants makemigrations and migrate to agree on it.
    autodetector = MigrationAutodetector
    help = "Migrates the shared schema, then what `migrate_tenants` finds behind."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--check", action="store_true", help="Change nothing; exit 1 when something is behind."
        )
        parser.add_argument("--platform-host", default="platform.localhost")
        parser.add_argument("--jobs", type=int, default=0, help="tenants at a time")

    def handle(self, *args: Any, **options: Any) -> None:
        if options["check"]:
            if not shared_is_current() or not template_is_current() or stale_tenants():
                raise CommandError("migrations are behind: run manage.py migrate")
            return
        verbosity = int(options["verbosity"])
        with schema_lock("public"):  # of two processes the second finds it done
            if shared_is_current():
                ensure_shared_grants()
            else:
                self._say(verbosity, "shared schema")
                migrate_shared(verbosity=max(verbosity - 1, 0))
        self._ensure_platform(options["platform_host"])
        ensure_schedules()
        call_command(
            "migrate_tenants",
            jobs=options["jobs"],
            verbosity=verbosity,
            stdout=self.stdout,
            stderr=self.stderr,
        )

    def _ensure_platform(self, host: str) -> None:
        with use_shared():
            if not Tenant.objects.filter(schema_name=PLATFORM_SCHEMA).exists():
                declare_tenant(PLATFORM_SCHEMA, "Platform", [host], kind=str(Tenant.Kind.PLATFORM))

    def _say(self, verbosity: int, what: str) -> None:
        if verbosity:
            self.stdout.write(f"migrating {what}")
