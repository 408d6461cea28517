"""emergency-dispatch over HTTP: in its three seconds, and seen by a person where that has to be."""

from __future__ import annotations

import contextlib
import functools
import secrets
from collections.abc import Callable, Iterator
from datetime import datetime
from typing import Any

import pytest
from django.db import transaction

from agents.showcase.models import Dispatch, Incident, UnitReservation
from tenants.context import use_tenant
from tests.approvals.making import decide, waiting
from tests.catalog.running import TENANTS, over, ref, run, steps_of, whole_tree
from tests.support.client import Api
from tests.support.server import Server

pytestmark = pytest.mark.usefixtures("committed")
MALL = {"report": "Cardiac arrest reported in public mall", "location": "Central Mall"}
ISLAND = {"report": "Cardiac arrest, a man collapsed", "location": "Harbour Island"}
FLOW = "emergency-dispatch"
BUDGET_SECONDS = 3
# How much of the budget the model may take is the demo's affair: here it is our own part of it.
QUICK = {"DEMO_MODEL_FIRST_DELAY": "0.02", "DEMO_MODEL_DELAY": "0.001"}


@pytest.fixture(scope="module")
def signed_in(database: None) -> Iterator[Callable[..., Api]]:
    """`signed_in("acme", "approver")`: a client of a server whose model is quick."""
    with contextlib.ExitStack() as stack:
        server = stack.enter_context(Server.started(QUICK))

        @functools.cache
        def client(tenant: str, username: str = "member") -> Api:
            made = Api.signed_in(server, tenant, username)
            stack.callback(made.close)
            return made

        yield client


def seconds_of(one: dict[str, Any]) -> float:
    ended, began = (datetime.fromisoformat(one[key]) for key in ("finished_at", "started_at"))
    return (ended - began).total_seconds()


def handed_over(client: Any, run_id: str) -> list[dict[str, Any]]:
    """The messages of a planned team, in their order."""
    found = []
    for step in steps_of(client, run_id).values():
        if step["kind"] in ("plan", "delegation"):
            found += [step["input"]["message"], (step["output"] or {}).get("message")]
    return [one for one in found if one]


@pytest.mark.parametrize("tenant", TENANTS)
def test_a_cardiac_arrest_is_dispatched_with_critical_care_in_time(
    signed_in: Any, tenant: str, record_property: Any
) -> None:
    client, trace = signed_in(tenant), secrets.token_hex(16)
    key = secrets.token_hex(8)
    given = {"traceparent": f"00-{trace}-{secrets.token_hex(8)}-01", "Idempotency-Key": key}
    done = run(client, "workflows", FLOW, MALL, **given)
    # Beyond its budget it would have failed with the code of the deadline.
    assert done["status"] == "completed", done
    record_property("seconds", seconds_of(done))
    assert seconds_of(done) <= BUDGET_SECONDS
    output = done["output"]
    assert output["status"] == "dispatched"
    assert output["resources"] == ["ambulance", "critical-care"]
    assert [unit["kind"] for unit in output["units"]] == output["resources"]
    assert output["hospital"] == "St Anne's Hospital" and "demo data" in output["source"]

    # One trace from the request to the last step, and every hand-off a message of it.
    runs = whole_tree(client, done["id"])
    assert [one["component"]["slug"] for one in runs] == [
        FLOW,
        "emergency-response",
        "emergency-assessment",
        "emergency-resources",
    ]
    assert {one["trace_id"] for one in runs} == {trace}
    messages = handed_over(client, runs[1]["id"])
    assert [(one["from"], one["to"], one["intent"]) for one in messages] == [
        ("planner", "team", "plan"),
        ("planner", "emergency-assessment", "task"),
        ("emergency-assessment", "s2", "result"),
        ("planner", "emergency-resources", "task"),
        ("emergency-resources", "verifier", "result"),
    ]
    assert {(one["trace_id"], one["session_id"]) for one in messages} == {
        (trace, done["session_id"])
    }
    assert messages[2]["payload"]["severity"] == 5 and messages[2]["confidence"] == 0.9
    assert messages[3]["payload"]["inputs"]["kinds"] == messages[2]["payload"]["kinds"]

    # Asked again with the same key it is the same run: nobody is sent twice.
    assert run(client, "workflows", FLOW, MALL, **given)["id"] == done["id"]
    with use_tenant(ref(tenant)):
        [sent] = Dispatch.objects.filter(incident_id=output["incident"])
        assert str(sent.run_id) == done["id"] and sent.units == output["units"]
        assert Incident.objects.filter(run_id=done["id"]).count() == 1


@pytest.mark.parametrize("tenant", TENANTS)
def test_without_critical_care_in_reach_a_person_decides(signed_in: Any, tenant: str) -> None:
    member, approver = signed_in(tenant), signed_in(tenant, "approver")
    (other,) = set(TENANTS) - {tenant}
    for decision, ends in (("approve", "completed"), ("reject", "failed")):
        asked = run(member, "workflows", FLOW, ISLAND)
        assert asked["status"] == "needs_review", asked
        [approval] = waiting(approver, asked["id"])
        assert "gets critical care, or a person decides" in approval["why"]
        assert "A-9" in approval["arguments"]["answer"]
        with use_tenant(ref(tenant)):
            held = UnitReservation.objects.get(incident__run_id=asked["id"])
            assert [unit["kind"] for unit in held.units] == ["ambulance"]
            assert not Dispatch.objects.filter(run_id=asked["id"]).exists()
        assert decide(member, approval["id"], "approve").status_code == 403
        assert decide(signed_in(other, "approver"), approval["id"], "approve").status_code == 404
        said = decide(approver, approval["id"], decision, reason="The helicopter is on its way.")
        assert said.status_code == 200, said.text
        done = over(member, asked["id"], not_yet="needs_review")
        assert done["status"] == ends, done
        with use_tenant(ref(tenant)):
            sent = Dispatch.objects.filter(run_id=asked["id"])
            assert sent.count() == (1 if decision == "approve" else 0)
        if decision == "approve":
            assert done["output"]["resources"] == ["ambulance"]
        else:
            assert "helicopter" in done["error"]["message"]


@pytest.mark.parametrize("tenant", TENANTS)
def test_with_the_verifier_s_rule_broken_on_purpose_a_person_decides(
    signed_in: Any, tenant: str
) -> None:
    """The shipped team with one rule that no answer can keep."""
    mark = secrets.token_hex(4)
    team, flow = f"response-{mark}", f"dispatch-{mark}"
    with use_tenant(ref(tenant)), transaction.atomic():
        from agents.catalog.files import read
        from agents.catalog.install_team import install_team
        from agents.catalog.install_workflow import install_workflow

        shipped: Any = read("emergency-response").spec
        rules = [rule.model_dump() for rule in shipped.plan.rules]
        rules[-1]["check"] = rules[-1]["check"].replace("critical-care", "helicopter")
        plan = {**shipped.plan.model_dump(), "rules": rules}
        broken = type(shipped).model_validate({**shipped.model_dump(), "slug": team, "plan": plan})
        install_team(broken)
        whole = read(FLOW).spec.model_dump(mode="json")
        whole["slug"] = flow
        whole["nodes"][1]["team"] = team
        install_workflow(type(read(FLOW).spec).model_validate(whole))
    member, approver = signed_in(tenant), signed_in(tenant, "approver")
    asked = run(member, "workflows", flow, MALL)
    assert asked["status"] == "needs_review", asked
    with use_tenant(ref(tenant)):
        assert not Dispatch.objects.filter(run_id=asked["id"]).exists()
    [approval] = waiting(approver, asked["id"])
    assert decide(approver, approval["id"], "approve").status_code == 200
    done = over(member, asked["id"], not_yet="needs_review")
    assert done["status"] == "completed", done
    assert done["output"]["resources"] == ["ambulance", "critical-care"]


def test_beyond_its_budget_it_fails_and_nobody_is_sent(committed: None) -> None:
    with Server.started({"DEMO_MODEL_FIRST_DELAY": "1.6"}) as server:
        client = Api.signed_in(server, "acme", "member")
        done = run(client, "workflows", FLOW, MALL)
        client.close()
    assert (done["status"], done["error"]["code"]) == ("failed", "deadline"), done
    with use_tenant(ref("acme")):
        [incident] = Incident.objects.filter(run_id=done["id"])
        assert not Dispatch.objects.filter(incident=incident).exists()
