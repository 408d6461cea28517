"""The door of management commands: one tenant, named on the command line, active for the work."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from tenants.context import TenantRef, use_tenant
from tenants.directory import ref_of


class TenantCommand(BaseCommand):
    """A command that works in the tenant given by `--schema`. Subclasses write `handle_tenant`."""

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--schema", required=True, help="the tenant's slug, or platform")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            ref = ref_of(options.pop("schema"))
        except LookupError as error:
            raise CommandError(str(error)) from None
        with use_tenant(ref):
            self.handle_tenant(ref, **options)

    def handle_tenant(self, ref: TenantRef, **options: Any) -> None:
        """The command's work, with `ref` active."""
        raise TypeError(f"{type(self).__name__} has no handle_tenant")
