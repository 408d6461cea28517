"""The demo: two tenants with members and the catalogue, and a login for the platform."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.contrib.auth.models import Group
from django.core.management.base import BaseCommand, CommandError

from agents.catalog.install import install_catalog
from tenants.accounts.demo import DEMO_PASSWORD
from tenants.accounts.models import Member
from tenants.accounts.scopes import ROLES
from tenants.context import TenantRef, use_shared, use_tenant
from tenants.models import Tenant
from tenants.provisioning import PLATFORM_SCHEMA, create_tenant, set_up_tenant

TENANTS = {
    "acme": ("Acme Industries", ["acme.localhost", "localhost", "127.0.0.1", "[::1]"]),
    "globex": ("Globex Corporation", ["globex.localhost"]),
}
MEMBERS = ("owner", "builder", "operator", "approver", "auditor", "member")


class Command(BaseCommand):
    help = "Creates the demo tenants acme and globex with members and agents. Repeating is safe."

    def handle(self, *args: Any, **options: Any) -> None:
        if settings.REFUSE_DEMO_MEMBERS:
            raise CommandError("The demo's passwords are public: it is not for production.")
        for slug, (name, hosts) in TENANTS.items():
            ref = self._tenant(slug, name, hosts)
            with use_tenant(ref):
                for role in MEMBERS:
                    _member(role, role)
                install_catalog()
        with use_shared():
            platform = Tenant.objects.get(schema_name=PLATFORM_SCHEMA).ref
        with use_tenant(platform):
            _member("root", "platform-admin")
        if options["verbosity"]:
            self.stdout.write("demo tenants: " + ", ".join(TENANTS))

    def _tenant(self, slug: str, name: str, hosts: list[str]) -> TenantRef:
        with use_shared():
            tenant = Tenant.objects.filter(schema_name=slug).first()
        if tenant is None:
            tenant = create_tenant(slug, name, hosts)
        elif tenant.state in (Tenant.State.CREATING, Tenant.State.FAILED):
            tenant = set_up_tenant(slug)
        return tenant.ref


def _member(username: str, role: str) -> None:
    if Member.objects.filter(username=username).exists():
        return
    member = Member.objects.create_user(
        username,
        DEMO_PASSWORD,
        name=username.capitalize(),
        email=f"{username}@example.com",
        is_demo=True,
    )
    member.groups.add(Group.objects.get(name=role))


assert set(MEMBERS) <= set(ROLES)
