"""Measure this platform beside AgentOS and a bare relay: `make bench`, or `python -m benchmarks`.

`--quick` takes about four minutes instead of an hour. `--only daphne,off` measures some of daphne,
uvicorn, off and on (AgentOS without and with tracing) and relay; `--parts load,tool,sessions,held`
some of the parts. The report goes to the screen and, unless it is partial, to
benchmarks/results.md (`--out` names another file). `--strict` fails when a claim doesn't hold.
"""

from __future__ import annotations

import argparse
import asyncio
import resource
import sys
import time
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

from benchmarks import held, load, sessions
from benchmarks.contenders import AGENTOS_PYTHON, Contender, Site, agentos, concord, relay
from benchmarks.machine import Others, machine, revision, versions
from benchmarks.plan import FULL, QUICK, Plan
from benchmarks.processes import ROOT, Failed, Process, cpu_seconds
from benchmarks.report import report
from benchmarks.results import Figures
from benchmarks.site import Connections, model_server, prepared
from benchmarks.verdicts import verdicts

RESULTS = ROOT / "benchmarks" / "results.md"
PARTS = ("load", "tool", "sessions", "held")
CONTENDERS = {
    "daphne": concord("daphne"),
    "uvicorn": concord("uvicorn"),
    "off": agentos(tracing=False),
    "on": agentos(tracing=True),
    "relay": relay(),
}


def main() -> int:
    options = _options()
    names, parts = options.only.split(","), options.parts.split(",")
    if unknown := {*names} - {*CONTENDERS} | {*parts} - {*PARTS}:
        print(f"bench: unknown: {', '.join(sorted(unknown))}", file=sys.stderr)
        return 2
    if {"off", "on"} & {*names} and not AGENTOS_PYTHON.exists():
        print("bench: AgentOS is not installed: run `make bench` once.", file=sys.stderr)
        return 2
    _many_files()
    plan = QUICK if options.quick else FULL
    figures: dict[str, Figures] = {}
    begun = time.monotonic()
    others = Others()
    with prepared() as (site, model):
        for name in names:
            contender = CONTENDERS[name]
            figures[contender.name] = each = Figures()
            try:
                _measure(contender, each, plan, parts, site, model)
            except (Failed, OSError) as error:
                each.broken = str(error)
                _say(f"{contender.name}: {error}")
        own = cpu_seconds(site.postmaster)
    own += sum(
        sum(resource.getrusage(who)[:2]) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)
    )
    heading = [
        f"{datetime.now(UTC):%Y-%m-%d %H:%M} UTC, commit {revision() or 'unknown'}, "
        f"{'the quick plan' if options.quick else 'the full plan'}, "
        f"{(time.monotonic() - begun) / 60:.0f} minutes",
        machine(),
        *versions(AGENTOS_PYTHON if {"off", "on"} & {*names} else None),
        f"other processes used {others.percent(own):.0f}% of the machine meanwhile",
    ]
    text = report(figures, heading)
    print(f"\n{text}")
    whole = {*names} == {*CONTENDERS} and {*parts} == {*PARTS} and not options.quick
    if options.out or whole:
        (options.out or RESULTS).write_text(text, encoding="utf-8")
        _say(f"written to {options.out or RESULTS.relative_to(ROOT)}")
    failed = any(not verdict.holds for verdict in verdicts(figures))
    failed = failed or any(each.broken for each in figures.values())
    return 1 if options.strict and failed else 0


def _measure(
    contender: Contender, found: Figures, plan: Plan, parts: list[str], site: Site, model: Process
) -> None:
    with contender.start(site, False) as running:
        pids = (site.postmaster, model.pid)
        agents = {"plain": plan.plain if "load" in parts else ()}
        agents["tool"] = plan.tool if "tool" in parts and contender.has_tools else ()
        for agent, cells in agents.items():
            for cell in cells:
                for _ in range(cell.repeats):
                    warm = min(cell.concurrency, 50)
                    sample = asyncio.run(
                        load.measure(running, agent, cell.runs, cell.concurrency, pids, warm)
                    )
                    found.load.setdefault((agent, cell.concurrency), []).append(sample)
                    _say(
                        f"{contender.name}, {agent}, {cell.concurrency:,} at once: "
                        f"{sample.cpu:.2f} ms CPU a run, {sample.rate:.0f} runs/s, first event "
                        f"p50 {sample.first_p50:.0f} p99 {sample.first_p99:.0f} ms, "
                        f"model {sample.model_cpu:.2f} ms, errors {sample.errors}"
                    )
        if "sessions" in parts and contender.has_database:
            found.turns = asyncio.run(sessions.measure(running, plan.sessions))
            for turn in found.turns:
                _say(f"{contender.name}, turn {turn.number}: {turn.cpu:.2f} ms CPU")
    if "held" in parts:
        found.held = _held(contender, plan.held)
        _say(f"{contender.name}: {found.held}")


def _held(contender: Contender, streams: int) -> held.Held:
    """On a site of its own: what one server held, the next would take over and carry on."""
    with (
        prepared() as (site, _),
        model_server(delay=1.0, tokens=3600) as (slow, _),
        contender.start(replace(site, model_url=slow), True) as running,
        Connections(site.data) as connections,
    ):
        return asyncio.run(held.measure(running, streams, connections.count))


def _many_files() -> None:
    """Each held stream takes a descriptor here, two in the server and one in the model server."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))


def _say(text: str) -> None:
    print(f"[{datetime.now(UTC):%H:%M:%S}] {text}", flush=True)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--only", default=",".join(CONTENDERS))
    parser.add_argument("--parts", default=",".join(PARTS))
    parser.add_argument("--strict", action="store_true")
    parser.add_argument("--out", type=Path)
    return parser.parse_args()


if __name__ == "__main__":
    raise SystemExit(main())
