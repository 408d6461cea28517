"""The benchmark measures what it says: real servers, real streams, errors counted as errors."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from benchmarks import load, sessions
from benchmarks.client import Client, Marks
from benchmarks.contenders import Running, Site, relay
from benchmarks.held import Held
from benchmarks.load import Sample
from benchmarks.processes import Process
from benchmarks.report import report
from benchmarks.results import Figures
from benchmarks.sessions import Turn
from benchmarks.site import model_server
from benchmarks.verdicts import verdicts

FIRST_DELAY, DELAY, TOKENS = 0.03, 0.002, 5


@pytest.fixture
def model() -> Iterator[tuple[str, Process]]:
    with model_server(FIRST_DELAY, DELAY, tokens=TOKENS) as started:
        yield started


@pytest.fixture
def running(model: tuple[str, Process], tmp_path: Path) -> Iterator[Running]:
    site = Site(tmp_path, model[0], agentos_db_url="", postmaster=0)
    with relay().start(site, False) as started:
        yield started


async def test_a_round_measures_time_and_cpu(running: Running, model: tuple[str, Process]) -> None:
    pids = (model[1].pid, model[1].pid)
    sample = await load.measure(running, "plain", 40, 10, pids, warm=5)
    assert (sample.runs, sample.errors, sample.first_error) == (40, 0, "")
    assert sample.cpu > 0
    assert sample.first_p50 >= FIRST_DELAY * 1000
    assert sample.first_p50 <= sample.first_p99
    assert sample.token_p50 >= sample.first_p50


async def test_what_does_not_end_well_is_an_error(running: Running) -> None:
    client = Client(running.process.port, replace(running.marks, good_end=b"never said"))
    outcome = await client.ask(running.request("plain", "Hello", None))
    assert outcome.status == 200
    assert outcome.error.startswith("ended with")
    client.close()


async def test_a_refusal_and_a_missing_server_are_errors(running: Running) -> None:
    port = running.process.port
    client = Client(port, Marks(b"x", b"x"))
    refused = await client.ask(b"GET /nowhere HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n")
    assert (refused.status, refused.error[:8]) == (404, "HTTP 404")
    client.close()
    running.process.stop()
    gone = await Client(port, running.marks).ask(b"GET / HTTP/1.1\r\n\r\n")
    assert "cannot connect" in gone.error


async def test_every_turn_of_a_session_is_measured(running: Running) -> None:
    turns = await sessions.measure(running, 2)
    assert [turn.number for turn in turns] == [1, 2, 5, 50]
    assert all(turn.took >= FIRST_DELAY * 1000 and not turn.errors for turn in turns)


def figures(cpu: float, p99: float, last_turn: float) -> Figures:
    sample = Sample(100, cpu, 1.0, 1.0, 50.0, 20.0, p99, 60.0, 90.0, errors=0)
    turns = [Turn(2, 2.0, 100.0, 0), Turn(50, last_turn, 100.0, 0)]
    load = {("plain", 50): [replace(sample, cpu=cpu + 1), sample], ("plain", 1000): [sample]}
    return Figures(load=load, turns=turns)


def test_a_verdict_compares_the_least_and_says_no_when_it_is_no() -> None:
    good = {
        "Concord, daphne": figures(cpu=2.0, p99=90, last_turn=2.3),
        "AgentOS, tracing off": figures(cpu=10.5, p99=1000, last_turn=9.0),
    }
    assert [verdict.holds for verdict in verdicts(good)] == [True] * 4
    bad = {**good, "Concord, daphne": figures(cpu=2.2, p99=110, last_turn=2.5)}
    assert [verdict.holds for verdict in verdicts(bad)] == [False, False, True, False]
    assert "**no**" in report(bad, ["here"])


def test_held_streams_have_a_verdict_each() -> None:
    held = Held(1000, 0, "", 40.0, 12, 5, 5, 0, 0.5, 9.0, 15.0, 8.0)
    mine = {"Concord, uvicorn": Figures(held=held)}
    assert [verdict.holds for verdict in verdicts(mine)] == [True] * 5
    mine["Concord, uvicorn"].held = Held(990, 10, "x", 70.0, 21, 5, 60, 3, 0.5, 21.0, 30.0, 8.0)
    assert [verdict.holds for verdict in verdicts(mine)] == [False] * 5
