"""What is read when somebody asks for the metrics: gauges over the state that is there anyway."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Iterable, Iterator
from typing import Any

from django.conf import settings
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.registry import Collector

from agents.runtime.executor import running_executors
from agents.runtime.queue_watch import look_at_queue
from config.load import load
from config.metrics import REGISTRY
from tenants.context import use_shared
from tenants.hop import every_hop
from tenants.pool import open_pools, tenant_connection

log = logging.getLogger(__name__)
Family = GaugeMetricFamily | CounterMetricFamily

_TASKS = """
    SELECT (SELECT count(*) FROM public.django_q_ormq),
        (SELECT count(*) FROM public.django_q_task WHERE NOT success)
"""


class _Database:
    """What the database knows of all processes, looked at every few seconds at most."""

    def __init__(self) -> None:
        self.up = False
        self.tasks_queued = 0
        self.tasks_failed = 0
        self._until = 0.0

    async def look(self) -> None:
        """Never raises: the metrics must be there above all when the database is not."""
        if time.monotonic() < self._until:
            return
        self._until = time.monotonic() + settings.METRICS_CACHE_SECONDS
        try:
            with use_shared():
                await look_at_queue()
                async with tenant_connection(settings.START_DATABASE_SECONDS) as conn:
                    row: Any = await (await conn.execute(_TASKS)).fetchone()
            self.tasks_queued, self.tasks_failed = row
            self.up = True
        except Exception as error:
            self.up = False
            log.warning("metrics without the database: %s: %s", type(error).__name__, error)


database = _Database()


class StateCollector(Collector):
    """Gauges of this process and, from the last look, of the database."""

    def collect(self) -> Iterable[Family]:
        yield from _runs()
        yield from _pool()
        yield from _threads()
        yield _gauge("event_loop_lag_mean_seconds", "Over LOOP_LAG_SECONDS.", load.lag.mean)
        family = GaugeMetricFamily("concord_open", "What clients hold open here.", labels=["what"])
        for what, count in load.open.items():
            family.add_metric([what], count)
        yield family
        states = GaugeMetricFamily(
            "concord_state", "1 for the state that /readyz tells.", labels=["state"]
        )
        for state in ("ready", "overloaded", "draining"):
            states.add_metric([state], load.state() == state)
        yield states


def _runs() -> Iterator[Family]:
    held = capacity = 0
    for executor in running_executors():
        held += executor.held
        capacity += executor.capacity
    yield _gauge("executor_runs", "Runs held by this process.", held)
    yield _gauge("executor_capacity", "Runs this process holds at most.", capacity)
    yield _gauge("database_up", "Whether the last look at the database went well.", database.up)
    yield _gauge("queue_runs", "Runs waiting for an executor, of all processes.", load.queue.total)
    yield _gauge(
        "queue_oldest_seconds", "How long the oldest of them waits.", load.queue.oldest_seconds
    )
    yield _gauge("tasks_queued", "Jobs in the task cluster's queue.", database.tasks_queued)
    yield _gauge("tasks_failed", "Failed jobs among those it remembers.", database.tasks_failed)


def _pool() -> Iterator[Family]:
    total: dict[str, float] = {}
    for pool in open_pools():
        for name, value in pool.get_stats().items():
            total[name] = total.get(name, 0) + value
    sizes = GaugeMetricFamily(
        "concord_pool_connections", "Connections of the native pool.", labels=["state"]
    )
    free = total.get("pool_available", 0)
    sizes.add_metric(["idle"], free)
    sizes.add_metric(["busy"], total.get("pool_size", 0) - free)
    yield sizes
    yield _gauge("pool_waiting", "Work that waits for one.", total.get("requests_waiting", 0))
    for name, says, source, scale in (
        ("pool_requests", "Connections asked for.", "requests_num", 1),
        ("pool_queued", "Of them, those that had to wait.", "requests_queued", 1),
        ("pool_wait_seconds", "How long they waited in all.", "requests_wait_ms", 1000),
        ("pool_timeouts", "Of them, those that waited in vain.", "requests_errors", 1),
    ):
        yield CounterMetricFamily(f"concord_{name}", says, total.get(source, 0) / scale)


def _threads() -> Iterator[Family]:
    busy = GaugeMetricFamily("concord_orm_busy", "Threads at work.", labels=["threads"])
    waiting = GaugeMetricFamily(
        "concord_orm_waiting", "Work that waits for a thread.", labels=["threads"]
    )
    for threads in every_hop:
        busy.add_metric([threads.name], threads.busy)
        waiting.add_metric([threads.name], threads.waiting)
    yield busy
    yield waiting
    yield _gauge("threads", "Threads of this process.", threading.active_count())


def _gauge(name: str, says: str, value: float) -> GaugeMetricFamily:
    return GaugeMetricFamily(f"concord_{name}", says, value)


REGISTRY.register(StateCollector())
