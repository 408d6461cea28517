"""What a stage, a member, a tool and a whole run may use, and what follows when it is used up."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from tests.support import parcels
from tests.support.client import Api
from tests.support.models import serving
from tests.support.server import Server
from tests.teams.failing import DemoOverHttp, is_told, model_of
from tests.teams.making import SUMS, Crew, flat, run_team, steps, tree

pytestmark = pytest.mark.usefixtures("committed")
SLOW = "You are slow."
PRICE = {"input_price": "1000", "output_price": "1000"}  # a thousandth a token


@pytest.fixture(scope="module")
def model(database: None) -> Iterator[DemoOverHttp]:
    found = DemoOverHttp(lambda body, before: is_told(body, SLOW))
    with serving(found):
        yield found


@pytest.fixture(scope="module")
def depot(database: None) -> Iterator[parcels.Depot]:
    found = parcels.Depot(lambda before, key: True)
    with parcels.registered(), serving(found):
        yield found


@pytest.fixture(scope="module")
def server(model: DemoOverHttp, depot: parcels.Depot) -> Iterator[Server]:
    env = {"DEPOT_URL": depot.url, "RETRY_BASE_SECONDS": "0.02"}
    with Server.started(env, application="tests.support.parcels_asgi:application") as found:
        yield found


def by_slug(client: Api, run_id: str) -> dict[str, dict[str, Any]]:
    return {one["component"]["slug"]: one for one in flat(tree(client, run_id))}


@pytest.mark.parametrize("mode", ["route", "coordinate", "broadcast", "tasks", "plan"])
def test_a_member_that_uses_up_its_time_is_replaced_by_its_fallback(
    server: Server, model: DemoOverHttp, mode: str
) -> None:
    crew = Crew("acme" if mode in ("route", "plan") else "globex")
    with model_of(crew, model, patience=30) as far:
        slow = crew.agent("slow", SUMS, "calculator", model=far, instructions=SLOW)
        quick = crew.agent("quick", "Stands in.", "calculator")
        places = {slow: {"max_seconds": 0.75, "fallback": quick}}
        # A broadcast asks everyone anyway, so who stands in does it twice there.
        slug = crew.team("crew", mode, slow, quick, contracts=places)
        client = Api.signed_in(server, crew.tenant, "member")
        run = run_team(client, slug, "Calculate 17*23.")
    assert run["status"] == "completed", run
    assert "391" in run["output"]
    runs = [one for one in flat(tree(client, run["id"])) if one["depth"]]
    failed = [one for one in runs if one["component"]["slug"] == slow]
    assert [one["error"]["code"] for one in failed] == ["deadline"]
    assert failed[0]["error"]["stage"] == "the model"
    assert "0.75 seconds" in failed[0]["error"]["message"]
    done = [one for one in runs if one["component"]["slug"] == quick]
    assert [one["status"] for one in done] == ["completed"] * (2 if mode == "broadcast" else 1)


def test_a_stage_that_passes_its_time_is_stopped_and_the_rest_of_the_plan_goes_on(
    server: Server, model: DemoOverHttp
) -> None:
    crew = Crew("acme")
    with model_of(crew, model, patience=30) as far:
        slow = crew.agent("slow", "Keeps parcels.", model=far, instructions=SLOW)
        counter = crew.agent("counter", SUMS, "calculator")
        slug = crew.team("desk", "plan", slow, counter, stage_seconds=2.5, rounds=0)
        client = Api.signed_in(server, "acme", "member")
        run = run_team(client, slug, "Keep the parcels. Calculate 17*23.")
    assert by_slug(client, run["id"])[slow]["error"]["code"] == "deadline"
    assert by_slug(client, run["id"])[counter]["status"] == "completed"


@pytest.mark.parametrize("tenant", ["acme", "globex"])
def test_a_run_that_passes_its_deadline_says_at_which_stage_it_was(
    server: Server, model: DemoOverHttp, tenant: str
) -> None:
    crew = Crew(tenant)
    with model_of(crew, model, patience=30) as far:
        slow = crew.agent("slow", "Talks.", model=far, instructions=SLOW)
        office = crew.team("office", "broadcast", slow)
        slug = crew.team("house", "broadcast", office, max_seconds=1.75)
        client = Api.signed_in(server, tenant, "member")
        run = run_team(client, slug, "Hello")
    assert (run["status"], run["error"]["code"]) == ("failed", "deadline"), run
    told = [(one["component"]["slug"], one["error"]) for one in flat(tree(client, run["id"]))]
    assert run["error"]["stage"].startswith("office"), told
    assert "1.75 seconds" in run["error"]["message"]
    assert run["error"]["stage"] in run["error"]["message"]


@pytest.mark.parametrize("tenant", ["acme", "globex"])
def test_a_budget_of_cost_holds_for_a_team_with_all_below_it(
    server: Server, model: DemoOverHttp, tenant: str
) -> None:
    crew = Crew(tenant)
    with model_of(crew, model, patience=30, **PRICE) as far:
        counter = crew.agent("counter", SUMS, "calculator", model=far)
        office = crew.team("office", "coordinate", counter, model=far, description=SUMS)
        slug = crew.team("house", "coordinate", office, model=far, max_cost="0.03")
        dear = crew.team("dear", "coordinate", office, model=far, max_cost="9")
        client = Api.signed_in(server, tenant, "member")
        run = run_team(client, slug, "Calculate 17*23.")
        assert (run["status"], run["error"]["code"]) == ("failed", "limit_cost"), run
        assert run["error"]["stage"] == "office", run["error"]
        runs = flat(tree(client, run["id"]))
        deepest = max(runs, key=lambda one: one["depth"])
        assert deepest["error"]["code"] == "limit_cost"
        # Who was refused is below the budget's own, and says whose it is.
        assert f"team {slug}" in deepest["error"]["message"], deepest["error"]
        assert "0.03" in deepest["error"]["message"]
        # No call was begun once it was passed: the last one took it there.
        costs = [
            float(step["usage"]["cost"])
            for one in runs
            for step in steps(client, one["id"])
            if step["kind"] == "model" and step["usage"]["cost"]
        ]
        assert sum(costs) - max(costs) <= 0.03 < sum(costs)
        assert run_team(client, dear, "Calculate 17*23.")["status"] == "completed"


def test_a_member_may_cost_no_more_than_its_place_in_the_team_allows(
    server: Server, model: DemoOverHttp
) -> None:
    crew = Crew("globex")
    with model_of(crew, model, patience=30, **PRICE) as far:
        counter = crew.agent("counter", SUMS, "calculator", model=far)
        spare = crew.agent("spare", "Stands in.", "calculator")
        places = {counter: {"max_cost": "0.001", "fallback": spare}}
        slug = crew.team("desk", "coordinate", counter, spare, contracts=places)
        client = Api.signed_in(server, "globex", "member")
        run = run_team(client, slug, "Calculate 17*23.")
        assert run["status"] == "completed" and "391" in run["output"], run
        found = by_slug(client, run["id"])
        assert found[counter]["error"]["code"] == "limit_cost"
        assert "its team allows it" in found[counter]["error"]["message"]
        assert found[spare]["status"] == "completed"


@pytest.mark.parametrize("tenant", ["acme", "globex"])
def test_a_tool_s_deadline_is_the_least_of_its_own_its_agent_s_and_its_team_s(
    server: Server, depot: parcels.Depot, tenant: str
) -> None:
    from tenants.context import use_tenant

    crew = Crew(tenant)
    grants = {parcels.NAME: {"tier": "free", "timeout_ms": 300}}
    shipper = crew.agent("shipper", parcels.SHIPS, parcels.NAME, grants=grants)
    slug = crew.team("desk", "route", shipper)
    with use_tenant(crew.ref):
        from agents.models import Team
        from approvals.models import Grant

        strict = Team.objects.get(slug=slug)
        Grant.objects.create(team=strict, tool=parcels.NAME, tier="free", timeout_ms=90)
    client = Api.signed_in(server, tenant, "member")

    def tool(run_id: str) -> dict[str, Any]:
        runs = flat(tree(client, run_id))
        found = [s for one in runs for s in steps(client, one["id"]) if s["kind"] == "tool"]
        return found[0]

    before = len(depot.asked)
    alone = client.run(f"Ship a parcel saying {crew.mark}", slug=shipper)
    step = tool(alone["id"])
    assert "longer than its limit of 0.3 s" in step["error"]["message"], step
    run = run_team(client, slug, f"Ship a parcel saying {crew.mark}")
    step = tool(run["id"])
    assert "longer than its limit of 0.09 s" in step["error"]["message"], step
    assert len(depot.asked) - before <= 2 * parcels.ATTEMPTS


@pytest.mark.parametrize(
    ("fallback", "why"),
    [("nobody", "can't fall back on 'nobody'"), ("self", "can't fall back on")],
)
def test_a_fallback_that_is_no_other_member_is_refused_at_its_place(
    committed: None, fallback: str, why: str
) -> None:
    from agents.models import Team
    from agents.services.publish_team import publish_team
    from config.errors import Invalid
    from tenants.context import use_tenant

    crew = Crew("acme")
    agent = crew.agent("counter", SUMS)
    other = crew.agent("talker", "Talks.")
    named = agent if fallback == "self" else fallback
    slug = crew.draft("desk", "route", other, agent, contracts={agent: {"fallback": named}})
    with use_tenant(crew.ref), pytest.raises(Invalid) as refused:
        publish_team(None, Team.objects.get(slug=slug).pk)
    assert why in str(refused.value)
    assert refused.value.errors[0]["loc"] == ["members", 1, "fallback"]


def test_specs_of_before_keep_their_digests_and_new_figures_come_back_as_they_were() -> None:
    from agents.specs import AgentSpec, TeamSpec, canonical, read_spec

    plain = AgentSpec(slug="a", name="A")
    assert b'"limits":{"seconds":300,"tokens":100000,"turns":10}' in canonical(plain)
    given: dict[str, Any] = {
        "kind": "team",
        "slug": "t",
        "name": "T",
        "members": [
            {"slug": "a", "name": "A", "seconds": 0.25, "cost": "0.50", "fallback": "b"},
            {"slug": "b", "name": "B"},
        ],
        "limits": {"seconds": 1.5, "cost": "2"},
        "stage": {"seconds": 2.0, "tokens": 10},
    }
    spec = read_spec(given)
    assert isinstance(spec, TeamSpec)
    shown = spec.model_dump(mode="json")
    assert shown["members"][0]["seconds"] == 0.25 and shown["members"][0]["cost"] == "0.5"
    assert shown["stage"] == {"seconds": 2, "tokens": 10}
    assert "cost" not in shown["members"][1]
    assert canonical(read_spec(shown)) == canonical(spec)
