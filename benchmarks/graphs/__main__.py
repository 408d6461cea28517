"""Graphs beside LangGraph's, with its Postgres checkpointer; a broadcast beside its slowest member.

`make bench-graphs`, or python -m benchmarks.graphs [--runs 20] [--at-once 2] [--out FILE]

The CPU of a node is that of the process that carries the graph out; the database's stands beside
it. This product is asked over HTTP, with rights, audit, events and recovery from any step;
LangGraph is called within its own process.
"""

from __future__ import annotations

import argparse
import statistics
import subprocess
import sys
import time
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

from benchmarks.contenders import environment
from benchmarks.graphs.measuring import PEER_PYTHON, SETTINGS, Plan, Serving, Took, peer, serving
from benchmarks.graphs.shapes import PATH, SHAPES
from benchmarks.machine import machine, revision
from benchmarks.processes import ROOT
from benchmarks.site import model_server, prepared

RESULTS = ROOT / "benchmarks" / "graphs.md"
_BROADCASTS = 7
_PAIRS = 15


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--runs", type=int, default=20)
    parser.add_argument("--at-once", type=int, default=2)
    parser.add_argument("--out", type=Path)
    options = parser.parse_args()
    if not PEER_PYTHON.exists():
        print("bench: LangGraph is not installed: run `make bench-graphs` once.", file=sys.stderr)
        return 2
    plan = Plan(options.runs, options.at_once)
    sides: dict[str, dict[str, Took]] = {}
    with prepared() as (site, _), model_server(first_delay=1.0, delay=0.02) as (slow, _):
        command = [sys.executable, "benchmarks/graphs/install.py"]
        env = environment(site, **SETTINGS)
        subprocess.run(command, cwd=ROOT, env=env, check=True)
        for durability in ("async", "sync"):
            sides[f"LangGraph, durability {durability}"] = peer(site, durability, plan)
        with serving(site) as server:
            sides["Concord"] = {shape.name: server.measure(shape, plan) for shape in SHAPES}
            path, wide, recorded = _wide_and_path(server)
        with serving(replace(site, model_url=slow)) as server:
            alone, members = _broadcast(server)
    text = _report(sides, plan) + _paths(path, wide, recorded) + _members(alone, members)
    print(text)
    (options.out or RESULTS).write_text(text, encoding="utf-8")
    return 0


def _wide_and_path(server: Serving) -> tuple[float, float, float]:
    """Medians in ms, in turns: one node by itself and its join, and fifty of them at once.

    The third is of the fifty, from the run's start to its end as its own record has it.
    """
    for shape in (PATH, SHAPES[0]):
        server.timed(f"bench-{shape.name}")
    path, wide, recorded = [], [], []
    for _ in range(_PAIRS):
        path.append(server.timed(f"bench-{PATH.name}"))
        begun = time.perf_counter()
        run = server.run("workflows", f"bench-{SHAPES[0].name}")
        wide.append((time.perf_counter() - begun) * 1000)
        recorded.append(_between(run["started_at"], run["finished_at"]))
    return statistics.median(path), statistics.median(wide), statistics.median(recorded)


def _broadcast(server: Serving) -> tuple[float, float]:
    """Medians in ms: one member by itself, and four at once until the last has answered."""
    alone, members = [], []
    for _ in range(_BROADCASTS):
        run = server.run("agents", "first")
        alone.append(_between(run["started_at"], run["finished_at"]))
        run = server.run("teams", "bench-four")
        ends = [child["finished_at"] for child in server.tree(run["id"])["children"]]
        members.append(_between(run["started_at"], max(ends)))
    return statistics.median(alone), statistics.median(members)


def _between(start: str, end: str) -> float:
    return (datetime.fromisoformat(end) - datetime.fromisoformat(start)).total_seconds() * 1000


def _report(sides: dict[str, dict[str, Took]], plan: Plan) -> str:
    lines = [
        "# Graphs and teams, measured",
        "",
        f"{datetime.now(UTC):%Y-%m-%d %H:%M} UTC, commit {revision() or 'unknown'}; {machine()}.",
        f"`make bench-graphs`: {plan.runs} runs of each shape, {plan.at_once} at once, one process "
        "a side, the same Postgres; medians.",
        "",
    ]
    for shape in SHAPES:
        lines += [
            f"## {shape.name}: {shape.layers} x {shape.wide} nodes of {shape.ms} ms, a join after "
            "each layer",
            "",
            f"The critical path is {shape.critical_ms} ms.",
            "",
            "| | CPU a node | database a node | a run alone | of critical path | among others |",
            "|---|---|---|---|---|---|",
        ]
        for name, found in sides.items():
            took = found[shape.name]
            lines.append(
                f"| {name} | {took.cpu:.2f} ms | {took.database:.2f} ms | {took.alone:.0f} ms "
                f"| {took.alone / shape.critical_ms:.2f} | {took.among:.0f} ms |"
            )
        lines.append("")
    return "\n".join(lines) + "\n"


def _paths(path: float, wide: float, recorded: float) -> str:
    bare = SHAPES[0].critical_ms
    return (
        "## The wide one beside its path\n\n"
        f"One node of 100 ms and its join, alone, take {path:.0f} ms here as the client sees it; "
        f"fifty at once, in turns with it, {wide:.0f} ms: {wide / path:.2f} of the one. By the "
        f"run's own record, without the request around it, they take {recorded:.0f} ms: "
        f"{recorded / bare:.2f} of the bare {bare} ms.\n\n"
    )


def _members(alone: float, members: float) -> str:
    return (
        "## A broadcast to four members\n\n"
        f"One member by itself takes {alone:.0f} ms, four at once {members:.0f} ms until the last "
        f"has answered: {members / alone:.3f} of the one.\n"
    )


if __name__ == "__main__":
    raise SystemExit(main())
