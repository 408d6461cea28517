"""Limits of the demo's tenants, set as the consoles set them and taken away after each test."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from agents.limits.kinds import FIELDS
from agents.limits.models import DefaultLimits, MemberLimits, StartWindow
from agents.tickets.models import Ticket
from tenants import directory
from tenants.accounts.models import Member
from tenants.context import TenantRef, use_shared, use_tenant
from tenants.models import Tenant
from tests.support.waiting import until

SLUGS = ("acme", "globex")


def ref(slug: str) -> TenantRef:
    with use_shared():
        return Tenant.objects.get(schema_name=slug).ref


def limit_tenant(slug: str, **limits: Any) -> None:
    with use_shared():
        tenant = Tenant.objects.get(schema_name=slug)
        for name, amount in limits.items():
            setattr(tenant, name, amount)
        tenant.save()
        directory.forget()


def limit_members(slug: str, username: str | None = None, **limits: Any) -> None:
    """All members by default, or the one with this name."""
    with use_tenant(ref(slug)):
        if username is None:
            DefaultLimits.objects.update_or_create(pk=1, defaults=limits)
        else:
            member = Member.objects.get(username=username)
            MemberLimits.objects.update_or_create(member=member, defaults=limits)


def _none() -> None:
    for slug in SLUGS:
        limit_tenant(slug, **dict.fromkeys(FIELDS))
        with use_tenant(ref(slug)):
            for row in (*DefaultLimits.objects.all(), *MemberLimits.objects.all()):
                row.delete()
            StartWindow.objects.all().delete()


def _no_run_is_live() -> bool:
    with use_shared():
        live = Ticket.objects.filter(schema__in=SLUGS)
        live.update(cancel_requested=True)  # heard when its lease is renewed, at the latest
        return not live.exists()


@pytest.fixture
def limits(committed: None) -> Iterator[None]:
    """The database as other processes see it, with no limit before and after.

    Runs that earlier tests left under way would count in the middle of this one: they are ended.
    """
    _none()
    until(_no_run_is_live)
    yield
    _none()


@pytest.fixture
def start() -> Callable[..., Any]:
    """`start(api, "text", key="…")`: the answer to a start in the background."""

    def call(client: Any, text: str = "What is 2+2?", key: str | None = None, **fields: Any) -> Any:
        return client.post(
            "/agents/assistant/runs",
            json={"input": text, "background": True, **fields},
            headers={"Idempotency-Key": key} if key else {},
        )

    return call
