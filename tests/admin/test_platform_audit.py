"""What the platform does to tenants is in its own log; what it does inside one, in that one's."""

from __future__ import annotations

from collections.abc import Callable
from io import StringIO
from uuid import uuid4

import pytest
from django.core.management import call_command
from django.db import connection, transaction

from approvals.audit.models import AuditEntry
from tenants.accounts.models import Member
from tenants.context import TenantRef, use_shared, use_tenant
from tenants.models import Domain, Tenant
from tests.admin.console import Console
from tests.admin.test_platform_console import PASSWORD, provision, remove

pytestmark = pytest.mark.usefixtures("committed")
Consoles = Callable[..., Console]
LOG = "/admin/approvals/auditentry/"


@pytest.fixture
def root(console: Consoles) -> Console:
    return console("platform", "root")


def ref_of(slug: str) -> TenantRef:
    with use_shared():
        return Tenant.objects.get(schema_name=slug).ref


def told(**filters: str) -> list[tuple[str, str, str]]:
    """(action, who, by which way) of entries of the active tenant, the oldest first."""
    rows = AuditEntry.objects.filter(**filters).order_by("pk")
    return list(rows.values_list("action", "actor_name", "via"))


def test_a_tenants_life_is_in_the_platforms_log(root: Console) -> None:
    slug = f"t{uuid4().hex[:8]}"
    path = provision(root, slug)
    with use_tenant(ref_of(slug)):
        owner = told(action="member.created")
    root.post(path.replace("/change/", "/suspend/"))
    root.post(path.replace("/change/", "/resume/"))
    remove(root, path, slug)
    with use_tenant(ref_of("platform")):
        assert told(target_name=slug) == [
            ("tenant.created", "Root", "session"),
            ("tenant.set_up", "", "system"),
            ("tenant.suspended", "Root", "session"),
            ("tenant.resumed", "Root", "session"),
            ("tenant.suspended", "Root", "session"),
            ("tenant.deleted", "Root", "session"),
        ]
        assert told(target_name=f"{slug}.localhost") == [
            ("host.created", "Root", "session"),
            ("host.deleted", "Root", "session"),
        ]
        changed = AuditEntry.objects.filter(target_name=slug, action="tenant.suspended").first()
        assert changed is not None
        assert (changed.before, changed.after) == ({"state": "active"}, {"state": "suspended"})
    assert owner == [("member.created", "", "system")]
    page = root.page(f"{LOG}?kind=tenant.")
    assert "tenant.deleted" in page and slug in page
    assert "tenant.deleted" not in root.page(f"{LOG}?kind=host.")
    assert root.get(f"{LOG}{changed.pk}/change/").status_code == 200
    out = StringIO()
    call_command("verify_audit", schema="platform", stdout=out)
    assert "platform: holds" in out.getvalue()


def test_what_it_does_inside_a_tenant_is_not_laid_at_a_members_door(root: Console) -> None:
    slug = f"t{uuid4().hex[:8]}"
    path = provision(root, slug)
    with use_tenant(ref_of(slug)):
        Member.objects.update(is_active=False)  # its own member 1, as Root is the platform's
    person = {"username": "second", "email": "second@example.com", "password": PASSWORD}
    assert root.post(path.replace("/change/", "/add_owner/"), person).status_code == 302
    with use_tenant(ref_of(slug)):
        second = Member.objects.get(username="second")
        assert told(target_type="member", target_id=str(second.pk)) == [
            ("member.created", "Root of platform", "platform"),
            ("role.given", "Root of platform", "platform"),
        ]
    remove(root, path, slug)


def test_what_is_changed_past_the_application_is_on_record_too() -> None:
    host = f"{uuid4().hex[:8]}.localhost"
    with use_shared(), transaction.atomic(), connection.connection.cursor() as cursor:
        acme = Tenant.objects.get(schema_name="acme").pk
        cursor.execute(
            "INSERT INTO tenants_domain (domain, is_primary, tenant_id) VALUES (%s, false, %s)",
            [host, acme],
        )
    with use_shared():
        Domain.objects.get(domain=host).delete()
    with use_tenant(ref_of("platform")):
        (made, who, way), gone = told(target_name=host)
        assert made == "host.created" and way == "database" and who.startswith("database login")
        assert gone[0] == "host.deleted" and gone[2] != "database"
