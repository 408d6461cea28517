"""The audit log in the console: who sees it, what it shows, and that it can be proven there."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from approvals.models import AuditEntry, Grant, Tier
from config.trace import note_member, start_trace
from tenants.accounts.models import Member
from tenants.context import TenantRef, use_shared, use_tenant
from tenants.models import Tenant
from tests.admin.console import Console

Consoles = Callable[..., Console]
LOG = "/admin/approvals/auditentry/"


@pytest.fixture
def acme_log(committed: None) -> TenantRef:
    with use_shared():
        return Tenant.objects.get(schema_name="acme").ref


@pytest.fixture
def changed_grant(acme_log: TenantRef) -> AuditEntry:
    with use_tenant(acme_log):
        start_trace(None)
        note_member(Member.objects.get(username="owner").pk)
        grant = Grant.objects.create(tool="console_refund")
        grant.tier = Tier.ADMIN
        grant.save()
        grant.delete()
        found: AuditEntry = AuditEntry.objects.filter(action="grant.changed").latest("pk")
        return found


def test_owner_and_auditor_see_it_and_nobody_else(console: Consoles) -> None:
    for role in ("owner", "auditor"):
        assert "Audit log" in console("acme", role).page("/admin/")
        assert console("acme", role).get(LOG).status_code == 200
    for role in ("builder", "operator", "approver"):
        assert "Audit log" not in console("acme", role).page("/admin/")
        for path in ("", "verify/", "export/"):
            assert console("acme", role).get(LOG + path).status_code == 403


def test_an_entry_shows_who_what_and_the_difference(
    console: Consoles, changed_grant: AuditEntry
) -> None:
    auditor = console("acme", "auditor")
    assert "grant.changed" in auditor.page(f"{LOG}?kind=grant.")
    page = auditor.page(f"{LOG}{changed_grant.pk}/change/")
    assert "console_refund" in page and changed_grant.actor_name in page
    assert "tier free becomes admin" in page.replace("arrow_forward", "becomes") or (
        "tier free arrow_forward admin" in page
    )
    assert console("globex", "auditor").get(f"{LOG}{changed_grant.pk}/change/").status_code == 404


def test_nothing_can_be_changed_there(console: Consoles, changed_grant: AuditEntry) -> None:
    owner = console("acme", "owner")
    assert owner.get(f"{LOG}add/").status_code == 403
    assert owner.get(f"{LOG}{changed_grant.pk}/delete/").status_code == 403
    page = owner.get(LOG).text
    assert "delete_selected" not in page


def test_a_run_is_found_by_its_id_and_its_trace(console: Consoles, api: Any) -> None:
    run = api("acme", "member").run("What is 17*23?")
    auditor = console("acme", "auditor")
    for term in (run["id"], run["trace_id"]):
        page = auditor.page(f"{LOG}?q={term}")
        assert "run.started" in page and "run.completed" in page
    assert "run.started" not in auditor.page(f"{LOG}?kind=grant.&q={run['id']}")


def test_looking_into_anothers_run_is_on_record(
    console: Consoles, api: Any, acme_log: TenantRef
) -> None:
    run = api("acme", "member").run("What is 6*7?")
    operator = console("acme", "operator")
    operator.page(f"/admin/agents/run/{run['id']}/change/")
    operator.page(f"/admin/agents/session/{run['session_id']}/change/")
    with use_tenant(acme_log):
        looks = AuditEntry.objects.filter(target_id__in=[run["id"], run["session_id"]])
        opened = {look.action: look for look in looks}
        who = Member.objects.get(username="operator")
        for action in ("run.opened", "session.opened"):
            assert (opened[action].actor_id, opened[action].via) == (who.pk, "session")
            assert opened[action].address == "127.0.0.1"


def test_the_chain_is_proven_on_the_page(console: Consoles, changed_grant: AuditEntry) -> None:
    auditor = console("acme", "auditor")
    assert "The audit log holds" not in auditor.page(f"{LOG}verify/")
    answer = auditor.post(f"{LOG}verify/")
    assert answer.status_code == 200 and "The audit log holds" in answer.text
    assert console("acme", "builder").post(f"{LOG}verify/").status_code == 403


def test_what_the_filters_show_is_exported(console: Consoles, changed_grant: AuditEntry) -> None:
    auditor = console("acme", "auditor")
    assert f"{LOG}export/?kind=grant.&amp;format=csv" in auditor.get(f"{LOG}?kind=grant.").text
    answer = auditor.get(f"{LOG}export/?kind=grant.&format=jsonl")
    assert answer.status_code == 200
    lines = [json.loads(line) for line in answer.text.splitlines()]
    assert changed_grant.pk in [line["id"] for line in lines]
    assert {line["action"].partition(".")[0] for line in lines} == {"grant"}
    head, *rows = auditor.get(f"{LOG}export/?kind=grant.&format=csv").text.splitlines()
    assert head.startswith("id,at,action,result") and len(rows) == len(lines)
