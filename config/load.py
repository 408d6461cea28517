"""Overload, told quickly: what this process refuses so that what it already does goes on.

Everything here is a look at memory: no query and no wait. The loop's lag is sampled, the depth of
the queue is what the last look at the tickets found (every EXECUTOR_POLL_SECONDS) plus what was
queued here since, open streams and sockets are counted as they come and go.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections import Counter, deque
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Literal

from django.conf import settings

from config.errors import Problem, TooManyRequests, Unavailable
from config.metrics import LOOP_LAG, REFUSALS

SAMPLE_SECONDS = 0.1
_LAST_OF_A_RUSH = 4  # starts under way: with so few it is over
_RETRY_AFTER = {"queue": 5, "tenant_queue": 5, "lag": 2, "database": 2, "streams": 10}
Holding = Literal["stream", "wait", "socket"]


class LoopLag:
    """How late timers of the event loop are. One task a loop, ten looks a second."""

    def __init__(self) -> None:
        self._samples: deque[tuple[float, float]] = deque()

    async def watch(self) -> None:
        """Sample for ever; cancel it to end."""
        clock = time.perf_counter
        while True:
            due = clock() + SAMPLE_SECONDS
            await asyncio.sleep(SAMPLE_SECONDS)
            now = clock()
            self.seen(now, max(now - due, 0.0))

    def seen(self, at: float, lag: float) -> None:
        LOOP_LAG.observe(lag)
        self._samples.append((at, lag))
        oldest = at - settings.LOOP_LAG_SECONDS
        while self._samples and self._samples[0][0] < oldest:
            self._samples.popleft()

    @property
    def mean(self) -> float:
        """Seconds, over the last LOOP_LAG_SECONDS: a single pause is no overload."""
        samples = list(self._samples)
        return sum(lag for _, lag in samples) / len(samples) if samples else 0.0

    @property
    def high(self) -> bool:
        most = settings.LOOP_LAG_MAX_MS / 1000
        return most > 0 and self.mean > most


class Place:
    """Of one run that is being started.

    `queues`: it is to wait, having found no room in the executor; `queued`: it did come to wait.
    """

    __slots__ = ("queued", "queues")

    def __init__(self, queues: bool) -> None:
        self.queues = queues
        self.queued = False


class QueueDepth:
    """Runs that wait for an executor, of all processes, as far as this one knows.

    Those being queued right now are counted too, or many at once would all find room.
    """

    def __init__(self) -> None:
        self._by_schema: Counter[str] = Counter()
        self._coming: Counter[str] = Counter()
        self.total = 0
        self.oldest_seconds = 0.0

    def found(self, by_schema: Mapping[str, int], oldest_seconds: float) -> None:
        """What a look at the tickets has found; replaces what was counted since the last."""
        self._by_schema = Counter(by_schema)
        self.total = sum(by_schema.values())
        self.oldest_seconds = oldest_seconds

    def add(self, schema: str) -> None:
        self._by_schema[schema] += 1
        self.total += 1

    def claimed(self, schema: str) -> None:
        """A waiting run was taken here: it waits no more."""
        if self._by_schema[schema] > 0:
            self._by_schema[schema] -= 1
            self.total -= 1

    def coming(self, schema: str, change: int) -> None:
        self._coming[schema] += change
        if not self._coming[schema]:
            del self._coming[schema]

    @property
    def depth(self) -> int:
        return self.total + self._coming.total()

    def of(self, schema: str) -> int:
        return self._by_schema[schema] + self._coming[schema]


class Load:
    """One per process."""

    def __init__(self) -> None:
        self.lag = LoopLag()
        self.queue = QueueDepth()
        self.draining = False
        self.taking = 0  # room of the executor that starts under way have been promised
        self._few_starts: asyncio.Event | None = None
        self.full: Callable[[], bool] = lambda: False
        self.open: dict[Holding, int] = {"stream": 0, "wait": 0, "socket": 0}

    def state(self) -> str:
        """ready, overloaded (alive, but new runs are refused or wait) or draining."""
        if self.draining:
            return "draining"
        return "overloaded" if self.lag.high or _above(self.queue.depth, "QUEUE_MAX") else "ready"

    def check_start(self, schema: str, *, queues: bool, database_waiting: int) -> None:
        """Whether a run may be started now. `queues`: it would wait for an executor.

        Raises TooManyRequests or Unavailable with Retry-After; nothing has been written then.
        """
        if self.lag.high:
            raise _busy("lag", "The server is too busy to begin another run.")
        if database_waiting > settings.START_DATABASE_WAITING:
            raise _busy("database", "The server's database connections are all in use.")
        if not queues:
            return
        if _above(self.queue.depth, "QUEUE_MAX"):
            raise _full("queue", "Too many runs are waiting to begin.")
        if _above(self.queue.of(schema), "QUEUE_MAX_PER_TENANT"):
            raise _full("tenant_queue", "Too many of your organisation's runs are waiting.")

    def check_any_start(self) -> None:
        """What can be told of a start before it is known whose it is; raises like `check_start`."""
        if self.lag.high:
            raise _busy("lag", "The server is too busy to begin another run.")
        if _above(self.queue.depth, "QUEUE_MAX") and self.full():
            raise _full("queue", "Too many runs are waiting to begin.")

    @contextmanager
    def place(self, schema: str, *, queues: bool) -> Iterator[Place]:
        """Hold a place while a run is being started; the caller says whether it was queued."""
        place = Place(queues)
        if queues:
            self.queue.coming(schema, 1)
        else:
            self.taking += 1
        try:
            yield place
        finally:
            if queues:
                self.queue.coming(schema, -1)
            else:
                self.taking -= 1
                if self._few_starts is not None and self.taking <= _LAST_OF_A_RUSH:
                    self._few_starts.set()
                    self._few_starts = None
            if place.queued:
                self.queue.add(schema)

    async def starts_first(self) -> None:
        """Wait while many runs are being started, START_FIRST_SECONDS at most.

        For a run before it does anything: in a rush everybody's run is durable, and said to be,
        before the first ones spend what the server has.
        """
        if not _above(self.taking, "START_FIRST_ABOVE"):
            return
        if self._few_starts is None:
            self._few_starts = asyncio.Event()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(settings.START_FIRST_SECONDS):
                await self._few_starts.wait()

    def check_following(self) -> None:
        """Whether another event stream may be opened; Unavailable with Retry-After if not."""
        if _above(self.open["stream"] + self.open["wait"], "STREAMS_MAX"):
            REFUSALS.labels("streams").inc()
            raise Unavailable(
                "This server has as many open streams as it takes.",
                code="too_many_streams",
                headers={"Retry-After": str(_RETRY_AFTER["streams"])},
            )

    def socket_fits(self) -> bool:
        if _above(self.open["socket"], "SOCKETS_MAX"):
            REFUSALS.labels("sockets").inc()
            return False
        return True

    @contextmanager
    def holding(self, what: Holding) -> Iterator[None]:
        """Count something long-lived while the block lasts."""
        self.open[what] += 1
        try:
            yield
        finally:
            self.open[what] -= 1


def _above(count: int, setting: str) -> bool:
    most: int = getattr(settings, setting)
    return 0 < most <= count


def _full(reason: str, says: str) -> Problem:
    REFUSALS.labels(reason).inc()
    return TooManyRequests(
        f"{says} Try again in a while.", code="overloaded", headers=_headers(reason)
    )


def _busy(reason: str, says: str) -> Problem:
    REFUSALS.labels(reason).inc()
    return Unavailable(
        f"{says} Try again in a moment.", code="overloaded", headers=_headers(reason)
    )


def _headers(reason: str) -> dict[str, str]:
    return {"Retry-After": str(_RETRY_AFTER[reason])}


load = Load()
