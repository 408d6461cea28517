"""The catalogue's workflows over HTTP, on the offline demo model: their shapes, who is asked."""

from __future__ import annotations

from typing import Any

import pytest

from tests.approvals.making import decide, waiting
from tests.catalog.running import TENANTS, children, over, run, run_all, slugs_of, steps_of

pytestmark = pytest.mark.usefixtures("committed")


@pytest.mark.parametrize("tenant", TENANTS[1:])
def test_research_is_four_looks_at_once_and_articles_are_reviewed_until_approved(
    api: Any, tenant: str
) -> None:
    client = api(tenant)
    runs = run_all(
        client,
        "workflows",
        {
            "ai-research": {"focus": "open weights"},
            "content-pipeline": {"topic": "heat pumps in old houses"},
        },
    )
    research, article = runs["ai-research"], runs["content-pipeline"]
    assert research["status"] == article["status"] == "completed", runs

    below = children(client, research["id"])
    assert slugs_of(below) == ["investigator"] * 4 + ["writer"]
    looks = [one for one in below if one["component"]["slug"] == "investigator"]
    [writing] = [one for one in below if one["component"]["slug"] == "writer"]
    assert max(one["started_at"] for one in looks) < min(one["finished_at"] for one in looks)
    assert max(one["finished_at"] for one in looks) <= writing["started_at"]
    briefing = research["output"]["briefing"]
    assert briefing.startswith("# AI briefing: open weights")
    for part in ("**Models.**", "**Companies.**", "**Policy.**", "**Open source.**", "**Sources**"):
        assert part in briefing
    assert "Demo Courier, 2026-10-19" in briefing

    # The editor wants sources, which the first draft doesn't name.
    assert article["output"]["approved"] is True and article["output"]["rounds"] == 2
    nodes = steps_of(client, article["id"])
    first = nodes["edit[0]/review"]["output"]["output"]
    assert first["approved"] is False and "Sources" in first["notes"][0]
    text = article["output"]["article"]
    assert text.startswith("# Heat pumps in old houses")
    assert "**Sources**" in text and "Demo Building Review, 2026-06-11" in text
    assert "2025: 79" in text  # the figures of the other researcher


@pytest.mark.parametrize("tenant", TENANTS)
@pytest.mark.parametrize(
    ("message", "customer", "area", "severity", "said"),
    [
        ("How do I change my e-mail address?", "Grace Hopper", "account", "low", "Grace Hopper"),
        ("Why does my invoice list two orders?", "ada@example.com", "billing", "normal", "1042"),
        ("The search is a bit slow today.", None, "technical", "normal", "run_diagnostic"),
    ],
)
def test_a_request_is_sorted_and_answered_by_who_knows_the_area(
    api: Any,
    tenant: str,
    message: str,
    customer: str | None,
    area: str,
    severity: str,
    said: str,
) -> None:
    given = {"message": message} | ({"customer": customer} if customer else {})
    done = run(api(tenant), "workflows", "support-triage", given)
    assert done["status"] == "completed", done
    output = done["output"]
    assert (output["area"], output["severity"], output["escalated"]) == (area, severity, None)
    assert said in output["answer"]
    assert slugs_of(children(api(tenant), done["id"])) == sorted(
        [f"triage-{area}", "triage-classifier"]
    )


@pytest.mark.parametrize("tenant", TENANTS)
def test_a_severe_request_is_seen_by_a_person_first(api: Any, tenant: str) -> None:
    member, approver = api(tenant), api(tenant, "approver")
    message = "The billing service is down, nobody can work!"
    asked = run(member, "workflows", "support-triage", {"message": message})
    assert asked["status"] == "paused", asked
    [approval] = waiting(approver, asked["id"])
    shown = approval["arguments"]
    assert (shown["area"], shown["severity"]) == ("technical", "critical")
    assert "service: billing" in shown["answer"] and message in approval["why"]
    assert decide(member, approval["id"], "respond", response={"send": True}).status_code == 403
    wrong = decide(approver, approval["id"], "respond", response={"send": "perhaps"})
    assert wrong.status_code == 422
    answer = {"send": False, "note": "I call them."}
    assert decide(approver, approval["id"], "respond", response=answer).status_code == 200
    done = over(member, asked["id"], not_yet="paused")
    assert done["status"] == "completed" and done["output"]["escalated"] == answer


def test_an_input_that_does_not_fit_is_refused_with_its_place(api: Any) -> None:
    for slug, input, place in (
        ("emergency-dispatch", {"report": "Fire in a kitchen"}, "location"),
        ("content-pipeline", {"topic": "x", "readers": "all"}, "topic"),
        ("support-triage", {"message": "Hello there", "colour": "red"}, "colour"),
    ):
        answer = api("acme").post(f"/workflows/{slug}/runs", json={"input": input})
        assert answer.status_code == 422, answer.text
        assert place in answer.text
