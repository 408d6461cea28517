"""What a start meets when a limit is reached, over HTTP."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tests.api.test_auth import is_problem
from tests.limits.conftest import limit_members, limit_tenant
from tests.support.waiting import until


def early_in_a_minute() -> None:
    """Return when a minute of the clock has some seconds left: the test counts within one."""
    until(lambda: datetime.now(UTC).second < 40, seconds=60)


def used_up(client: Any) -> dict[str, Any]:
    """A finished run: its tokens are counted."""
    return client.run("What is 17*23?")["usage"]  # type: ignore[no-any-return]


def test_a_minute_takes_as_many_starts_as_the_tenant_may_have(
    limits: None, api: Any, start: Callable[..., Any]
) -> None:
    limit_tenant("acme", runs_per_minute=2)
    early_in_a_minute()
    assert [start(api("acme")).status_code for _ in range(2)] == [202, 202]
    refused = start(api("acme", "builder"))  # another member: the tenant's limit
    is_problem(refused, 429, "limit_runs_minute")
    said = refused.json()
    assert said["of"] == "tenant" and "limit" not in said  # figures are for usage:read_all
    assert 1 <= int(refused.headers["retry-after"]) <= 60
    resets = datetime.fromisoformat(said["resets_at"])
    assert resets.second == 0 and timedelta(0) < resets - datetime.now(UTC) < timedelta(minutes=1)
    assert start(api("acme", "owner")).json()["limit"] == 2
    assert start(api("globex")).status_code == 202


def test_a_members_own_limit_stops_nobody_else(
    limits: None, api: Any, start: Callable[..., Any]
) -> None:
    limit_members("acme", "member", runs_per_minute=1)
    early_in_a_minute()
    assert start(api("acme")).status_code == 202
    refused = start(api("acme"))
    is_problem(refused, 429, "limit_runs_minute")
    assert refused.json()["of"] == "member"
    assert (refused.json()["limit"], refused.json()["used"]) == (1, 1)
    assert start(api("acme", "builder")).status_code == 202
    assert start(api("globex")).status_code == 202


def test_an_exception_of_a_member_goes_before_the_limit_of_all(
    limits: None, api: Any, start: Callable[..., Any]
) -> None:
    limit_members("acme", runs_per_minute=1)
    limit_members("acme", "builder", runs_per_minute=0)  # none
    early_in_a_minute()
    assert [start(api("acme", "builder")).status_code for _ in range(3)] == [202] * 3
    assert [start(api("acme")).status_code for _ in range(2)] == [202, 429]


def test_a_start_sent_again_is_neither_refused_nor_counted(
    limits: None, api: Any, start: Callable[..., Any]
) -> None:
    limit_members("acme", "member", runs_per_minute=2)
    early_in_a_minute()
    key = str(uuid.uuid4())
    first = start(api("acme"), key=key).json()["id"]
    assert start(api("acme"), key=key).json()["id"] == first  # below the limit
    assert start(api("acme")).status_code == 202
    assert start(api("acme"), key=key).json()["id"] == first  # at the limit
    is_problem(start(api("acme")), 429, "limit_runs_minute")
    is_problem(start(api("acme"), "Else?", key=key), 409, "idempotency_key_reused")


def test_a_start_that_fails_is_not_counted(
    limits: None, api: Any, start: Callable[..., Any]
) -> None:
    limit_members("acme", "member", runs_per_minute=1)
    early_in_a_minute()
    is_problem(start(api("acme"), session_id=str(uuid.uuid4())), 404, "unknown_session")
    assert start(api("acme")).status_code == 202


@pytest.mark.parametrize("code", ["budget_tokens_day", "budget_tokens_month"])
def test_a_budget_of_tokens_is_refused_with_402_until_it_begins_anew(
    limits: None, api: Any, start: Callable[..., Any], code: str
) -> None:
    used_up(api("acme"))
    window = code.rsplit("_", 1)[1]
    limit_members("acme", "member", **{f"tokens_per_{window}": 1})
    refused = start(api("acme"))
    is_problem(refused, 402, code)
    said = refused.json()
    assert said["used"] >= said["limit"] == 1
    now = datetime.now(UTC)
    resets = datetime.fromisoformat(said["resets_at"])
    assert (resets.hour, resets.minute) == (0, 0) and resets > now
    assert resets.day == 1 if window == "month" else resets - now <= timedelta(days=1)
    assert abs(int(refused.headers["retry-after"]) - (resets - now).total_seconds()) < 60
    assert f"{resets:%Y-%m-%d %H:%M} UTC" in said["detail"]
    assert start(api("globex")).status_code == 202


def test_a_tenants_budget_is_all_members_together(
    limits: None, api: Any, start: Callable[..., Any]
) -> None:
    used_up(api("acme", "builder"))
    limit_tenant("acme", tokens_per_day=1)
    is_problem(start(api("acme", "approver")), 402, "budget_tokens_day")
    limit_tenant("acme", tokens_per_day=10**12)
    assert start(api("acme", "approver")).status_code == 202


def test_a_run_that_passes_a_budget_ends_before_its_next_model_call(limits: None, api: Any) -> None:
    before = api("acme", "approver").get("/usage").json()["totals"]["total_tokens"]
    limit_members("acme", "approver", tokens_per_day=before + 1)
    run = api("acme", "approver").run("What is 17*23?")
    assert run["status"] == "failed"
    assert run["error"]["code"] == "budget_tokens_day"
    assert run["error"]["limit"] == before + 1 and run["error"]["resets_at"]
    steps = api("acme", "approver").get(f"/runs/{run['id']}/steps").json()["items"]
    assert [step["kind"] for step in steps] == ["model", "tool"]  # what was asked for is done
