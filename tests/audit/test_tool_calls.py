"""Calls of the tier audited and above are on record, made or refused."""

from __future__ import annotations

from typing import Any

import pytest

from tests.approvals.making import Careful, decide, ended, waiting
from tests.support.waiting import until

pytestmark = pytest.mark.usefixtures("committed")


def told(client: Any, run_id: str) -> list[tuple[str, str]]:
    """What the log says of the run's tool calls, the oldest first: tier and result."""

    def look() -> list[tuple[str, str]]:
        answer = client.get("/audit", params={"run_id": run_id, "action": "tool.called"})
        assert answer.status_code == 200, answer.text
        return [(row["detail"]["tier"], row["result"]) for row in reversed(answer.json()["items"])]

    return until(look)


@pytest.mark.parametrize("tenant", ["acme", "globex"])
def test_an_audited_call_is_on_record_and_a_free_one_is_not(api: Any, tenant: str) -> None:
    audited = Careful(tenant, {"create_note": {"tier": "audited"}}).make()
    free = Careful(tenant, {"create_note": {"tier": "free"}}).make()
    member, auditor = api(tenant, "member"), api(tenant, "auditor")
    runs = {
        agent: member.run(f"Create a note saying {agent.slug}", slug=agent.slug)["id"]
        for agent in (free, audited)
    }
    assert told(auditor, runs[audited]) == [("audited", "ok")]
    other = auditor.get("/audit", params={"run_id": runs[free], "action": "tool.called"})
    assert other.json()["items"] == []
    assert len(audited.notes(audited.slug)) == len(free.notes(free.slug)) == 1


def test_a_call_that_was_signed_off_or_rejected_is_on_record(api: Any) -> None:
    agent = Careful("acme", {"create_note": {"tier": "admin"}}).make()
    member, approver, auditor = (api("acme", name) for name in ("member", "approver", "auditor"))
    for choice, result in (("approve", "ok"), ("reject", "refused")):
        run = member.run(f"Create a note saying {agent.slug}", slug=agent.slug)
        [asked] = waiting(approver, run["id"])
        assert decide(approver, asked["id"], choice).status_code == 200
        ended(member, run["id"])
        assert told(auditor, run["id"]) == [("admin", result)]


def test_a_call_beyond_its_grants_limit_is_on_record_as_refused(api: Any) -> None:
    agent = Careful("globex", {"create_note": {"tier": "free", "calls_per_run": 0}}).make()
    member, auditor = api("globex", "member"), api("globex", "auditor")
    run = member.run(f"Create a note saying {agent.slug}", slug=agent.slug)
    assert told(auditor, run["id"]) == [("free", "refused")]
    assert agent.notes(agent.slug) == []
