"""Grants, approvals and members of a test's own, as rows of the demo's tenants."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any
from uuid import uuid4

from django.contrib.auth.models import Group
from django.utils import timezone

from agents.models import Agent, Run, Session
from approvals.models import Approval, Grant
from tenants.accounts.models import Member
from tenants.context import TenantRef, use_shared, use_tenant
from tenants.models import Tenant

TENANTS = ("acme", "globex")


def ref(slug: str) -> TenantRef:
    with use_shared():
        return Tenant.objects.get(schema_name=slug).ref


def grant(slug: str, tool: str, tier: str = "free", agent: str = "", **fields: Any) -> int:
    """Make a grant as the console does, checked; its id."""
    with use_tenant(ref(slug)):
        row = Grant(tool=tool, tier=tier, **fields)
        if agent:
            row.agent = Agent.objects.get(slug=agent)
        row.full_clean()
        row.save()
        return int(row.pk)


@contextmanager
def no_grants() -> Iterator[None]:
    """Neither tenant has a grant in the block; the demo's own are back after it."""
    before = {slug: _taken_away(slug) for slug in TENANTS}
    try:
        yield
    finally:
        for slug, rows in before.items():
            _taken_away(slug)
            with use_tenant(ref(slug)):
                for row in rows:
                    row.save(force_insert=True)


def _taken_away(slug: str) -> list[Grant]:
    with use_tenant(ref(slug)):
        rows = list(Grant.objects.all())
        for row in rows:
            Grant.objects.filter(pk=row.pk).first().delete()  # `row` keeps its key
        return rows


def a_member(*roles: str, **fields: Any) -> Member:
    """A new member of the current tenant."""
    member = Member.objects.create_user(f"t{uuid4().hex[:10]}", None, **fields)
    member.groups.set(Group.objects.filter(name__in=roles))
    return member


def an_approval(requester: Member, **fields: Any) -> Approval:
    """A waiting request of the current tenant, with a run of its own."""
    agent = Agent.objects.get(slug="assistant")
    session = Session.objects.create(member=requester, slug=agent.slug)
    run = Run.objects.create(
        revision=agent.published,
        slug=agent.slug,
        session=session,
        member=requester,
        status=Run.Status.COMPLETED,
        input="Pay.",
        trace_id="0" * 32,
    )
    told: dict[str, Any] = {
        "kind": Approval.Kind.CONFIRM,
        "component": agent.slug,
        "tool": "pay",
        "arguments": {"amount": 5},
        "tier": "admin",
        "effect": "write",
        "why": "It says so.",
        "on_expiry": "reject",
        "trace_id": "0" * 32,
        "expires_at": timezone.now() + timedelta(hours=1),
        **fields,
    }
    return Approval.objects.create(
        run=run, root_run_id=run.pk, step_key="1", requester=requester, **told
    )
