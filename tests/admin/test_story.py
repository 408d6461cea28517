"""Governance from end to end: a sign-off outlives the server, and the audit log can't be bent."""

from __future__ import annotations

from collections.abc import Iterator
from io import StringIO

import pytest
from django.core.management import CommandError, call_command
from django.db import DatabaseError, connection, transaction
from playwright.sync_api import Browser, expect

from tenants.context import TenantRef, use_tenant
from tests.admin.test_approvals_by_hand import open_queue
from tests.approvals.beside_a_browser import SIGN_OFF, careful, elsewhere, notes
from tests.approvals.making import ended, waiting
from tests.support.client import Api
from tests.support.server import Server
from tests.support.waiting import until
from tests.web.browsing import Visits

pytestmark = [pytest.mark.browser, pytest.mark.usefixtures("committed")]

# (who, by which way, what) of the run, the oldest first.
STORY = [
    ("Member", "token", "run.started"),
    ("Member", "agent", "approval.requested"),
    ("Approver", "session", "approval.decided"),
    ("Approver", "session", "approval.approved"),
    ("Member", "agent", "tool.called"),
    ("Member", "agent", "run.completed"),
]
_ENTRY = "action = 'tool.called' AND run_id = %s"


@pytest.fixture
def own_server(database: None) -> Iterator[Server]:
    with Server.started() as server:
        yield server


def verified(tenant: str) -> str:
    """What `manage.py verify_audit` says; raises CommandError where the log does not hold."""

    def ask() -> str:
        out = StringIO()
        try:
            call_command("verify_audit", schema=tenant, stdout=out)
        except CommandError as error:
            raise CommandError(f"{error}\n{out.getvalue()}") from error
        return out.getvalue()

    return elsewhere(ask)


def by_sql(ref: TenantRef, actor: str, run_id: str, *, trigger: bool = True) -> None:
    """Somebody with the tables' rights names another one as who made the call."""

    def change() -> None:
        with use_tenant(ref), transaction.atomic(), connection.cursor() as cursor:
            if not trigger:
                cursor.execute("ALTER TABLE approvals_auditentry DISABLE TRIGGER USER")
            cursor.execute(
                f"UPDATE approvals_auditentry SET actor_name = %s WHERE {_ENTRY}", [actor, run_id]
            )
            assert cursor.rowcount == 1
            if not trigger:
                cursor.execute("ALTER TABLE approvals_auditentry ENABLE TRIGGER USER")

    elsewhere(change)


@pytest.mark.parametrize("tenant", ["acme", "globex"])
def test_a_sign_off_outlives_the_server_and_the_log_tells_the_story(
    browser: Browser, own_server: Server, tenant: str
) -> None:
    agent = careful(tenant, SIGN_OFF)
    ref = elsewhere(lambda: agent.ref)
    member = Api.signed_in(own_server, tenant, "member")
    run_id = member.run(f"Create a note saying pay {agent.slug}", slug=agent.slug)["id"]
    waiting(Api.signed_in(own_server, tenant, "approver"), run_id)
    own_server.kill()
    own_server.start()

    visits = Visits(browser, own_server)
    page = visits.signed_in("approver", tenant)
    open_queue(page, agent)
    pane = page.get_by_role("region", name="What is asked")
    expect(pane.get_by_text(f"pay {agent.slug}").first).to_be_visible()
    pane.get_by_text("Approve…").click()
    pane.get_by_role("button", name="Yes, approve").click()
    expect(page.get_by_text("Approved: Create note.")).to_be_visible()
    visits.end()

    assert ended(member, run_id)["status"] == "completed"
    assert len(notes(agent, agent.slug)) == 1
    auditor = Api.signed_in(own_server, tenant, "auditor")
    items = until(
        lambda: auditor.get("/audit", params={"run_id": run_id}).json()["items"],
        lambda found: len(found) >= len(STORY),
    )
    told = [(row["actor"]["name"], row["via"], row["action"]) for row in reversed(items)]
    assert told == STORY
    assert f"{tenant}: holds" in verified(tenant)

    with pytest.raises(DatabaseError, match="append-only"):
        by_sql(ref, "Somebody else", run_id)
    assert f"{tenant}: holds" in verified(tenant)
    by_sql(ref, "Somebody else", run_id, trigger=False)
    try:
        with pytest.raises(CommandError, match=f"does not hold: {tenant}"):
            verified(tenant)
    finally:  # the tenant is the other tests' as well
        by_sql(ref, "Member", run_id, trigger=False)
    assert f"{tenant}: holds" in verified(tenant)
