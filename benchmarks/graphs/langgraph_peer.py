"""LangGraph on the same shapes, with its Postgres checkpointer. Run by its own Python.

python benchmarks/graphs/langgraph_peer.py URL DURABILITY RUNS AT_ONCE

Prints lines of JSON and waits for an answer to each: that a shape is ready, and then what it took:
CPU seconds of this process, the runs' times in seconds, and those of runs alone.
"""

from __future__ import annotations

import asyncio
import json
import operator
import sys
import time
import uuid
from pathlib import Path
from typing import Annotated, Any, TypedDict

sys.path.insert(0, str(Path(__file__).resolve().parent.parent.parent))

import uvloop
from langgraph.checkpoint.postgres.aio import AsyncPostgresSaver
from langgraph.graph import END, START, StateGraph
from psycopg.rows import dict_row
from psycopg_pool import AsyncConnectionPool

from benchmarks.graphs.shapes import SHAPES, Shape


class State(TypedDict):
    results: Annotated[dict[str, Any], operator.or_]


def built(shape: Shape, saver: AsyncPostgresSaver) -> Any:
    graph = StateGraph(State)

    def nap(name: str) -> Any:
        async def node(state: State) -> dict[str, Any]:
            await asyncio.sleep(shape.ms / 1000)
            return {"results": {name: {"ms": shape.ms}}}

        return node

    def join(name: str) -> Any:
        async def node(state: State) -> dict[str, Any]:
            return {"results": {name: {"done": shape.wide}}}

        return node

    before = START
    for layer in range(shape.layers):
        names = [f"n{layer}_{index}" for index in range(shape.wide)]
        for name in names:
            graph.add_node(name, nap(name))
            graph.add_edge(before, name)
        graph.add_node(f"join{layer}", join(f"join{layer}"))
        graph.add_edge(names, f"join{layer}")
        before = f"join{layer}"
    graph.add_edge(before, END)
    return graph.compile(checkpointer=saver)


def tell(what: dict[str, Any]) -> None:
    """A line for the parent, which answers when it has looked at the database's CPU."""
    print(json.dumps(what), flush=True)
    sys.stdin.readline()


async def measure(shape: Shape, saver: Any, durability: str, runs: int, at_once: int) -> Any:
    app = built(shape, saver)
    room = asyncio.Semaphore(at_once)

    async def run() -> float:
        async with room:
            begun = time.perf_counter()
            config = {"configurable": {"thread_id": str(uuid.uuid4())}, "recursion_limit": 100}
            out = await app.ainvoke({"results": {}}, config, durability=durability)
            assert len(out["results"]) == shape.nodes
            return time.perf_counter() - begun

    await run()
    alone = [await run() for _ in range(5)]
    tell({"ready": shape.name})
    before = time.process_time()
    times = await asyncio.gather(*(run() for _ in range(runs)))
    return {"cpu": time.process_time() - before, "times": times, "alone": alone}


async def main(url: str, durability: str, runs: int, at_once: int) -> None:
    options = {"autocommit": True, "prepare_threshold": 0, "row_factory": dict_row}
    async with AsyncConnectionPool(url, min_size=4, max_size=16, kwargs=options) as pool:
        saver = AsyncPostgresSaver(pool)
        await saver.setup()
        for shape in SHAPES:
            tell(await measure(shape, saver, durability, runs, at_once))


if __name__ == "__main__":
    url, durability, runs, at_once = sys.argv[1:]
    uvloop.run(main(url, durability, int(runs), int(at_once)))
