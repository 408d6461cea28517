"""Members and service accounts of a test's own, in a tenant that a running server serves."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any
from uuid import uuid4

import pytest
from django.contrib.auth.models import Group

from tenants.accounts.models import Member
from tenants.context import TenantRef, use_shared, use_tenant
from tenants.models import Tenant
from tests.support.client import PASSWORD


@pytest.fixture
def tenant_of(committed: None) -> Callable[[str], TenantRef]:
    """`tenant_of("acme")`: its reference."""

    def found(slug: str) -> TenantRef:
        with use_shared():
            return Tenant.objects.get(schema_name=slug).ref

    return found


@pytest.fixture
def made(tenant_of: Callable[[str], TenantRef]) -> Iterator[Callable[..., Member]]:
    """`made("acme", "operator")`: a new member with these roles; `service=True`: an account."""
    members: list[tuple[TenantRef, Any]] = []

    def make(tenant: str, *roles: str, service: bool = False) -> Member:
        ref = tenant_of(tenant)
        with use_tenant(ref):
            kind = Member.Kind.SERVICE if service else Member.Kind.PERSON
            member = Member.objects.create_user(
                f"t{uuid4().hex[:10]}", None if service else PASSWORD, kind=kind
            )
            member.groups.set(Group.objects.filter(name__in=roles))
        members.append((ref, member.pk))
        return member

    yield make
    for ref, pk in members:
        with use_tenant(ref):
            from agents.models import Message, Run, Session

            Message.objects.filter(session__member_id=pk).delete()
            Run.objects.filter(member_id=pk).delete()
            Session.objects.filter(member_id=pk).delete()
            Member.objects.filter(pk=pk).delete()
