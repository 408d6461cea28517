"""Bring the tenants that are behind up to date: found by one query, several at a time."""

from __future__ import annotations

import os
import time
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from tenants.context import use_shared
from tenants.models import Tenant
from tenants.provisioning import stale_tenants, unfinished
from tenants.roles import seal_open_schemas
from tenants.rollout import Outcome, roll_out
from tenants.schema_shape import differences, schema_shape
from tenants.staleness import missing_migrations, shared_is_current
from tenants.template import TEMPLATE_SCHEMA, ensure_template, template_is_current


class Command(BaseCommand):
    help = (
        "Migrates the tenants whose schema is behind, and the template that new ones are copied "
        "from. One that fails does not stop the others; the exit code is 1 then, and the command "
        "can be repeated, also after it was killed."
    )
    # The web process runs the checks; here they would only delay.
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("slugs", nargs="*", help="only these tenants; all when none is named")
        parser.add_argument(
            "--jobs", type=int, default=0, help="tenants at a time; as many as cores by default"
        )
        mode = parser.add_mutually_exclusive_group()
        mode.add_argument(
            "--check", action="store_true", help="change nothing; exit 1 when one is behind"
        )
        mode.add_argument(
            "--plan",
            "--dry-run",
            action="store_true",
            dest="plan",
            help="change nothing; list who is behind and by which migrations",
        )
        mode.add_argument(
            "--verify",
            action="store_true",
            help="change nothing; compare each tenant's tables with the template's",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        if not shared_is_current():
            raise CommandError("the shared schema is behind: run manage.py migrate")
        self._verbosity = int(options["verbosity"])
        slugs = set(options["slugs"])
        self._refuse_unknown(slugs)
        if options["verify"]:
            self._verify(slugs)
        elif options["plan"]:
            self._plan(slugs)
        elif options["check"]:
            stale = _chosen(slugs)
            if stale or not template_is_current():
                raise CommandError(f"{len(stale)} tenant(s) behind: run manage.py migrate_tenants")
        else:
            self._migrate(slugs, options["jobs"])

    def _refuse_unknown(self, slugs: set[str]) -> None:
        with use_shared():
            known = set(
                Tenant.objects.filter(schema_name__in=slugs).values_list("schema_name", flat=True)
            )
        if slugs - known:
            raise CommandError(f"no such tenant: {', '.join(sorted(slugs - known))}")

    # --- changing ---------------------------------------------------------------------------------

    def _migrate(self, slugs: set[str], jobs: int) -> None:
        if jobs < 0:
            raise CommandError("--jobs is a number of processes, 1 or more")
        ensure_template()
        began = time.monotonic()
        stale = [tenant.schema_name for tenant in _chosen(slugs)]
        found = time.monotonic() - began
        self._say(1 if stale else 2, f"{len(stale)} tenant(s) behind, found in {found:.2f} s")
        try:
            outcomes = roll_out(stale, jobs or _cores(), self._tell)
        finally:
            seal_open_schemas()  # of a crash before, or of old
        failed = [outcome for outcome in outcomes if outcome.result == "failed"]
        seconds = time.monotonic() - began
        self._say(
            1 if stale else 2,
            f"{len(outcomes) - len(failed)} up to date, {len(failed)} failed, {seconds:.1f} s",
        )
        if failed:
            raise CommandError(
                "could not migrate "
                + "; ".join(f"{outcome.schema}: {outcome.reason}" for outcome in failed)
            )

    def _tell(self, outcome: Outcome) -> None:
        if outcome.result == "busy":
            self._say(1, f"  {outcome.schema}: another process is at it; looked at again later")
        elif outcome.result == "failed":
            self.stderr.write(f"  {outcome.schema}: failed, {outcome.reason}")
        else:
            self._say(1, f"  {outcome.schema}: {outcome.result} in {outcome.seconds:.2f} s")

    # --- only looking -----------------------------------------------------------------------------

    def _plan(self, slugs: set[str]) -> None:
        stale = _chosen(slugs)
        names = [tenant.schema_name for tenant in stale]
        missing = missing_migrations([TEMPLATE_SCHEMA, *names])
        for schema in (TEMPLATE_SCHEMA, *names):
            if schema in missing:
                lacking = missing[schema]
                self.stdout.write(f"{schema}: {', '.join(lacking) if lacking else 'everything'}")
        for tenant in stale:
            if tenant.schema_name not in missing and unfinished(tenant):
                self.stdout.write(f"{tenant.schema_name}: its set-up is not finished")
        self.stdout.write(f"{len(stale)} tenant(s) behind")

    def _verify(self, slugs: set[str]) -> None:
        """Only tenants that are up to date can be compared."""
        wanted = schema_shape(ensure_template())
        behind = {tenant.schema_name for tenant in stale_tenants()}
        with use_shared():
            tenants = [t for t in Tenant.objects.all() if not slugs or t.schema_name in slugs]
        compared = wrong = 0
        for tenant in tenants:
            if tenant.schema_name in behind:
                self.stdout.write(f"{tenant.schema_name}: behind, not compared")
                continue
            compared += 1
            found = differences(wanted, schema_shape(tenant.ref))
            if tenant.kind == Tenant.Kind.PLATFORM:  # its schema is not sealed
                found = [difference for difference in found if not difference.startswith("schema ")]
            wrong += bool(found)
            for difference in found:
                self.stderr.write(f"{tenant.schema_name}: {difference}")
        if wrong:
            raise CommandError(f"{wrong} of {compared} tenant(s) differ from the template")
        self.stdout.write(f"{compared} tenant(s) are like the template")

    def _say(self, verbosity: int, text: str) -> None:
        if self._verbosity >= verbosity:
            self.stdout.write(text)
            self.stdout.flush()


def _chosen(slugs: set[str]) -> list[Tenant]:
    return [tenant for tenant in stale_tenants() if not slugs or tenant.schema_name in slugs]


def _cores() -> int:
    """As many as this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
