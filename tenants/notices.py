"""Notices: small messages to every process that something it may remember has changed.

    notices.on("member", forget_member)                      # at import, in the cache's own module
    notices.notify("member", id=member.pk)                   # inside the transaction of the change

`notify` joins the current transaction: Postgres delivers on commit, to all listening processes, and
never after a rollback. Each serving process has one LISTEN connection (`start`, `stop`); handlers
run on its event loop, so they must be quick, and a notice of this very process has reached them
before the unit that committed it returns to the loop. A handler is called with None when anything
may have changed unseen (the connection was lost or is back): then it drops all it remembers.

Anyone who may run SQL can send a notice, a tenant's role included, so a notice is no authority:
a handler may only forget, end, or look again. Payloads hold ids and schemas, no content. A cache
filled by these rules is `tenants.kept.Kept`: it also has a time limit, shorter while nobody
listens, and takes no value that was loaded before a notice and stored after it.
"""

from __future__ import annotations

import asyncio
import contextvars
import functools
import json
import logging
import secrets
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import psycopg
from django.conf import settings
from django.db import connection, transaction
from psycopg import AsyncConnection

from config.cancelling import end_tasks
from tenants.context import current
from tenants.pool import connection_parameters

log = logging.getLogger(__name__)

CHANNEL = "concord_notices"
_MOST_BYTES = 7_000  # Postgres takes less than 8,000
_ORIGIN = secrets.token_hex(8)
_RETRY_SECONDS = (0.1, 0.5, 1.0, 2.0)

_handlers: dict[str, list[Handler]] = {}
_listeners: dict[asyncio.AbstractEventLoop, Listener] = {}


@dataclass(frozen=True, slots=True)
class Notice:
    """`schema` is that of the sender's context, "public" for the shared one."""

    kind: str
    schema: str
    fields: dict[str, Any] = field(default_factory=dict)

    def means(self, schema: str, id: int | str) -> bool:
        """Whether it is about this row of this schema: by its id, or about all rows by none."""
        return schema == self.schema and self.fields.get("id", id) == id


Handler = Callable[[Notice | None], None]


def on(kind: str, handler: Handler) -> None:
    """Call `handler` for each notice of this kind, and with None when all may have changed."""
    _handlers.setdefault(kind, []).append(handler)


def notify(kind: str, **fields: int | str) -> None:
    """Tell every process, on commit of the current transaction (at once outside of one)."""
    notice = Notice(kind, current().schema, dict(fields))
    body = {"kind": kind, "schema": notice.schema, "from": _ORIGIN, "fields": fields}
    payload = json.dumps(body, separators=(",", ":"))
    if len(payload.encode()) > _MOST_BYTES:
        raise ValueError(f"a notice holds ids, not {len(payload):,} characters")
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_notify(%s, %s)", [CHANNEL, payload])
    # Not left to the wire: whoever is answered after this has its effect in this process.
    transaction.on_commit(functools.partial(_tell_this_process, notice))


def listening() -> bool:
    """Whether notices arrive in this process; without, caches must be short-lived."""
    return any(listener.connected for listener in _listeners.values())


def start() -> None:
    """Begin to listen on the running loop. Returns at once; repeating it is no error."""
    loop = asyncio.get_running_loop()
    if loop not in _listeners:
        _listeners[loop] = Listener()
        _listeners[loop].start(loop)


async def stop() -> None:
    """Stop listening on the running loop."""
    listener = _listeners.pop(asyncio.get_running_loop(), None)
    if listener is not None:
        await listener.stop()


def dispatch(notice: Notice | None) -> None:
    """Call the handlers of a notice, or all of them with None."""
    if notice is None:
        called = [handler for handlers in _handlers.values() for handler in handlers]
    else:
        called = _handlers.get(notice.kind, [])
    for handler in called:
        try:
            handler(notice)
        except Exception:  # one bad handler must not keep the others from forgetting
            log.exception("a handler of notices failed")


def _tell_this_process(notice: Notice) -> None:
    if not _listeners:  # a command or a worker: there is no loop to be on
        dispatch(notice)
    for loop in list(_listeners):
        if loop.is_closed():
            del _listeners[loop]
        else:
            loop.call_soon_threadsafe(dispatch, notice)


def parse(payload: str) -> Notice | None:
    """The notice in a payload; None for one of this process, told already, or of no sense."""
    try:
        body = json.loads(payload)
        if body["from"] == _ORIGIN:
            return None
        kind, schema, fields = body["kind"], body["schema"], body["fields"]
    except (ValueError, TypeError, KeyError):
        return None
    if isinstance(kind, str) and isinstance(schema, str) and isinstance(fields, dict):
        return Notice(kind, schema, fields)
    return None


class Listener:
    """One connection that listens, made anew when it is lost."""

    def __init__(self) -> None:
        self.connected = False
        self._task: asyncio.Task[None] | None = None

    def start(self, loop: asyncio.AbstractEventLoop) -> None:
        # An empty context: nobody's tenant.
        self._task = loop.create_task(self._for_ever(), context=contextvars.Context())

    async def stop(self) -> None:
        if self._task is not None:
            await end_tasks([self._task])

    async def _for_ever(self) -> None:
        failures = 0
        while True:
            try:
                async with await self._connect() as conn:
                    failures = 0
                    await self._listen(conn)
            except (psycopg.Error, OSError, TimeoutError) as error:
                if failures == 0:
                    log.warning("notices: not listening: %s: %s", type(error).__name__, error)
            finally:
                if self.connected:
                    self.connected = False
                    dispatch(None)  # from here on nothing would be told
            await asyncio.sleep(_RETRY_SECONDS[min(failures, len(_RETRY_SECONDS) - 1)])
            failures += 1

    async def _connect(self) -> AsyncConnection[Any]:
        async with asyncio.timeout(settings.NOTICES_CHECK_SECONDS):
            return await AsyncConnection.connect(
                **connection_parameters(),
                autocommit=True,
                prepare_threshold=None,
                application_name="concord-notices",
            )

    async def _listen(self, conn: AsyncConnection[Any]) -> None:
        await conn.execute(f"LISTEN {CHANNEL}")
        self.connected = True
        dispatch(None)  # what changed before this was not heard
        while True:
            async for received in conn.notifies(timeout=settings.NOTICES_CHECK_SECONDS):
                notice = parse(received.payload)
                if notice is not None:
                    dispatch(notice)
            # Quiet for a while: is anybody there? A cut network tells nothing by itself.
            async with asyncio.timeout(settings.NOTICES_CHECK_SECONDS):
                await conn.execute("SELECT 1")
