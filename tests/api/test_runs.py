"""Running an agent over HTTP: the contract an integrator relies on."""

from __future__ import annotations

import re
import uuid
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import httpx
import psycopg
import pytest
from django.utils import timezone

from agents.models import Agent, Run, Session
from agents.tickets.models import Ticket
from tenants.accounts.models import Member
from tenants.context import use_shared, use_tenant
from tenants.models import Tenant
from tenants.pool import connection_parameters
from tests.api.test_auth import is_problem
from tests.support.client import text_of
from tests.support.server import Server
from tests.support.waiting import until

ASK = {"input": "What is 17*23?", "stream": True}


def test_a_stream_tells_the_run_from_start_to_end(api: Any) -> None:
    with api("acme").stream("POST", "/agents/assistant/runs", json=ASK) as stream:
        seen = list(stream)
    types = [event["type"] for event in seen]
    assert types[0] == "run.started" and types[-1] == "run.completed"
    assert types.index("tool.started") < types.index("tool.completed")
    assert types.count("message.delta") > 2
    assert types.count("message.completed") == 1
    completed = next(event for event in seen if event["type"] == "message.completed")
    assert "391" in completed["text"]
    assert text_of(seen) == completed["text"] == seen[-1]["output"]
    for event in seen:
        assert {"id", "type", "run_id", "parent_run_id", "component", "at"} <= set(event)
    ids = [tuple(map(int, event["id"].split("."))) for event in seen]
    assert ids == sorted(set(ids))


def test_without_stream_the_answer_is_the_finished_run(api: Any) -> None:
    run = api("acme").run("What is 17*23?")
    assert run["status"] == "completed" and "391" in run["output"]
    assert run["component"] == {"kind": "agent", "slug": "assistant", "revision": 1}
    assert run["model"] == {"name": "offline-demo", "offline": True}
    assert run["usage"]["total_tokens"] > 0
    assert run["started_at"] <= run["finished_at"]
    assert api("acme").get(f"/runs/{run['id']}").json() == run


def test_the_journal_of_a_run_is_its_steps(api: Any) -> None:
    run = api("acme").run("What is 17*23?")
    steps = api("acme").get(f"/runs/{run['id']}/steps").json()["items"]
    assert [step["kind"] for step in steps] == ["model", "tool", "model"]
    assert all(step["status"] == "finished" for step in steps)
    assert steps[1]["name"] == "calculator"
    assert steps[1]["output"]["text"] == "391"


def test_a_run_of_one_tenant_does_not_exist_in_another(api: Any) -> None:
    run = api("acme").run("What is 2+2?")
    for path in ("", "/steps", "/events"):
        is_problem(api("globex").get(f"/runs/{run['id']}{path}"), 404, "unknown_run")
    is_problem(api("globex").post(f"/runs/{run['id']}/cancel"), 404, "unknown_run")
    theirs = api("globex", "operator").get("/runs?limit=500").json()["items"]
    assert run["id"] not in {item["id"] for item in theirs}


def test_another_members_run_is_hidden_except_from_those_who_may_see_all(api: Any) -> None:
    run = api("acme", "member").run("What is 2+2?")
    is_problem(api("acme", "approver").post(f"/runs/{run['id']}/cancel"), 403, "forbidden")
    owners = api("acme", "owner").run("What is 3+3?")
    is_problem(api("acme", "member").get(f"/runs/{owners['id']}"), 404, "unknown_run")
    is_problem(api("acme", "member").get(f"/runs/{owners['id']}/events"), 404, "unknown_run")
    assert api("acme", "operator").get(f"/runs/{run['id']}").status_code == 200
    assert api("acme", "auditor").get(f"/runs/{run['id']}").status_code == 200


def test_an_auditor_reads_and_runs_nothing(api: Any) -> None:
    answer = api("acme", "auditor").post("/agents/assistant/runs", json={"input": "x"})
    is_problem(answer, 403, "scope_missing")
    assert answer.json()["scope"] == "agents:run"


def test_a_background_run_is_accepted_and_can_be_followed(api: Any) -> None:
    client = api("acme")
    answer = client.post(
        "/agents/assistant/runs", json={"input": "What is 17*23?", "background": True}
    )
    assert answer.status_code == 202
    run_id = answer.json()["id"]
    assert answer.headers["location"] == f"/api/v1/runs/{run_id}"
    with client.stream("GET", f"/runs/{run_id}/events") as stream:
        assert list(stream)[-1]["type"] == "run.completed"


def test_an_idempotency_key_is_one_run_however_often_and_at_once(api: Any) -> None:
    client, key = api("acme"), str(uuid.uuid4())

    def start(_: int) -> str:
        answer = client.post(
            "/agents/assistant/runs",
            json={"input": "What is 17*23?"},
            headers={"Idempotency-Key": key},
        )
        assert answer.status_code == 200, answer.text
        assert answer.json()["status"] == "completed"
        return str(answer.json()["id"])

    with ThreadPoolExecutor(8) as threads:
        assert len(set(threads.map(start, range(8)))) == 1
    other = client.post(
        "/agents/assistant/runs", json={"input": "Else?"}, headers={"Idempotency-Key": key}
    )
    is_problem(other, 409, "idempotency_key_reused")


def test_an_idempotency_key_is_a_members_own(api: Any) -> None:
    key, ids = str(uuid.uuid4()), set()
    for who in ("member", "builder"):
        answer = api("acme", who).post(
            "/agents/assistant/runs",
            json={"input": "What is 1+1?"},
            headers={"Idempotency-Key": key},
        )
        ids.add(answer.json()["id"])
    assert len(ids) == 2


@pytest.fixture
def live_session(committed: None) -> Iterator[str]:
    """A session of acme's demo member with a run that another machine carries."""
    with use_shared():
        ref = Tenant.objects.get(schema_name="acme").ref
    with use_tenant(ref):
        member = Member.objects.get(username="member")
        session = Session.objects.create(member=member, slug="assistant")
        agent = Agent.objects.get(slug="assistant")
        run = Run.objects.create(
            revision=agent.published,
            slug="assistant",
            session=session,
            member=member,
            status="running",
            input="Tell me a long story",
            trace_id="0" * 32,
        )
    with use_shared():
        Ticket.objects.create(
            run_id=run.pk,
            schema="acme",
            slug="assistant",
            member_id=member.pk,
            owner="elsewhere",
            fence=1,
            lease_until=timezone.now() + timedelta(hours=1),
        )
    yield str(session.pk)
    with use_shared():
        Ticket.objects.filter(pk=run.pk).delete()
    with use_tenant(ref):
        session.delete()


def test_a_session_has_one_live_run(api: Any, live_session: str) -> None:
    client = api("acme")
    busy = client.post("/agents/assistant/runs", json={"input": "And?", "session_id": live_session})
    is_problem(busy, 409, "session_busy")
    is_problem(client.http.delete(f"/sessions/{live_session}"), 409, "session_busy")


def test_cancel_ends_the_run_for_everyone_who_follows(api: Any, hanging: str) -> None:
    client = api("acme")
    body = {"input": "Tell me all you can do", "stream": True}
    with client.stream("POST", f"/agents/{hanging}/runs", json=body) as stream:
        for event in stream:
            run_id = event["run_id"]
            if event["type"] == "message.delta":
                break
        cancelled = client.post(f"/runs/{run_id}/cancel")
        assert cancelled.status_code == 200, cancelled.text
        assert cancelled.json()["status"] == "cancelled"
        seen = [event, *stream]
    assert seen[-1]["type"] == "run.cancelled"
    # What had been said is kept, for everyone who looks later.
    said = "".join(event["text"] for event in seen if event["type"] == "message.delta")
    assert (cancelled.json()["output"] or "") == said
    with client.stream("GET", f"/runs/{run_id}/events") as stream:
        told = list(stream)
    assert "".join(e["text"] for e in told if e["type"] == "message.delta") == said
    assert client.post(f"/runs/{run_id}/cancel").status_code == 200
    done = client.run("What is 1+1?")
    is_problem(client.post(f"/runs/{done['id']}/cancel"), 409, "run_ended")


def test_a_cancel_and_a_write_of_the_run_do_not_lock_each_other_out(api: Any, hanging: str) -> None:
    client = api("acme")
    body = {"input": "Tell me all you can do", "background": True}
    run_id = client.post(f"/agents/{hanging}/runs", json=body).json()["id"]
    with use_shared():
        ref = Tenant.objects.get(schema_name="acme").ref
    with psycopg.connect(**connection_parameters()) as writer, ThreadPoolExecutor(1) as pool:
        writer.execute(ref.statement.encode())
        # As each write under a fence does: the ticket first, the run then.
        writer.execute("SELECT 1 FROM public.tickets_ticket WHERE run_id = %s FOR SHARE", [run_id])
        asked = pool.submit(client.post, f"/runs/{run_id}/cancel")
        until(lambda: _is_waited_for(writer.info.backend_pid))
        writer.execute("UPDATE agents_run SET position = position WHERE id = %s", [run_id])
        writer.commit()
        answer = asked.result(60)
    assert answer.status_code == 200, answer.text
    assert answer.json()["status"] == "cancelled"


def _is_waited_for(pid: int) -> bool:
    """Whether somebody waits for what that session of the database has locked."""
    with psycopg.connect(**connection_parameters(), autocommit=True) as other:
        seen = other.execute(
            "SELECT count(*) FROM pg_locks WHERE NOT granted AND %s = ANY(pg_blocking_pids(pid))",
            [pid],
        ).fetchone()
    return bool(seen and seen[0])


def test_a_client_that_leaves_does_not_stop_the_run(api: Any) -> None:
    client = api("acme")
    with client.stream("POST", "/agents/assistant/runs", json=ASK) as stream:
        run_id = next(stream)["run_id"]
    run = until(lambda: client.get(f"/runs/{run_id}").json(), lambda r: r["finished_at"])
    assert run["status"] == "completed" and "391" in run["output"]


def test_a_run_can_be_pinned_to_a_revision(api: Any) -> None:
    assert api("acme").run("What is 1+1?", revision=1)["component"]["revision"] == 1
    unknown = api("acme").post(
        "/agents/assistant/runs", json={"input": "What is 1+1?", "revision": 99}
    )
    is_problem(unknown, 404, "unknown_revision")


def test_lists_page_by_cursor_filter_and_count(api: Any) -> None:
    client = api("globex")
    for number in range(3):
        client.run(f"What is {number}+1?")
    whole = client.get("/runs?count=true&limit=500").json()
    assert whole["count"] == len(whole["items"]) and whole["next"] is None
    seen, cursor = [], ""
    while True:
        page = client.get(f"/runs?limit=2{cursor}").json()
        seen.extend(item["id"] for item in page["items"])
        if page["next"] is None:
            break
        cursor = f"&cursor={page['next']}"
    assert seen == [item["id"] for item in whole["items"]]
    one = whole["items"][0]
    by_session = client.get(f"/runs?session_id={one['session_id']}").json()["items"]
    assert [item["id"] for item in by_session] == [one["id"]]
    done = client.get("/runs?status=completed&limit=500").json()["items"]
    assert done == [item for item in whole["items"] if item["status"] == "completed"] != []
    is_problem(client.get("/runs?limit=501"), 422, "invalid")
    is_problem(client.get("/runs?cursor=rubbish"), 400, "cursor")
    is_problem(client.get("/runs?status=nonsense"), 422, "invalid")


def test_agents_and_tools_can_be_looked_up(api: Any) -> None:
    client = api("acme")
    (assistant,) = [
        item
        for item in client.get("/agents?limit=500").json()["items"]
        if item["slug"] == "assistant"
    ]
    assert client.get("/agents/assistant").json() == assistant
    revisions = client.get("/agents/assistant/revisions").json()["items"]
    assert revisions[-1]["number"] == 1 and len(revisions[0]["digest"]) == 64
    tools = {tool["name"]: tool for tool in client.get("/tools").json()["items"]}
    assert tools["create_note"]["effect"] == "write"
    toolkits = client.get("/toolkits").json()["items"]
    assert any("calculator" in toolkit["tools"] for toolkit in toolkits)
    is_problem(client.get("/agents/nobody"), 404, "unknown_component")


def test_health_needs_no_tenant(server: Server, api: Any) -> None:
    base = f"http://127.0.0.1:{server.port}"
    for path in ("/healthz", "/readyz", "/api/v1/healthz"):
        assert httpx.get(base + path, headers={"Host": "whatever"}).status_code == 200
    spec = httpx.get(f"{base}/api/v1/openapi.json").json()
    assert "/api/v1/agents/{slug}/runs" in spec["paths"]
    docs = httpx.get(f"{base}/api/v1/docs").text
    sources = re.findall(r'(?:src|href)="([^"]+)"', docs)
    assert sources and all(source.startswith("/") for source in sources)
