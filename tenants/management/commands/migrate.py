"""Bring the shared schema and every tenant's up to date."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db.migrations.autodetector import MigrationAutodetector

from tenants.context import use_shared
from tenants.jobs import ensure_schedules
from tenants.provisioning import (
    PLATFORM_SCHEMA,
    declare_tenant,
    migrate_shared,
    set_up_tenant,
    shared_is_current,
    stale_tenants,
)
from tenants.roles import ensure_shared_grants, seal_open_schemas


class Command(BaseCommand):
    # A system check wants makemigrations and migrate to agree on it.
    autodetector = MigrationAutodetector
    help = "Migrates the shared schema, then each tenant's schema that is behind."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--check", action="store_true", help="Change nothing; exit 1 when something is behind."
        )
        parser.add_argument("--platform-host", default="platform.localhost")

    def handle(self, *args: Any, **options: Any) -> None:
        verbosity = int(options["verbosity"])
        behind = not shared_is_current()
        if options["check"]:
            if behind or stale_tenants():
                raise CommandError("migrations are behind: run manage.py migrate")
            return
        if behind:
            self._say(verbosity, "shared schema")
            migrate_shared(verbosity=max(verbosity - 1, 0))
        else:
            ensure_shared_grants()
        self._ensure_platform(options["platform_host"])
        ensure_schedules()
        failed = []
        for tenant in stale_tenants():
            self._say(verbosity, f"tenant {tenant.schema_name}")
            try:
                set_up_tenant(tenant.schema_name)
            except Exception as error:
                failed.append(f"{tenant.schema_name}: {error}")
        seal_open_schemas()
        if failed:
            raise CommandError("could not migrate " + "; ".join(failed))

    def _ensure_platform(self, host: str) -> None:
        from tenants.models import Tenant

        with use_shared():
            if not Tenant.objects.filter(schema_name=PLATFORM_SCHEMA).exists():
                declare_tenant(PLATFORM_SCHEMA, "Platform", [host], kind=Tenant.Kind.PLATFORM)

    def _say(self, verbosity: int, what: str) -> None:
        if verbosity:
            self.stdout.write(f"migrating {what}")
