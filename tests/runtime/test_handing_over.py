"""A conversation is handed over by a tool: the next message is another agent's to answer."""

from __future__ import annotations

from typing import Any

import pytest

from tests.teams.making import SUMS, Crew, run_team

pytestmark = pytest.mark.usefixtures("committed")


@pytest.mark.parametrize("tenant", ["acme", "globex"])
def test_the_next_message_is_the_other_agents_who_knows_what_was_said(
    api: Any, tenant: str
) -> None:
    crew = Crew(tenant)
    desk = crew.agent("desk", "Hands over.", "hand_over")
    counter = crew.agent("counter", SUMS, "calculator")
    client = api(tenant)
    first = client.run(f'Hand over to agent "{counter}".', slug=desk)
    assert first["status"] == "completed", first
    [tool] = [step for step in _steps(client, first["id"]) if step["kind"] == "tool"]
    assert tool["output"]["data"] == {"agent": counter, "name": "counter"}
    session = first["session_id"]
    assert client.get(f"/sessions/{session}").json()["component"]["slug"] == counter
    refused = client.post(
        f"/agents/{desk}/runs", json={"input": "Calculate 6*7.", "session_id": session}
    )
    assert refused.status_code == 409
    assert refused.json()["type"].endswith(":session_component")
    assert counter in refused.json()["detail"]
    second = client.run("Calculate 6*7.", slug=counter, session_id=session)
    assert second["status"] == "completed" and "42" in second["output"]
    said = client.get(f"/sessions/{session}/messages").json()["items"]
    assert len(said) == 4


def test_nobody_hands_over_to_an_agent_that_the_user_may_not_run(api: Any) -> None:
    crew = Crew("acme")
    desk = crew.agent("desk", "Hands over.", "hand_over")
    owners = crew.agent("owners", SUMS, "calculator", roles=("owner",))
    run = api("acme").run(f'Hand over to agent "{owners}".', slug=desk)
    [tool] = [step for step in _steps(api("acme"), run["id"]) if step["kind"] == "tool"]
    assert f"the user may talk to no agent '{owners}'" in tool["error"]["message"]
    assert owners not in tool["error"]["message"].partition("there are:")[2]


def test_a_member_of_a_team_has_no_conversation_to_hand_over(api: Any) -> None:
    crew = Crew("globex")
    desk = crew.agent("desk", "Hands over conversations.", "hand_over")
    counter = crew.agent("counter", SUMS, "calculator")
    slug = crew.team("crew", "route", desk)
    client = api("globex")
    run = run_team(client, slug, f'Hand over to agent "{counter}".')
    [below] = client.get("/runs", params={"parent_run_id": run["id"]}).json()["items"]
    [tool] = [step for step in _steps(client, below["id"]) if step["kind"] == "tool"]
    assert "only the agent that the user talks to" in tool["error"]["message"]


def _steps(client: Any, run_id: str) -> list[dict[str, Any]]:
    return list(client.get(f"/runs/{run_id}/steps").json()["items"])
