"""The demo: two tenants with members and the catalogue, and a login for the platform."""

from __future__ import annotations

import functools
from typing import Any

from django.conf import settings
from django.contrib.auth.hashers import make_password
from django.contrib.auth.models import Group
from django.core.management.base import BaseCommand, CommandError

from agents.catalog.files import slugs
from agents.catalog.install import install_each
from config.errors import Problem
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
                # What a demo tenant has made of itself is no reason not to start.
                for slug, done in install_each(slugs()):
                    if isinstance(done, Problem):
                        self.stderr.write(f"{ref.schema}: {slug}: {done.detail}")
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
    member = Member(
        username=username,
        password=_hash(),
        name=username.capitalize(),
        email=f"{username}@example.com",
        is_demo=True,
    )
    member.save()
    member.groups.add(Group.objects.get(name=role))


@functools.cache
def _hash() -> str:
    """One for all: half a second of work each, and the password is no secret."""
    return make_password(DEMO_PASSWORD)


assert set(MEMBERS) <= set(ROLES)
