"""Prove tenants' audit logs, and name what was tampered with."""

from __future__ import annotations

import re
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from approvals.audit.verify import Anchor, Report, verify
from tenants.context import TenantRef, use_tenant
from tenants.directory import ref_of
from tenants.models import every_tenant


class Command(BaseCommand):
    help = (
        "Seals what is pending and proves the chain of one tenant's audit log, or of all. Names "
        "what was changed, deleted, put in or moved; the exit code is 1 then."
    )
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: CommandParser) -> None:
        which = parser.add_mutually_exclusive_group(required=True)
        which.add_argument("--schema", help="the tenant's slug, or platform")
        which.add_argument("--all", action="store_true", help="every tenant, and the platform")
        parser.add_argument(
            "--contains",
            metavar="NUMBER:HASH",
            help="a head that was kept elsewhere: the chain must still contain it",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        anchor = _anchor(options["contains"])
        if anchor is not None and options["all"]:
            raise CommandError("--contains is about one tenant: name it with --schema")
        reports = [self._verify(ref, anchor) for ref in self._tenants(options["schema"])]
        bad = [report.schema for report in reports if not report.ok]
        if bad:
            raise CommandError(f"The audit log does not hold: {', '.join(bad)}", returncode=1)

    def _tenants(self, schema: str | None) -> list[TenantRef]:
        if schema is None:
            return every_tenant()
        try:
            return [ref_of(schema)]
        except LookupError as error:
            raise CommandError(str(error)) from None

    def _verify(self, ref: TenantRef, anchor: Anchor | None) -> Report:
        with use_tenant(ref):
            report = verify(anchor)
        pruned = f", {report.pruned_to} before them pruned" if report.pruned_to else ""
        if report.ok:
            self.stdout.write(f"{ref.schema}: holds: {report.entries} entries{pruned}")
            self.stdout.write(f"  head {report.last}:{report.head}")
        else:
            self.stdout.write(f"{ref.schema}: DOES NOT HOLD: {report.entries} proven{pruned}")
            for finding in report.findings:
                self.stdout.write(f"  {finding}")
            if report.more:
                self.stdout.write(f"  and {report.more} more")
        return report


def _anchor(text: str | None) -> Anchor | None:
    if text is None:
        return None
    if not re.fullmatch(r"\d+:[0-9a-f]{64}", text):
        raise CommandError("--contains wants NUMBER:HASH, as an earlier run printed its head")
    number, _, last = text.partition(":")
    return Anchor(int(number), last)
