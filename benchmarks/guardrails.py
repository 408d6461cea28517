"""What guardrails cost: a plain run with personal data, secrets and injection on, against off.

python -m benchmarks.guardrails [--runs 300] [--rounds 3] [--server uvicorn]

Both agents are asked in turns, so that a machine that is busy with something else slows both.
"""

from __future__ import annotations

import argparse
import asyncio
import statistics
import subprocess
import sys

from benchmarks.contenders import concord, environment
from benchmarks.load import Sample, measure
from benchmarks.processes import ROOT
from benchmarks.site import prepared


async def _rounds(running: object, options: argparse.Namespace, pids: tuple[int, int]) -> None:
    found: dict[str, list[Sample]] = {"plain": [], "guarded": []}
    for _ in range(options.rounds):
        for agent, samples in found.items():
            sample = await measure(running, agent, options.runs, 20, pids, 60)  # type: ignore[arg-type]
            if sample.errors:
                sys.exit(f"{agent}: {sample.errors} runs failed, the first: {sample.first_error}")
            samples.append(sample)
            print(
                f"{agent:8} {sample.cpu:6.2f} ms CPU a run, database {sample.database_cpu:5.2f}, "
                f"first token {sample.token_p50:6.1f} ms"
            )
    plain, guarded = (statistics.median(s.cpu for s in samples) for samples in found.values())
    print(f"guarded / plain: {guarded / plain:.2f} (medians {guarded:.2f} and {plain:.2f} ms)")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=300)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--server", choices=["uvicorn", "daphne"], default="uvicorn")
    options = parser.parse_args()
    with prepared() as (site, model):
        command = [sys.executable, "benchmarks/bench_agents.py", "--guarded"]
        subprocess.run(command, cwd=ROOT, env=environment(site), check=True)
        with concord(options.server).start(site, False) as running:
            asyncio.run(_rounds(running, options, (site.postmaster, model.pid)))


if __name__ == "__main__":
    main()
