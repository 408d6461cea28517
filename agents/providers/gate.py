"""What stands before a provider in this process: its own limits, its rests, and a breaker.

Nothing is shared between processes: a limit is each process's own, and a rest is learnt by each.
Waiting here holds no thread and no connection. One gate for each tenant and provider outlives the
registry's reloads.
"""

from __future__ import annotations

import asyncio
import time
from collections import OrderedDict, deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

from django.conf import settings

from agents.models_llm.errors import BadRequest, ModelError, ModelUnknown, RateLimited
from agents.models_llm.protocol import Usage

_BREAKS_AFTER = 3  # failures in a row
_LONGEST_REST = 60.0  # seconds; a provider that asks for more is asked again then
_BURST_SECONDS = 10.0  # so much of a minute's requests may go at once


class Saturated(RateLimited):
    """This process's own limits towards the provider leave no room in time."""


@dataclass(frozen=True, slots=True)
class GateLimits:
    requests_per_minute: int | None = None
    tokens_per_minute: int | None = None
    concurrent_calls: int | None = None


class Gate:
    """`async with gate.admitted():` around a call; then `succeeded` or `failed`."""

    def __init__(self) -> None:
        self.limits = GateLimits()
        self._active = 0
        self._waiting: deque[asyncio.Future[None]] = deque()
        self._next_request = 0.0  # when the next request would be due at an even pace
        self._tokens = 0.0  # what is left of the minute's tokens, counted back from full
        self._counted_at = 0.0
        self._rest_until = 0.0
        self._failures = 0
        self._open_until = 0.0

    @property
    def broken(self) -> bool:
        """Whether it failed so often just now that another model is the better choice."""
        return time.monotonic() < self._open_until

    @asynccontextmanager
    async def admitted(self) -> AsyncIterator[None]:
        """Wait for room, at most PROVIDER_QUEUE_SECONDS. Raises `Saturated` when there is none."""
        await self._wait_for_pace()
        await self._take_place()
        try:
            yield
        finally:
            self._give_place()

    def succeeded(self, usage: Usage | None = None) -> None:
        self._failures = 0
        self._open_until = 0.0
        if usage is not None and self.limits.tokens_per_minute:
            self._refill(time.monotonic())
            self._tokens -= usage.input_tokens + usage.output_tokens

    def failed(self, error: ModelError) -> None:
        """Learn from a failure: rest for as long as a 429 asks, break after several in a row."""
        if isinstance(error, (Saturated, BadRequest, ModelUnknown)):
            return  # the provider is well
        if isinstance(error, RateLimited):
            if error.retry_after:
                until = time.monotonic() + min(error.retry_after, _LONGEST_REST)
                self._rest_until = max(self._rest_until, until)
            return
        self._failures += 1
        if self._failures >= _BREAKS_AFTER:
            self._open_until = time.monotonic() + settings.PROVIDER_BREAK_SECONDS

    # --- pace -------------------------------------------------------------------------------------

    async def _wait_for_pace(self) -> None:
        now = time.monotonic()
        wait = max(self._rest_until - now, self._wait_for_tokens(now), 0.0)
        due = self._next_request
        if self.limits.requests_per_minute:
            step = 60.0 / self.limits.requests_per_minute
            # Behind the even pace by at most a burst: what was not used before is lost.
            due = max(self._next_request, now - max(_BURST_SECONDS - step, 0.0))
            wait = max(wait, due - now)
        if wait > settings.PROVIDER_QUEUE_SECONDS:
            raise Saturated(
                "The limits set for this provider leave no room now.", retry_after=round(wait, 1)
            )
        if self.limits.requests_per_minute:
            self._next_request = due + step
        if wait > 0:
            await asyncio.sleep(wait)

    def _wait_for_tokens(self, now: float) -> float:
        """Calls are let in while anything is left; what they took is known when they have ended."""
        allowed = self.limits.tokens_per_minute
        if not allowed:
            return 0.0
        self._refill(now)
        return max(-self._tokens / (allowed / 60.0), 0.0) if self._tokens <= 0 else 0.0

    def _refill(self, now: float) -> None:
        allowed = float(self.limits.tokens_per_minute or 0)
        if not self._counted_at:
            self._tokens = allowed
        else:
            gained = (now - self._counted_at) * allowed / 60.0
            self._tokens = min(self._tokens + gained, allowed)
        self._counted_at = now

    # --- places -----------------------------------------------------------------------------------

    async def _take_place(self) -> None:
        most = self.limits.concurrent_calls
        if most is None or (self._active < most and not self._waiting):
            self._active += 1
            return
        place: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append(place)
        try:
            async with asyncio.timeout(settings.PROVIDER_QUEUE_SECONDS):
                await place  # whoever wakes it has counted it already
        except BaseException as error:
            if place.done() and not place.cancelled():
                self._give_place()
            elif place in self._waiting:
                self._waiting.remove(place)
            if isinstance(error, TimeoutError):
                raise Saturated(
                    f"All {most} calls allowed at once to this provider are under way."
                ) from None
            raise

    def _give_place(self) -> None:
        self._active -= 1
        most = self.limits.concurrent_calls
        while self._waiting and (most is None or self._active < most):
            place = self._waiting.popleft()
            if not place.done():
                self._active += 1
                place.set_result(None)


_gates: OrderedDict[tuple[str, int], Gate] = OrderedDict()
_MOST = 10_000


def gate_for(schema: str, provider_id: int, limits: GateLimits) -> Gate:
    """The one gate of this tenant's provider here, with its limits as they are now."""
    gate = _gates.get((schema, provider_id))
    if gate is None:
        gate = _gates[schema, provider_id] = Gate()
        while len(_gates) > _MOST:
            _gates.popitem(last=False)
    else:
        _gates.move_to_end((schema, provider_id))
    gate.limits = limits
    return gate
