"""Carrying payloads between processes: by Postgres' LISTEN and NOTIFY, or by Redis (REDIS_URL).

Nothing depends on a payload arriving: whoever waits for one also looks for itself, more slowly.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Protocol

from django.conf import settings
from psycopg import AsyncConnection

from tenants.context import use_shared
from tenants.pool import connection_parameters, tenant_connection

# A quiet connection is asked so often whether it still stands.
_CHECK_SECONDS = 20.0
_CONNECT_SECONDS = 5

_NOTIFY = "SELECT pg_notify(%(channel)s, payload) FROM unnest(%(payloads)s::text[]) payload"


class Bus(Protocol):
    async def listen(
        self,
        channels: Sequence[str],
        receive: Callable[[str | bytes], None],
        connected: Callable[[], None],
    ) -> None:
        """Hand over every payload on these channels, until it fails or is cancelled.

        `connected` is called once nothing that is sent from now on can be missed.
        """
        ...

    async def send(self, channel: str, payloads: Sequence[str]) -> None:
        """Send payloads, in their order. Raises what the database or Redis raises."""
        ...

    async def close(self) -> None: ...


class PostgresBus:
    """One connection of its own to listen on, none held to send."""

    async def listen(
        self,
        channels: Sequence[str],
        receive: Callable[[str | bytes], None],
        connected: Callable[[], None],
    ) -> None:
        connection: AsyncConnection[Any] = await AsyncConnection.connect(
            **connection_parameters(),
            autocommit=True,
            application_name="concord-bus",
            connect_timeout=_CONNECT_SECONDS,
        )
        async with connection:
            for channel in channels:
                await connection.execute(f'LISTEN "{channel}"'.encode())
            connected()
            while True:
                async for notice in connection.notifies(timeout=_CHECK_SECONDS):
                    receive(notice.payload)
                await connection.execute("SELECT 1")

    async def send(self, channel: str, payloads: Sequence[str]) -> None:
        with use_shared():
            async with tenant_connection() as conn:
                await conn.execute(_NOTIFY, {"channel": channel, "payloads": list(payloads)})

    async def close(self) -> None:
        """The connection closes with `listen`."""


class RedisBus:
    """Redis' publish and subscribe."""

    def __init__(self, url: str) -> None:
        from redis.asyncio import Redis

        self._redis: Any = Redis.from_url(
            url,
            socket_connect_timeout=_CONNECT_SECONDS,
            socket_keepalive=True,
            health_check_interval=int(_CHECK_SECONDS),
        )

    async def listen(
        self,
        channels: Sequence[str],
        receive: Callable[[str | bytes], None],
        connected: Callable[[], None],
    ) -> None:
        async with self._redis.pubsub() as subscription:
            await subscription.subscribe(*channels)
            waiting = set(channels)
            while True:
                message = await subscription.get_message(timeout=_CHECK_SECONDS)
                if message is None:
                    await subscription.ping()
                elif message["type"] == "subscribe":
                    waiting.discard(message["channel"].decode())
                    if not waiting:
                        connected()
                elif message["type"] == "message":
                    receive(message["data"])

    async def send(self, channel: str, payloads: Sequence[str]) -> None:
        async with self._redis.pipeline(transaction=False) as pipe:
            for payload in payloads:
                pipe.publish(channel, payload)
            await pipe.execute()

    async def close(self) -> None:
        await self._redis.aclose()


def make_bus() -> Bus:
    return RedisBus(settings.REDIS_URL) if settings.REDIS_URL else PostgresBus()
