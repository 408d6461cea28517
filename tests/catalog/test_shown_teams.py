"""The catalogue's teams over HTTP, on the offline demo model: what each mode does, and for whom."""

from __future__ import annotations

from typing import Any

import pytest

from agents.showcase.models import FileChange, Todo
from tenants.context import use_tenant
from tests.approvals.making import decide, waiting
from tests.catalog.running import (
    TENANTS,
    children,
    over,
    ref,
    run,
    run_all,
    slugs_of,
    steps_of,
)

pytestmark = pytest.mark.usefixtures("committed")
MODES = ("coordinate", "route", "broadcast", "tasks")
RESEARCH = (
    "Compare the figures for heat pumps. Search what was reported about heat pumps. Then write a "
    "short summary."
)
INVESTMENT = "Look at the price of HELI. Check its financials and cash flow. Then judge its risk."
CHANGE = (
    "Read issue 12. Then change `MAX_ATTEMPTS = 8` to `MAX_ATTEMPTS = 5` in ledgerly/retry.py "
    "because the docs say five."
)


def by_mode(client: Any, family: str, input: str) -> dict[str, dict[str, Any]]:
    runs = run_all(client, "teams", {f"{family}-{mode}": input for mode in MODES})
    assert {one["status"] for one in runs.values()} == {"completed"}, runs
    return {slug.removeprefix(f"{family}-"): one for slug, one in runs.items()}


@pytest.mark.parametrize("tenant", TENANTS[:1])
def test_the_same_researchers_differ_by_their_mode(api: Any, tenant: str) -> None:
    client = api(tenant)
    runs = by_mode(client, "research", RESEARCH)
    assert len({one["output"] for one in runs.values()}) == len(MODES)
    below = {mode: children(client, one["id"]) for mode, one in runs.items()}
    everybody = ["analyst", "investigator", "writer"]
    # Each its own part; the writer is given what the others came to.
    assert slugs_of(below["coordinate"]) == everybody
    tasks = {one["component"]["slug"]: one["input"] for one in below["coordinate"]}
    assert tasks["analyst"] == "Compare the figures for heat pumps."
    assert "Heat pumps sold in the demo region" in tasks["writer"]
    assert "Demo Energy Weekly" in tasks["writer"]
    # One of them, whose answer is the answer.
    assert len(below["route"]) == 1 and below["route"][0]["input"] == RESEARCH
    assert runs["route"]["output"] == below["route"][0]["output"]
    # All of them the same.
    assert slugs_of(below["broadcast"]) == everybody
    assert {one["input"] for one in below["broadcast"]} == {RESEARCH}
    # A list in which the last waits for the others.
    listed = [key for key in steps_of(client, runs["tasks"]["id"]) if key.startswith("task:")]
    assert sorted(listed) == ["task:t1:0", "task:t2:0", "task:t3:0"]
    first, second, third = sorted(below["tasks"], key=lambda one: one["started_at"])
    assert third["component"]["slug"] == "writer"
    assert max(first["finished_at"], second["finished_at"]) <= third["started_at"]
    for mode in ("coordinate", "broadcast", "tasks"):
        assert "+27.4% in the last year" in runs[mode]["output"]
        assert "demo data" in runs[mode]["output"]


@pytest.mark.parametrize("tenant", TENANTS[1:])
def test_the_same_analysts_differ_by_their_mode(api: Any, tenant: str) -> None:
    client = api(tenant)
    runs = by_mode(client, "investment", INVESTMENT)
    assert len({one["output"] for one in runs.values()}) == len(MODES)
    below = {mode: slugs_of(children(client, one["id"])) for mode, one in runs.items()}
    assert below == {
        "coordinate": ["financial", "market", "risk"],  # nobody asked for the chart
        "route": ["financial"],
        "broadcast": ["financial", "market", "risk", "technical"],
        "tasks": ["financial", "market", "risk"],
    }
    assert "price to earnings" in runs["route"]["output"]
    assert "average 60 days" in runs["broadcast"]["output"]
    for mode in ("coordinate", "broadcast", "tasks"):
        said = runs[mode]["output"]
        assert "deepest fall percent" in said and "free cash flow" in said
        assert "demo data" in said


@pytest.mark.parametrize("tenant", TENANTS)
def test_pal_keeps_notes_and_to_dos_of_its_member(api: Any, tenant: str) -> None:
    client = api(tenant, "builder")
    kept = run(
        client,
        "teams",
        "pal",
        f"Create a note saying the dentist in {tenant} is Dr Weber. Add a to-do: book the dentist.",
    )
    assert kept["status"] == "completed" and "Dr Weber" in kept["output"]
    assert slugs_of(children(client, kept["id"])) == ["pal-compiler", "pal-syncer"]
    asked = "List my notes. Check my notes for duplicates. List my to-dos."
    seen = run(client, "teams", "pal", asked)
    assert f"the dentist in {tenant} is Dr Weber" in seen["output"]
    assert "book the dentist" in seen["output"] and "checked" in seen["output"]
    other = run(api(tenant, "operator"), "teams", "pal", asked)
    assert "Dr Weber" not in other["output"] and "book the dentist" not in other["output"]
    with use_tenant(ref(tenant)):
        mine = Todo.objects.filter(run_id__in=[one["id"] for one in children(client, kept["id"])])
        assert [one.text for one in mine] == ["book the dentist"]
    outside = run(client, "teams", "pal", "What do you want to know about the four-day week?")
    assert "Demo Work Review" in outside["output"]


@pytest.mark.parametrize("tenant", TENANTS[:1])
def test_coda_reads_freely_and_changes_a_file_once_somebody_approved(api: Any, tenant: str) -> None:
    client, approver = api(tenant), api(tenant, "approver")
    (other,) = set(TENANTS) - {tenant}
    read = "Search the code for MAX_ATTEMPTS. List the open issues."
    seen = run(client, "teams", "coda", read)
    assert seen["status"] == "completed"
    assert "ledgerly/retry.py:3: MAX_ATTEMPTS = 8" in seen["output"]
    assert "Retry limit differs from the docs" in seen["output"]

    for decision in ("reject", "approve"):
        asked = run(client, "teams", "coda", CHANGE)
        assert asked["status"] == "paused", asked
        [approval] = waiting(approver, asked["id"])
        assert (approval["tool"], approval["tier"]) == ("change_file", "admin")
        assert approval["arguments"]["reason"] == "the docs say five"
        assert decide(client, approval["id"], "approve").status_code == 403
        assert decide(api(other, "approver"), approval["id"], "approve").status_code == 404
        with use_tenant(ref(tenant)):
            assert not FileChange.objects.exists()
        answer = decide(approver, approval["id"], decision, reason="Seen.")
        assert answer.status_code == 200, answer.text
        done = over(client, asked["id"], not_yet="paused")
        assert done["status"] == "completed", done
    try:
        with use_tenant(ref(tenant)):
            [change] = FileChange.objects.all()
            assert "MAX_ATTEMPTS = 5" in change.content and "MAX_ATTEMPTS = 8" in change.before
        again = run(client, "teams", "coda", read)
        assert "ledgerly/retry.py:3: MAX_ATTEMPTS = 5" in again["output"]
        with use_tenant(ref(other)):
            assert not FileChange.objects.exists()
    finally:
        with use_tenant(ref(tenant)):
            FileChange.objects.all().delete()
