"""One side after the other: what carries the graphs out, and what each of their nodes costs."""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.contenders import Site, ask_json, environment, signed_in
from benchmarks.graphs.shapes import SHAPES, Shape
from benchmarks.processes import ROOT, Failed, Process, cpu_seconds, free_port, started

PEER_PYTHON = ROOT / ".cache" / "langgraph-venv" / "bin" / "python"
SETTINGS = {"DJANGO_SETTINGS_MODULE": "benchmarks.graphs.settings"}
_WARM, _ALONE = 2, 5
_UVICORN = ["--host", "127.0.0.1", "--no-access-log", "--log-level", "warning"]


@dataclass(frozen=True)
class Plan:
    runs: int
    at_once: int


@dataclass(frozen=True)
class Took:
    """CPU of the process and of the database, in ms a node; a run's time in ms, alone and among
    the others.
    """

    cpu: float
    database: float
    alone: float
    among: float


class Serving:
    """This product, one process on uvicorn, with the benchmark's tool and workflows."""

    def __init__(self, process: Process, site: Site) -> None:
        self.pid = process.pid
        self.site = site
        self.base = f"http://127.0.0.1:{process.port}/api/v1"
        self.headers = signed_in(self.base)

    def run(self, kind: str, slug: str) -> dict[str, Any]:
        """One run to its end. Raises Failed when it doesn't complete."""
        url = f"{self.base}/{kind}/{slug}/runs"
        answer: dict[str, Any] = ask_json(url, {"input": "go"}, self.headers)
        if answer["status"] != "completed":
            raise Failed(f"{slug}: {answer['status']}: {answer['error']}")
        return answer

    def tree(self, run_id: str) -> dict[str, Any]:
        request = urllib.request.Request(f"{self.base}/runs/{run_id}/tree", headers=self.headers)
        with urllib.request.urlopen(request, timeout=30) as answer:
            return dict(json.loads(answer.read()))

    def timed(self, slug: str) -> float:
        """Milliseconds of a run of the workflow, as its client sees it."""
        begun = time.perf_counter()
        self.run("workflows", slug)
        return (time.perf_counter() - begun) * 1000

    def measure(self, shape: Shape, plan: Plan) -> Took:
        slug = f"bench-{shape.name}"
        for _ in range(_WARM):
            self.timed(slug)
        alone = statistics.median(self.timed(slug) for _ in range(_ALONE))
        before = cpu_seconds(self.pid), cpu_seconds(self.site.postmaster)
        with ThreadPoolExecutor(plan.at_once) as pool:
            among = list(pool.map(self.timed, [slug] * plan.runs))
        cpu = cpu_seconds(self.pid) - before[0]
        database = cpu_seconds(self.site.postmaster) - before[1]
        nodes = shape.nodes * plan.runs / 1000
        return Took(cpu / nodes, database / nodes, alone, statistics.median(among))


@contextmanager
def serving(site: Site) -> Iterator[Serving]:
    port = free_port()
    command = [sys.executable, "-m", "config.launch", "uvicorn", *_UVICORN, "--port", str(port)]
    command += ["--lifespan", "on", "--no-server-header", "config.asgi:application"]
    with started(command, environment(site, **SETTINGS), port, "/readyz") as process:
        yield Serving(process, site)


def peer(site: Site, durability: str, plan: Plan) -> dict[str, Took]:
    """LangGraph by shape, in a process of its own, with its checkpoints written as said."""
    url = site.agentos_db_url.replace("postgresql+psycopg", "postgresql")
    script = str(Path(__file__).parent / "langgraph_peer.py")
    command = [str(PEER_PYTHON), script, url, durability, str(plan.runs), str(plan.at_once)]
    found = {}
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1
    ) as process:
        assert process.stdin is not None and process.stdout is not None
        for shape in SHAPES:
            process.stdout.readline()
            before = cpu_seconds(site.postmaster)
            process.stdin.write("\n")
            line = process.stdout.readline()
            if not line:
                raise Failed("LangGraph broke down")
            told = json.loads(line)
            database = cpu_seconds(site.postmaster) - before
            process.stdin.write("\n")
            nodes = shape.nodes * plan.runs / 1000
            found[shape.name] = Took(
                told["cpu"] / nodes,
                database / nodes,
                statistics.median(told["alone"]) * 1000,
                statistics.median(told["times"]) * 1000,
            )
    return found
