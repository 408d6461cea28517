"""Grants over the API: what is granted, and what holds for an agent's tools."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tests.api.test_auth import is_problem
from tests.approvals.granting import grant, no_grants
from tests.support.client import Api

Apis = Callable[..., Api]


@pytest.fixture(autouse=True)
def clean(committed: None) -> Iterator[None]:
    with no_grants():
        yield


def effective(client: Api, tool: str) -> dict[str, Any]:
    answer = client.get("/agents/assistant/grants")
    assert answer.status_code == 200, answer.text
    (found,) = [item for item in answer.json()["items"] if item["tool"] == tool]
    return dict(found)


def test_grants_are_listed_for_whoever_may_see_them(api: Apis) -> None:
    grant("acme", "calculator", "admin", quorum=2, note="why")
    grant("acme", "calculator", "user", agent="assistant")
    grant("globex", "current_time", "audited")
    found = api("acme", "builder").get("/grants").json()
    assert [(item["agent"], item["tier"]) for item in found["items"]] == [
        ("assistant", "user"),
        (None, "admin"),
    ]
    assert found["items"][1]["quorum"] == 2 and found["next"] is None
    own = api("acme", "auditor").get("/grants", params={"agent": "assistant"}).json()["items"]
    assert [item["tier"] for item in own] == ["user"]
    (only,) = api("globex", "auditor").get("/grants?limit=1").json()["items"]
    assert only["tool"] == "current_time"
    assert api("acme", "auditor").get("/grants?tool=current_time").json()["items"] == []
    is_problem(api("acme", "member").get("/grants"), 403, "scope_missing")
    is_problem(api("acme", "member").get("/agents/assistant/grants"), 403, "scope_missing")


def test_what_holds_for_an_agents_tools_follows_each_change(api: Apis) -> None:
    builder = api("acme", "builder")
    before = effective(builder, "calculator")
    assert (before["tier"], before["source"], before["allowed"]) == ("free", "tool", True)
    assert before["grant_id"] is None and before["may_be_raised_to"] == "free"
    number = grant(
        "acme",
        "calculator",
        "audited",
        agent="assistant",
        conditions=[{"when": "tainted", "tier": "admin", "why": "from outside"}],
    )
    after = effective(builder, "calculator")
    assert (after["tier"], after["source"], after["grant_id"]) == ("audited", "agent", number)
    assert after["may_be_raised_to"] == "admin"
    assert after["conditions"] == [{"when": "tainted", "tier": "admin", "why": "from outside"}]
    assert effective(api("globex", "builder"), "calculator")["source"] == "tool"
    assert effective(api("acme", "auditor"), "calculator")["allowed"] is False
    is_problem(builder.get("/agents/nobody/grants"), 404, "unknown_component")
