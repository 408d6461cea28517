"""Give a tenant the showcase components, or some of them."""

from __future__ import annotations

from typing import Any

from django.core.management.base import CommandError, CommandParser

from agents.catalog.files import slugs
from agents.catalog.install import install
from config.errors import Problem
from tenants.commands import TenantCommand
from tenants.context import TenantRef


class Command(TenantCommand):
    help = (
        "Installs the catalogue's components, published and with their grants. Repeating is safe: "
        "a component that the tenant has edited is left alone and named."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        super().add_arguments(parser)
        parser.add_argument("slugs", nargs="*", help="only these components; all when left out")

    def handle_tenant(self, ref: TenantRef, **options: Any) -> None:
        if ref.kind != "tenant":
            raise CommandError("The platform runs no agents: name a tenant.")
        failed = 0
        for slug in options["slugs"] or slugs():
            try:
                self.stdout.write(str(install(slug)))
            except LookupError as error:
                raise CommandError(str(error)) from None
            except Problem as problem:
                failed += 1
                self.stderr.write(f"{slug}: {problem.detail}")
        if failed:
            raise CommandError(f"{failed} could not be installed in {ref.schema}.")
