"""The tool whose only work is to take a while; an app, so that a server under test has it."""

from __future__ import annotations

import asyncio

from django.apps import AppConfig

from agents.tools.registry import tool
from agents.tools.spec import Arguments, Effect, ToolContext
from tenants.accounts.scopes import Scope


class Nap(Arguments):
    ms: int


class NapsConfig(AppConfig):
    name = "benchmarks.graphs"
    label = "bench_graphs"

    def ready(self) -> None:
        @tool(name="nap", effect=Effect.READ, scope=Scope.RUNS_READ, toolkit="benchmark")
        async def nap(context: ToolContext, args: Nap) -> dict[str, int]:
            """Does nothing for so many milliseconds."""
            await asyncio.sleep(args.ms / 1000)
            return {"ms": args.ms}
