"""An executor alone: a process that carries runs and serves nobody."""

from __future__ import annotations

import asyncio
import contextvars
import signal
from collections.abc import Callable
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser

from agents.models_llm import demo, lean  # noqa: F401 - now, not when the first run asks
from agents.models_llm.connections import aclose_all
from agents.runtime.executor import start_executor, stop_executor
from config import leaving, metrics_server, watch
from config.launch import use_fast_loop
from tenants import notices
from tenants.pool import close_pool


class Command(BaseCommand):
    help = (
        "Carries runs that wait for room, were handed over or were lost by another process; any "
        "number of them, on any machine. SIGTERM hands its runs over and ends it."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--capacity",
            type=int,
            default=None,
            help="runs held at once (EXECUTOR_CAPACITY, unless that is 0: then 1000)",
        )

        parser.add_argument(
            "--metrics-port",
            type=int,
            default=settings.METRICS_PORT,
            help="port of /healthz, /readyz and /metrics (METRICS_PORT; 0: none)",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        capacity = options["capacity"]
        if capacity is None:
            # 0 is said to web processes that are to hold none, not to those that are there for it.
            capacity = settings.EXECUTOR_CAPACITY or 1000
        if capacity < 1:
            raise CommandError("--capacity must be at least 1: an executor without room does none")
        told_early = leaving.keep_sigterm()
        use_fast_loop()
        serving = self._serve(capacity, options["metrics_port"], told_early)
        # Not under the shared schema that commands begin on: each run sets its own tenant.
        contextvars.Context().run(asyncio.run, serving)

    async def _serve(
        self, capacity: int, metrics_port: int, told_early: Callable[[], bool]
    ) -> None:
        told = asyncio.Event()
        hurry = asyncio.Event()

        def stop() -> None:
            if told.is_set():
                hurry.set()
            told.set()

        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, stop)
        if told_early():
            stop()
        listening = await self._listen(metrics_port)
        notices.start()
        watch.start()
        executor = start_executor(kind="executor", capacity=capacity)
        self.stdout.write(f"executor {executor.owner} carries up to {capacity} runs")
        self.stdout.flush()
        await told.wait()
        watch.drain()
        await self._stop(hurry)
        await watch.stop()
        await notices.stop()
        await aclose_all()
        await close_pool()
        if listening is not None:
            listening.close()

    async def _listen(self, port: int) -> asyncio.Server | None:
        if not port:
            return None
        try:
            return await metrics_server.serve(settings.METRICS_HOST, port)
        except OSError as error:
            raise CommandError(
                f"METRICS_PORT={port}: can't listen on {settings.METRICS_HOST}: {error.strerror}"
            ) from None

    async def _stop(self, hurry: asyncio.Event) -> None:
        """Hand over; told a second time, let go at once."""
        stopping = asyncio.create_task(stop_executor())
        hurried = asyncio.create_task(hurry.wait())
        await asyncio.wait({stopping, hurried}, return_when=asyncio.FIRST_COMPLETED)
        if not stopping.done():
            stopping.cancel()
        hurried.cancel()
        await asyncio.gather(stopping, hurried, return_exceptions=True)
