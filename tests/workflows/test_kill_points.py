"""`kill -9` at a write of a workflow's journal: what comes of it is what would have come of it.

At every write with KILL_POINTS=all; else at as many in each tenant as KILL_POINTS says (1), chosen
by KILL_SEED. The workflow has sixty nodes and pauses three times; what it does to the world is
counted by a server that is never killed, and by the notes in the database.
"""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import httpx
import pytest

from tests.support import parcels
from tests.support.client import Api
from tests.support.models import serving
from tests.support.server import Server
from tests.support.waiting import until
from tests.teams.making import NOTES
from tests.teams.test_kill_points import POINTS, SEED, Dying
from tests.workflows.making import Flows, flat, steps, tree

pytestmark = pytest.mark.usefixtures("committed")
ENTRIES = 3


def graph(flows: Flows) -> str:
    """A chain, entries that write, rounds, a race, and three people one after the other: before
    a team, inside it, and inside another workflow.
    """
    scribe = flows.agent("scribe", NOTES, "create_note", grants={"create_note": {"tier": "admin"}})
    crew = flows.team("crew", "broadcast", scribe)
    inner = flows.flow(
        "inner",
        {"id": "ask", "kind": "human", "message": "Inside?", "roles": ["approver"]},
        {"id": "say", "kind": "transform", "args": {"ok": "ask.approved"},
         "set": {"ok": "args.ok"}},
        {"id": "ship", "kind": "tool", "tool": parcels.NAME, "after": ["say"],
         "args": {"text": {"value": f"{flows.mark} inner"}}, "retries": {"attempts": 3}},
        result={"ok": "say.ok", "sent": "ship.shipped"},
    )  # fmt: skip
    chain = [
        {"id": f"c{at}", "kind": "transform", "set": {"n": "args.n + 1"},
         "args": {"n": f"c{at - 1}.n" if at else {"value": 0}}}
        for at in range(30)
    ]  # fmt: skip
    return flows.flow(
        "sixty",
        *chain,
        {"id": "each", "kind": "map", "over": {"value": list(range(ENTRIES))}, "concurrency": 2,
         "nodes": [
             {"id": "text", "kind": "transform", "args": {"n": "item"},
              "set": {"t": f'"{flows.mark} entry " + string(args.n)'}},
             {"id": "keep", "kind": "tool", "tool": "create_note", "args": {"text": "text.t"}},
             {"id": "ship", "kind": "tool", "tool": parcels.NAME, "args": {"text": "text.t"},
              "retries": {"attempts": 3}},
             {"id": "sum", "kind": "tool", "tool": "calculator",
              "args": {"expression": {"value": "20 + 22"}}, "after": ["keep", "ship"]}],
         "result": {"t": "text.t"}},
        {"id": "rounds", "kind": "loop", "times": 5, "until": "last.add.n >= 6",
         "nodes": [{"id": "add", "kind": "transform", "set": {"n": "args.n + 2"},
                    "args": {"n": {"from": "last.add.n", "default": 0}}}]},
        {"id": "race", "kind": "parallel", "wait_for": "any",
         "nodes": [{"id": "long", "kind": "wait", "seconds": 9999},
                   {"id": "short", "kind": "transform", "set": {"n": "1"}}]},
        {"id": "gate", "kind": "human", "message": "Go on?", "roles": ["approver"],
         "after": ["c29", "each", "rounds", "race"]},
        {"id": "open", "kind": "condition", "when": "args.ok", "args": {"ok": "gate.approved"},
         "then": ["team"], "else": ["shut"]},
        {"id": "team", "kind": "team", "team": crew,
         "task": f"Create a note saying {flows.mark} team"},
        {"id": "heard", "kind": "transform", "args": {"t": "team.text"},
         "set": {"ok": 'args.t.contains("saved the note")'}},
        {"id": "shut", "kind": "transform", "set": {"text": '"shut"'}},
        {"id": "inner", "kind": "workflow", "workflow": inner, "after": ["team"],
         "args": {"input": {"value": "x"}}},
        result={"chain": "c29.n", "each": "each.items", "rounds": "rounds.rounds",
                "ok": "inner.ok", "race": "race.short.n", "heard": "heard.ok"},
    )  # fmt: skip


@dataclass
class Played:
    """A run that ended, its journal by depth, key and status, and what it did to the world."""

    run: dict[str, Any]
    journal: Counter[tuple[int, str, str]]
    notes: list[str]
    shipped: list[str]


class DyingFlow(Dying):
    """A server that is killed once at a write of a workflow, and started again."""

    depot: parcels.Depot
    kills = 0

    def play(self, tenant: str, kill_at: int | None) -> Played:
        flows = Flows(tenant)
        slug = graph(flows)
        self.count.write_bytes(b"")
        self.at.write_text("" if kill_at is None else str(kill_at))
        member = Api.signed_in(self.server, tenant, "member")
        approver = Api.signed_in(self.server, tenant, "approver")
        self.run_id = ""
        until(lambda: self._on(member, approver, slug, flows.mark), bool, seconds=90)
        self.at.write_text("")
        run = member.get(f"/runs/{self.run_id}").json()
        journal = Counter(
            (one["depth"], step["key"].replace(flows.mark, "MARK"), step["status"])
            for one in flat(tree(member, self.run_id))
            for step in steps(member, one["id"])
        )
        shipped = [text for text in self.depot.shipped.values() if flows.mark in text]
        return Played(
            run=_plain(run, flows.mark),
            journal=journal,
            notes=sorted(note.replace(flows.mark, "MARK") for note in flows.notes()),
            shipped=sorted(text.replace(flows.mark, "MARK") for text in shipped),
        )

    def _on(self, member: Api, approver: Api, slug: str, key: str) -> bool:
        """One look at the run, which decides on what it waits for; True once it has ended."""
        try:
            if not self.run_id:
                body = {"input": "go", "background": True}
                headers = {"Idempotency-Key": key}
                answer = member.post(f"/workflows/{slug}/runs", json=body, headers=headers)
                self.run_id = answer.json()["id"]
            run = member.get(f"/runs/{self.run_id}").json()
            if run["status"] == "paused":
                asked = {"run_id": self.run_id, "status": "waiting"}
                for one in approver.get("/approvals", params=asked).json()["items"]:
                    said = {"decision": "approve"}
                    approver.post(f"/approvals/{one['id']}/decision", json=said)
            return bool(run["finished_at"])
        except httpx.TransportError:
            until(self.server.processes[0].poll, lambda code: code is not None)
            self.kills += 1
            self.server.kill()
            self.server.start()
            return False


def _plain(run: dict[str, Any], mark: str) -> dict[str, Any]:
    """What of a run doesn't depend on when it was made and by what name."""
    output = [entry["t"].replace(mark, "MARK") for entry in run["output"]["each"]]
    return {
        "status": run["status"],
        "error": run["error"],
        "output": {**run["output"], "each": output},
    }


# Nobody else takes its runs over, however long it takes to start again: only it has the depot.
KEEPS = {"LEASE_SECONDS": "900"}


@pytest.fixture(scope="module")
def dying(database: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[DyingFlow]:
    place = tmp_path_factory.mktemp("kills")
    at, count = place / "at", place / "count"
    at.write_text("")
    count.write_bytes(b"")
    depot = parcels.Depot(lambda before, key: False)
    with parcels.registered(), serving(depot):
        env = {"KILL_AT": str(at), "KILL_COUNT": str(count), "DEPOT_URL": depot.url, **KEEPS}
        with Server.started(env, application="tests.support.dying_asgi:application") as server:
            found = DyingFlow(server, at, count)
            found.depot = depot
            yield found


@pytest.mark.parametrize("tenant", ["acme", "globex"])
def test_killed_at_a_write_a_workflow_comes_to_what_it_would_have(
    dying: DyingFlow, tenant: str
) -> None:
    calm = dying.play(tenant, None)
    writes = dying.writes
    assert calm.run["status"] == "completed", calm.run
    assert calm.run["output"]["chain"] == 30 and calm.run["output"]["heard"] is True
    nodes = [key for _, key, _ in calm.journal if "!" not in key]
    assert len(nodes) >= 60
    client = Api.signed_in(dying.server, tenant, "member")
    with client.stream("GET", f"/runs/{dying.run_id}/events") as events:
        assert [one["type"] for one in events].count("run.paused") == 3
    assert set(calm.journal.values()) == {1}
    assert len(calm.notes) == len(calm.shipped) == ENTRIES + 1
    # One half of the points in each tenant, where all are asked for.
    every = list(range(1, writes + 1))
    if POINTS == "all":
        chosen = every[tenant == "globex" :: 2]
    else:
        chosen = random.Random(f"{SEED} {tenant}").sample(every, min(int(POINTS), writes))
    before = dying.kills
    for point in chosen:
        played = dying.play(tenant, point)
        assert played == calm, f"killed before write {point} of {writes}"
    # As many, unless ends that came together this time made the writes one fewer.
    assert dying.kills > before
    print(f"{dying.kills - before} kills at {len(chosen)} of {writes} writes")
