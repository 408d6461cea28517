"""The first owner of a tenant: made inside its schema, by the job that sets it up."""

from __future__ import annotations

from django.contrib.auth.models import Group
from django.db import transaction

from tenants.accounts.models import Member
from tenants.context import use_shared, use_tenant
from tenants.models import Tenant
from tenants.provisioning import set_up_tenant


def create_owner(slug: str, username: str, email: str, password_hash: str) -> bool:
    """Give the tenant a member with the role owner; False if the username exists there already.

    Takes what `make_password` made: a plain password never travels through the queue. Idempotent.
    Raises Tenant.DoesNotExist.
    """
    with use_shared():
        ref = Tenant.objects.get(schema_name=slug).ref
    with use_tenant(ref), transaction.atomic():
        username = Member.normalize_username(username)
        member, new = Member.objects.get_or_create(
            username=username, defaults={"email": email, "password": password_hash}
        )
        if new:
            member.groups.add(Group.objects.get(name="owner"))
    return new


def has_owner(slug: str) -> bool:
    """Whether somebody could sign in to the tenant as its owner. Raises Tenant.DoesNotExist."""
    with use_shared():
        ref = Tenant.objects.get(schema_name=slug).ref
    with use_tenant(ref):
        return Member.objects.filter(is_active=True, groups__name="owner").exists()


def set_up_with_owner(slug: str, username: str, email: str, password_hash: str) -> None:
    """The provisioning job: schema, tables and roles, then the first owner. Safe to repeat.

    A tenant deleted in the meantime is no error. A failure is on the tenant's row, and raised.
    """
    with use_shared():
        if not Tenant.objects.filter(schema_name=slug).exists():
            return
    set_up_tenant(slug)
    if username:
        create_owner(slug, username, email, password_hash)
