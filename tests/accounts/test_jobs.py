"""The cluster's regular work: tokens that are over, leases whose owner is gone, and its plan."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.conf import settings
from django.contrib.sessions.models import Session as BrowserSession
from django.core.management import call_command
from django.db import connection, transaction
from django.utils import timezone
from django_q.models import Schedule

from agents.ids import uuid7
from agents.runtime.jobs import sweep_leases
from agents.tickets.models import Ticket
from tenants.accounts.models import Member, TokenFamily
from tenants.context import TenantRef, current_tenant, use_shared, use_tenant
from tenants.every import in_every_tenant
from tenants.jobs import clean_tokens

pytestmark = pytest.mark.django_db


def test_tokens_and_browser_sessions_that_are_over_are_forgotten_everywhere(
    acme: TenantRef, globex: TenantRef
) -> None:
    past, future = (timezone.now() + timedelta(hours=hours) for hours in (-1, 1))
    for ref in (acme, globex):
        with use_tenant(ref):
            member = Member.objects.get(username="member")
            TokenFamily.objects.create(jti="old", member=member, expires_at=past)
            TokenFamily.objects.create(jti="new", member=member, expires_at=future)
            BrowserSession.objects.create(session_key="old", expire_date=past)
    with use_shared():
        assert clean_tokens() >= 4
    for ref in (acme, globex):
        with use_tenant(ref):
            assert set(TokenFamily.objects.values_list("jti", flat=True)) >= {"new"}
            assert not TokenFamily.objects.filter(jti="old").exists()


def test_the_sweep_frees_what_has_run_out_and_leaves_what_is_held() -> None:
    now = timezone.now()
    tickets = {}
    for name, until in (("dead", now - timedelta(seconds=1)), ("held", now + timedelta(60))):
        tickets[name] = Ticket.objects.create(
            run_id=uuid7(), schema="acme", slug="a", member_id=1, owner=name, lease_until=until
        )
    gone = Ticket.objects.create(run_id=uuid7(), schema="deleted", slug="a", member_id=1)
    assert sweep_leases() == 1
    assert not Ticket.objects.filter(pk=gone.pk).exists()
    owners = {name: Ticket.objects.get(pk=ticket.pk).owner for name, ticket in tickets.items()}
    assert owners == {"dead": "", "held": "held"}


def test_the_plan_is_written_once() -> None:
    for _ in range(2):
        call_command("migrate", verbosity=0)
    names = sorted(Schedule.objects.values_list("name", flat=True))
    assert names == sorted(settings.PLATFORM_SCHEDULES)


def test_what_fails_in_one_tenant_does_not_end_the_others(
    caplog: pytest.LogCaptureFixture,
) -> None:
    def work() -> str:
        schema = current_tenant().schema
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute("SELECT FROM nothing_here" if schema == "acme" else "SELECT 1")
        return schema

    done = set(in_every_tenant(work))
    assert {"globex", "platform"} <= done and "acme" not in done
    assert "acme: work failed: ProgrammingError" in caplog.text
