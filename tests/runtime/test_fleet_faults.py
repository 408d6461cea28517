"""A fleet under faults: killed executors, a restarted database, limits that several processes keep.

Each run writes a note: an effect that must happen once, whatever else happens.
"""

from __future__ import annotations

from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from uuid import uuid4

from tests.support.client import Api
from tests.support.fleet import FleetDatabase, executors
from tests.support.server import Server
from tests.support.waiting import until

TENANTS = ("acme", "globex")
HOLDS_NONE = {"EXECUTOR_CAPACITY": "0", "NOTES_MAX": "100000"}
# Slow at first, so that all runs are under way together; then quick to the end.
SLOW = {"DEMO_MODEL_FIRST_DELAY": "1.5", "DEMO_MODEL_DELAY": "0.001", "NOTES_MAX": "100000"}


def start_notes(server: Server, mark: str, each: int) -> dict[str, list[str]]:
    """Background runs in both tenants, each to write one note; run ids by tenant."""

    def start(client: Api, number: int) -> str:
        ask = {"input": f"Create a note saying {mark} number {number}", "background": True}
        answer = client.post("/agents/assistant/runs", json=ask)
        assert answer.status_code == 202, answer.text
        return str(answer.json()["id"])

    started = {}
    for tenant in TENANTS:
        client = Api.signed_in(server, tenant, "member")
        with ThreadPoolExecutor(4) as pool:
            started[tenant] = list(pool.map(lambda n, c=client: start(c, n), range(each)))
    return started


def statuses(server: Server, tenant: str, runs: list[str]) -> Counter[str]:
    client = Api.signed_in(server, tenant, "member")
    page = client.get("/runs", params={"limit": 500}).json()["items"]
    found = {run["id"]: run["status"] for run in page}
    return Counter(found[run] for run in runs)


def all_completed(server: Server, started: dict[str, list[str]], seconds: float) -> None:
    for tenant, runs in started.items():
        until(
            lambda tenant=tenant, runs=runs: statuses(server, tenant, runs),
            lambda seen: not seen.keys() & {"queued", "running"},
            seconds=seconds,
        )
        assert statuses(server, tenant, runs) == {"completed": len(runs)}


def each_once(fleet: FleetDatabase, mark: str, each: int) -> None:
    for tenant in TENANTS:
        texts = fleet.notes(tenant, mark)
        assert len(texts) == len(set(texts)) == each


def written(fleet: FleetDatabase, mark: str) -> int:
    return sum(len(fleet.notes(tenant, mark)) for tenant in TENANTS)


def held(fleet: FleetDatabase, owner: str) -> int:
    return int(fleet.value("SELECT count(*) FROM tickets_ticket WHERE owner = %s", owner))


def test_two_hundred_runs_survive_the_kill_of_an_executor(fleet: FleetDatabase) -> None:
    mark = uuid4().hex
    with (
        Server.started({**HOLDS_NONE, **fleet.env}) as web,
        executors(2, {**SLOW, **fleet.env}, "--capacity", "150") as (victim, other),
    ):
        started = start_notes(web, mark, 100)
        until(lambda: written(fleet, mark) and held(fleet, victim.owner) >= 20, seconds=120)
        victim.kill()
        assert held(fleet, victim.owner) > 0
        all_completed(web, started, seconds=240)
        each_once(fleet, mark, 100)
        assert "Traceback" not in other.log.read_text()


def test_a_run_of_a_dead_executor_on_another_machine_goes_on_within_the_lease(
    fleet: FleetDatabase,
) -> None:
    mark = uuid4().hex
    lease = {"LEASE_SECONDS": "4", "LEASE_RENEW_SECONDS": "1", "EXECUTOR_POLL_SECONDS": "1"}
    env = {**SLOW, **lease, **fleet.env}
    with Server.started({**HOLDS_NONE, **fleet.env}) as web:
        with executors(1, env) as (first,):
            started = start_notes(web, mark, 2)
            until(lambda: held(fleet, first.owner) > 0)
            first.kill()
            # As if from elsewhere: nobody here can tell that its process is no more.
            foreign = "elsewhere/" + first.owner.partition("/")[2]
            fleet.rows("UPDATE tickets_ticket SET owner = %s WHERE owner <> %s", foreign, "")
        assert held(fleet, foreign) > 0
        with executors(1, env):
            all_completed(web, started, seconds=120)
    each_once(fleet, mark, 2)


def test_limits_hold_over_all_executors(fleet: FleetDatabase) -> None:
    quick = {"DEMO_MODEL_FIRST_DELAY": "0.2", "DEMO_MODEL_DELAY": "0.01", **fleet.env}
    limit = (
        "UPDATE tenants_tenant SET max_concurrent_runs = %s, max_concurrent_runs_per_member = %s"
        " WHERE schema_name = 'acme'"
    )
    fleet.rows(limit, 3, 2)
    try:
        with Server.started(quick) as web, executors(2, quick):
            for name in ("member", "builder", "operator"):
                client = Api.signed_in(web, "acme", name)
                for number in range(5):
                    ask = {"input": f"What is {number}+1?", "background": True}
                    run = client.post("/agents/assistant/runs", json=ask).json()
                    assert run["status"] == "queued"
            seen: set[tuple[int, int]] = set()

            def left() -> int:
                rows = fleet.rows(
                    "SELECT member_id, count(*) FILTER (WHERE owner <> ''), count(*)"
                    " FROM tickets_ticket WHERE schema = 'acme' GROUP BY member_id"
                )
                holding = [row[1] for row in rows]
                seen.add((sum(holding), max(holding, default=0)))
                return sum(row[2] for row in rows)

            until(left, lambda count: count == 0, seconds=240)
            assert max(all_held for all_held, _ in seen) == 3
            assert max(of_one for _, of_one in seen) == 2
    finally:
        fleet.rows(limit, None, None)


def test_a_restart_of_the_database_loses_and_doubles_nothing(fleet: FleetDatabase) -> None:
    mark = uuid4().hex
    env = {**SLOW, "LEASE_RENEW_SECONDS": "1", **fleet.env}
    with (
        Server.started({**HOLDS_NONE, **fleet.env}) as web,
        executors(2, env, "--capacity", "100") as both,
    ):
        started = start_notes(web, mark, 40)
        until(lambda: written(fleet, mark), seconds=120)
        client = Api.signed_in(web, "acme", "member")
        fleet.cluster.stop()
        refused = client.post("/agents/assistant/runs", json={"input": "Hello"})
        assert refused.status_code == 503 and refused.headers["retry-after"]
        assert refused.json()["type"].endswith((":unavailable", ":overloaded"))
        fleet.cluster.start()
        until(lambda: client.get("/me"), lambda answer: answer.status_code == 200)
        all_completed(web, started, seconds=240)
        each_once(fleet, mark, 40)
        for one in both:
            said = one.log.read_text()
            assert "Traceback" not in said, said[said.index("Traceback") - 500 :][:3000]
