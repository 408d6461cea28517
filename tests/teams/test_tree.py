"""`GET /runs/{id}/tree`: all that a drawing of who worked for whom needs, in one answer."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import pytest

from tests.teams.making import NOTES, SUMS, Crew, flat, run_team, tree

pytestmark = pytest.mark.usefixtures("committed")


@pytest.mark.parametrize("tenant", ["acme", "globex"])
def test_a_tree_has_each_run_s_place_kind_state_use_and_times(api: Any, tenant: str) -> None:
    crew = Crew(tenant)
    scribe = crew.agent("scribe", NOTES, "create_note")
    counter = crew.agent("counter", SUMS, "calculator")
    office = crew.team("office", "coordinate", scribe, description=NOTES)
    slug = crew.team("house", "broadcast", office, counter)
    client = api(tenant)
    run = run_team(client, slug, f"Create a note saying {crew.mark}. Calculate 17*23.")
    assert run["status"] == "completed", run
    top = tree(client, run["id"])
    runs = {one["component"]["slug"]: one for one in flat(top)}
    assert {name: one["depth"] for name, one in runs.items()} == {
        slug: 0,
        office: 1,
        counter: 1,
        scribe: 2,
    }
    assert runs[scribe]["parent_run_id"] == runs[office]["id"]
    assert runs[office]["parent_run_id"] == runs[counter]["parent_run_id"] == run["id"]
    assert {one["component"]["kind"] for one in runs.values()} == {"team", "agent"}
    for one in runs.values():
        assert one["status"] == "completed" and one["trace_id"] == run["trace_id"]
        begun, over = (datetime.fromisoformat(one[at]) for at in ("started_at", "finished_at"))
        assert begun <= over
        assert one["usage"]["total_tokens"] > 0
        used = sum(child["usage"]["total_tokens"] for child in one["children"])
        assert one["usage"]["total_tokens"] > used  # its own calls, and all below it
    # A part of it is a tree as well, and another tenant has neither.
    below = tree(client, runs[office]["id"])
    assert [one["id"] for one in flat(below)] == [runs[office]["id"], runs[scribe]["id"]]
    other = api("globex" if tenant == "acme" else "acme")
    assert other.get(f"/runs/{run['id']}/tree").status_code == 404
