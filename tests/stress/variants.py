"""One variant of the server under the clients: started, stressed, stopped, swept."""

from __future__ import annotations

import asyncio
import contextlib
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from tests.stress.clients import PROBES, Clients
from tests.stress.ground import Ground
from tests.stress.tally import Tally
from tests.support.server import Server

APPLICATION = "tests.stress.served:application"
WHOLE = [*PROBES, "run", "socket", "lists", "strangers"]


@dataclass(frozen=True)
class Variant:
    """`kinds`: a server process each. `skip`: the share of checks a mutated one leaves out."""

    name: str
    kinds: tuple[str, ...] = ("uvicorn",)
    scenarios: tuple[str, ...] = PROBES
    cluster: bool = False
    skip: float = 0.0


WHOLE_PRODUCT = Variant(
    "product", kinds=("uvicorn", "daphne"), scenarios=(*WHOLE, "task"), cluster=True
)
MUTATED = Variant("mutated", kinds=("uvicorn", "uvicorn"), skip=0.01)
# The native pool is ours and stays right; `switch` uses the context, which the stock one ignores.
STOCK = Variant("stock", scenarios=("orm", "atomic", "stream"))


def stress(ground: Ground, variant: Variant, seconds: float, workers: int) -> Tally:
    """The tally of `seconds` of stress. The ground must be prepared."""
    tally = Tally()
    env = {
        "DJANGO_SETTINGS_MODULE": "tests.stress.settings",
        "STRESS_VARIANT": variant.name,
        "STRESS_SKIP": str(variant.skip),
    }
    with contextlib.ExitStack() as stack, ThreadPoolExecutor(len(variant.kinds)) as starters:
        starting = [
            Server.started(
                env,
                kind=kind,
                application=APPLICATION,
                cluster=variant.cluster and position == 0,
            )
            for position, kind in enumerate(variant.kinds)
        ]
        servers = list(starters.map(stack.enter_context, starting))
        clients = Clients(tally, [server.port for server in servers], ground.slugs)
        asyncio.run(clients.act(list(variant.scenarios), seconds, workers))
        if variant.cluster:
            ground.wait_for_tasks(tally, 20)
        for server in servers:
            if "Traceback" in (said := server.log.read_text()):
                tally.failed("server log", last_lines(said[said.index("Traceback") :]))
    ground.sweep(tally)
    return tally


def last_lines(said: str) -> str:
    """A traceback's own end: its error and where it was thrown, without what came after it."""
    lines = said.split("\n")
    end = next((n for n, line in enumerate(lines[1:], 1) if line[:1].strip()), len(lines))
    return "\n".join(lines[max(end - 8, 0) : end + 1])
