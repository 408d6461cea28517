"""The log over HTTP: what happens is in it, filters find it, a file has all of it."""

from __future__ import annotations

import csv
import io
import json
from typing import Any

import httpx
import pytest
from django.core.management import call_command

from approvals.models import AuditEntry, AuditSeal
from tenants import happened
from tenants.accounts.models import Member
from tenants.context import TenantRef, use_shared, use_tenant
from tenants.models import Tenant
from tests.api.test_auth import is_problem
from tests.support.client import PASSWORD, Api
from tests.support.server import Server
from tests.support.waiting import until


@pytest.fixture
def acme_log(committed: None) -> TenantRef:
    with use_shared():
        return Tenant.objects.get(schema_name="acme").ref


def entries(api: Any, username: str = "auditor", tenant: str = "acme", **filters: Any) -> Any:
    answer = api(tenant, username).get("/audit", params=filters)
    assert answer.status_code == 200, answer.text
    return answer.json()["items"]


def test_a_run_is_on_record_from_start_to_end_and_sealed(api: Any, acme_log: TenantRef) -> None:
    run = api("acme").run("What is 17*23?")
    ended, started = entries(api, run_id=run["id"])
    assert (started["action"], ended["action"]) == ("run.started", "run.completed")
    assert started["actor"]["name"] == ended["actor"]["name"] != ""
    assert (started["via"], ended["via"]) == ("token", "agent")
    assert started["address"] == "127.0.0.1" and len(started["credential"]) == 32
    assert started["trace_id"] == ended["trace_id"] == run["trace_id"]
    assert started["target"] == {"type": "agent", "id": "assistant", "name": "assistant"}
    with use_tenant(acme_log):
        ids = [started["id"], ended["id"]]
        until(lambda: AuditSeal.objects.filter(entry_id__in=ids).count() == 2)
    assert entries(api, "auditor", "globex", run_id=run["id"]) == []


def test_signing_in_is_on_record_right_and_wrong(server: Server, api: Any) -> None:
    def sign_in(username: str, password: str) -> httpx.Response:
        return Api(server, "acme", None).post(
            "/auth/token", json={"username": username, "password": password}
        )

    pair = sign_in("builder", PASSWORD).json()
    assert sign_in("builder", "wrong-password").status_code == 401
    assert sign_in("a-password-typed-there", "x").status_code == 401
    unknown, wrong = entries(api, action="sign_in.failed")[:2]
    assert wrong["target"]["name"] and wrong["result"] == "refused"
    assert wrong["actor"] == {"id": None, "name": ""} and wrong["address"] == "127.0.0.1"
    assert unknown["target"] == {"type": "member", "id": "", "name": ""}
    (fine, *_) = entries(api, action="sign_in.ok", actor=wrong["target"]["id"])
    made = entries(api, trace_id=fine["trace_id"])
    assert [entry["action"] for entry in made] == ["token.created", "sign_in.ok"]
    Api(server, "acme", None).post("/auth/revoke", json={"refresh": pair["refresh"]})
    (ended,) = entries(api, action="token.revoked", actor=wrong["target"]["id"])[:1]
    assert ended["after"]["reason"] == "signed_out"
    assert ended["target"]["id"] == made[0]["target"]["id"]


def test_cancelling_and_looking_into_anothers_run_is_on_record(api: Any) -> None:
    run = api("acme").run("What is 17*23?")
    for _ in range(3):
        assert api("acme", "operator").get(f"/runs/{run['id']}").status_code == 200
    assert api("acme").get(f"/runs/{run['id']}").status_code == 200
    opened = entries(api, run_id=run["id"], action="run.opened")
    assert len(opened) == 1, "the same look is on record once, one's own run never"
    assert opened[0]["detail"] == {"member_id": entries(api, run_id=run["id"])[-1]["actor"]["id"]}
    assert api("acme").post(f"/runs/{run['id']}/cancel").status_code == 409
    asked = entries(api, run_id=run["id"], action="run.cancel_asked")
    assert len(asked) == 1 and asked[0]["result"] == "ok"


def test_pages_and_filters(api: Any, acme_log: TenantRef) -> None:
    with use_tenant(acme_log):
        member = Member.objects.get(username="member")
        for number in range(5):
            happened.tell(
                f"paged.kind_{number % 2}",
                target=("paged", number, f"Thing {number}"),
                result="failed" if number == 3 else "ok",
                actor=happened.Actor(member.pk, "Mia", "session"),
            )
    first = api("acme", "auditor").get("/audit", params={"action": "paged.", "limit": 3}).json()
    second = (
        api("acme", "auditor")
        .get("/audit", params={"action": "paged.", "limit": 3, "cursor": first["next"]})
        .json()
    )
    shown = [entry["target"]["id"] for entry in first["items"] + second["items"]]
    assert shown == ["4", "3", "2", "1", "0"] and second["next"] is None
    assert len(entries(api, action="paged.kind_1")) == 2
    assert [e["target"]["id"] for e in entries(api, action="paged.", result="failed")] == ["3"]
    assert len(entries(api, target_type="paged", target_id="2", actor=member.pk)) == 1
    at = first["items"][1]["at"]
    later = entries(api, action="paged.", **{"from": at})
    assert [entry["target"]["id"] for entry in later] == ["4", "3"]
    assert len(entries(api, action="paged.", to=at)) == 3


def test_who_may_not_read_it_is_refused_and_bad_filters_are_named(api: Any) -> None:
    for path in ("/audit", "/audit/export"):
        for username in ("member", "builder", "operator"):
            is_problem(api("acme", username).get(path), 403, "scope_missing")
    auditor = api("acme", "auditor")
    for asked in ({"from": "yesterday"}, {"result": "fine"}, {"run_id": "x"}, {"trace_id": "x"}):
        answer = auditor.get("/audit", params=asked)
        assert answer.status_code == 422 and next(iter(asked)) in answer.text
    backwards = {"from": "2026-02-01T00:00:00Z", "to": "2026-01-01T00:00:00Z"}
    is_problem(auditor.get("/audit", params=backwards), 422, "range")
    is_problem(auditor.get("/audit/export", params=backwards), 422, "range")


def test_an_export_has_everything_in_order_and_is_itself_on_record(
    api: Any, acme_log: TenantRef
) -> None:
    with use_tenant(acme_log):
        for number in range(2300):  # more than two of its pages
            happened.tell("exported.thing", target=("thing", number, "=1+1" if number else 'a "b"'))
        call_command("verify_audit", schema="acme")
    asked = {"action": "exported.", "format": "jsonl"}
    answer = api("acme", "owner").get("/audit/export", params=asked)
    assert answer.headers["content-type"] == "application/x-ndjson"
    assert 'filename="audit-acme.jsonl"' in answer.headers["content-disposition"]
    lines = [json.loads(line) for line in answer.text.splitlines()]
    assert [line["target"]["id"] for line in lines] == [str(n) for n in range(2300)]
    with use_tenant(acme_log):
        last = AuditSeal.objects.get(entry_id=lines[-1]["id"])
    assert lines[-1]["seal"] == {"number": last.seq, "hash": bytes(last.hash).hex()}
    call_command("verify_audit", schema="acme", contains=f"{last.seq}:{bytes(last.hash).hex()}")
    answer = api("acme", "owner").get("/audit/export", params={**asked, "format": "csv"})
    rows = list(csv.DictReader(io.StringIO(answer.text)))
    assert len(rows) == 2300 and rows[0]["target"] == 'a "b"'
    assert rows[1]["target"] == "'=1+1", "no spreadsheet may run it"
    exported = entries(api, action="audit.exported")[:2]
    assert [entry["detail"]["format"] for entry in exported] == ["csv", "jsonl"]
    assert exported[0]["detail"]["filter"] == {"action": "exported."}
    assert api("globex", "owner").get("/audit/export", params=asked).text == ""


def test_reading_a_page_costs_one_statement(acme_member: Member) -> None:
    from django.db import connection
    from django.test.utils import CaptureQueriesContext

    from approvals.audit.api import AuditFilter, _list

    for number in range(30):
        happened.tell("cost.thing", target=("thing", number, ""))
    with CaptureQueriesContext(connection) as seen:
        assert len(_list(AuditFilter(action="cost.", limit=20))["items"]) == 20
    assert len(seen) == 1
    assert AuditEntry.objects.filter(action="cost.thing").count() == 30
