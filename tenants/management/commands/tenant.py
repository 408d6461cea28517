"""Tenants from the command line: the same verbs as in the platform's console."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.core.exceptions import ValidationError
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db.models import Prefetch

from config.errors import Conflict
from tenants.context import use_shared
from tenants.lifecycle import delete_tenant, resume_tenant, suspend_tenant
from tenants.models import Domain, Tenant
from tenants.provisioning import create_tenant


class Command(BaseCommand):
    help = "Lists, creates, suspends, resumes and deletes tenants."

    def add_arguments(self, parser: CommandParser) -> None:
        verbs = parser.add_subparsers(dest="verb", required=True)
        verbs.add_parser("list", help="slug, state, hosts and name of each")
        create = verbs.add_parser("create", help="set one up; create_member makes its first owner")
        create.add_argument("slug")
        create.add_argument(
            "hosts", nargs="+", metavar="host", help="without a port; main one first"
        )
        create.add_argument("--name", default="", help="as its members see it; the slug by default")
        for verb, text in (
            ("suspend", "nobody gets in and no run goes on"),
            ("resume", "its waiting runs and jobs go on"),
        ):
            verbs.add_parser(verb, help=text).add_argument("slug")
        delete = verbs.add_parser("delete", help="a suspended one, with everything of it, for good")
        delete.add_argument("slug")
        delete.add_argument(
            "--yes", metavar="SLUG", help="the slug once more, instead of typing it"
        )

    def handle(self, *args: Any, verb: str, **options: Any) -> None:
        work: Callable[..., str] = getattr(self, f"_{verb}")
        try:
            with use_shared():
                self.stdout.write(work(**options))
        except Tenant.DoesNotExist:
            raise CommandError(f"no such tenant: {options['slug']}") from None
        except Conflict as error:
            raise CommandError(error.detail) from None
        except ValidationError as error:
            raise CommandError(" ".join(error.messages)) from None

    def _list(self, **_: Any) -> str:
        hosts = Prefetch("domains", Domain.objects.order_by("-is_primary", "domain"))
        rows = [
            (
                tenant.schema_name,
                tenant.state,
                ",".join(domain.domain for domain in tenant.domains.all()) or "-",
                f"{tenant}: {tenant.problem}" if tenant.problem else str(tenant),
            )
            for tenant in Tenant.objects.prefetch_related(hosts)
        ]
        widths = [max(len(row[column]) for row in rows) for column in range(3)]
        return "\n".join(
            "  ".join([*(text.ljust(w) for text, w in zip(row, widths, strict=False)), row[3]])
            for row in rows
        )

    def _create(self, slug: str, hosts: list[str], name: str, **_: Any) -> str:
        create_tenant(slug, name, hosts)
        return f"{slug} is active"

    def _suspend(self, slug: str, **_: Any) -> str:
        suspend_tenant(slug)
        return f"{slug} is suspended"

    def _resume(self, slug: str, **_: Any) -> str:
        resume_tenant(slug)
        return f"{slug} is active again"

    def _delete(self, slug: str, yes: str | None, **_: Any) -> str:
        Tenant.objects.get(schema_name=slug)
        typed = yes if yes is not None else input(f"Type {slug} to delete it for good: ").strip()
        if typed != slug:
            raise CommandError("That was not its slug: nothing is deleted.")
        delete_tenant(slug)
        return f"{slug} is deleted"
