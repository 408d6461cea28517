"""`kill -9` at a write of the journal: what comes of the run is what would have come of it.

At every write with KILL_POINTS=all; else at as many as KILL_POINTS says (1), chosen by KILL_SEED.
"""

from __future__ import annotations

import os
import random
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.support.client import Api
from tests.support.server import Server
from tests.support.waiting import until
from tests.teams.making import NOTES, SUMS, Crew, ended, flat, steps, tree

pytestmark = pytest.mark.usefixtures("committed")
SEED = os.environ.get("KILL_SEED", "1")
POINTS = os.environ.get("KILL_POINTS", "1")
MODES = ("route", "coordinate", "broadcast", "plan", "tasks")


class Dying:
    """A server that is killed at a write, and started again."""

    def __init__(self, server: Server, at: Path, count: Path) -> None:
        self.server, self.at, self.count = server, at, count

    @property
    def writes(self) -> int:
        return self.count.stat().st_size

    def run(self, crew: Crew, slug: str, kill_at: int | None) -> dict[str, Any]:
        """The run of a note and a sum, ended, with the server killed before a write, or never."""
        self.count.write_bytes(b"")
        self.at.write_text("" if kill_at is None else str(kill_at))
        client = Api.signed_in(self.server, crew.tenant, "member")
        text = f"Create a note saying {crew.mark}. Then calculate 17*23."
        body = {"input": text, "stream": True}
        run_id = ""
        try:
            with client.stream("POST", f"/teams/{slug}/runs", json=body) as events:
                for event in events:
                    run_id = run_id or event["run_id"]
        except (httpx.RemoteProtocolError, httpx.ReadError):
            assert kill_at is not None
        if kill_at is not None and not self.at.read_text():  # else it had fewer writes this time
            until(self.server.processes[0].poll, lambda code: code is not None)
            self.server.kill()
            self.server.start()
            client = Api.signed_in(self.server, crew.tenant, "member")
        self.at.write_text("")
        if not run_id:
            run_id = client.get("/runs", params={"slug": slug}).json()["items"][0]["id"]
        return ended(client, run_id)

    def journal(self, crew: Crew, run: dict[str, Any]) -> set[tuple[int, str, str]]:
        """Every step below the run, by its depth, key and status."""
        client = Api.signed_in(self.server, crew.tenant, "member")
        return {
            (one["depth"], step["key"].replace(crew.mark, "MARK"), step["status"])
            for one in flat(tree(client, run["id"]))
            for step in steps(client, one["id"])
        }


@pytest.fixture(scope="module")
def dying(database: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Dying]:
    place = tmp_path_factory.mktemp("kills")
    at, count = place / "at", place / "count"
    at.write_text("")
    count.write_bytes(b"")
    env = {"KILL_AT": str(at), "KILL_COUNT": str(count)}
    with Server.started(env, application="tests.support.dying_asgi:application") as server:
        yield Dying(server, at, count)


@pytest.mark.parametrize("mode", MODES)
def test_killed_at_a_write_a_run_comes_to_what_it_would_have(dying: Dying, mode: str) -> None:
    tenant = "acme" if MODES.index(mode) % 2 else "globex"

    def crew() -> tuple[Crew, str]:
        made = Crew(tenant)
        scribe = made.agent("scribe", NOTES, "create_note")
        counter = made.agent("counter", SUMS, "calculator")
        return made, made.team("crew", mode, scribe, counter)

    calm, slug = crew()
    undisturbed = dying.run(calm, slug, None)
    assert undisturbed["status"] == "completed", undisturbed
    writes, wanted = dying.writes, dying.journal(calm, undisturbed)
    every = list(range(1, writes + 1))
    chosen = every
    if POINTS != "all":
        chosen = random.Random(f"{SEED} {mode}").sample(every, min(int(POINTS), writes))
    for point in chosen:
        made, slug = crew()
        run = dying.run(made, slug, point)
        told = f"{mode}, killed before write {point} of {writes}"
        assert run["status"] == "completed", (told, run)
        assert _said(run, made) == _said(undisturbed, calm), told
        assert made.notes() == [made.mark], told
        assert dying.journal(made, run) == wanted, told


def _said(run: dict[str, Any], crew: Crew) -> str:
    """The answer, whatever this crew's mark is and the note's number."""
    return re.sub(r"number \*\*\d+\*\*", "number N", run["output"].replace(crew.mark, "MARK"))
