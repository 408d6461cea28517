"""Give a tenant the showcase components, or some of them."""

from __future__ import annotations

from typing import Any

from django.core.management.base import CommandError, CommandParser

from agents.catalog.files import slugs
from agents.catalog.install import install_each
from config.errors import Problem
from tenants.commands import TenantCommand
from tenants.context import TenantRef


class Command(TenantCommand):
    help = (
        "Installs the catalogue's agents, teams and workflows with what they are made of, "
        "published and with their grants. Repeating is safe: a component that the tenant has "
        "edited is left alone and named."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        super().add_arguments(parser)
        parser.add_argument("slugs", nargs="*", help="only these components; all when left out")

    def handle_tenant(self, ref: TenantRef, **options: Any) -> None:
        if ref.kind != "tenant":
            raise CommandError("The platform runs no agents: name a tenant.")
        failed = 0
        try:
            for slug, done in install_each(options["slugs"] or slugs()):
                if isinstance(done, Problem):
                    failed += 1
                    self.stderr.write(f"{slug}: {done.detail}")
                else:
                    self.stdout.write(str(done))
        except (LookupError, ValueError) as error:
            raise CommandError(str(error.args[0])) from None
        if failed:
            raise CommandError(f"{failed} could not be installed in {ref.schema}.")
