"""HTTP connections to model endpoints, kept open between runs.

An aiohttp session belongs to the event loop it was made in, so there is one for each loop and
endpoint. It is made at first use and closed by `aclose_all` when its loop is about to end.
"""

from __future__ import annotations

import asyncio
import threading
from weakref import WeakKeyDictionary

import aiohttp

from agents.models_llm.addresses import guarded_socket

_lock = threading.Lock()
_Key = tuple[str, int, float, str]
_sessions: WeakKeyDictionary[asyncio.AbstractEventLoop, dict[_Key, aiohttp.ClientSession]] = (
    WeakKeyDictionary()
)
_closing: set[asyncio.Task[None]] = set()
# Tenants' providers come and go: of so many sessions the one asked for longest ago is let go. It is
# far more than are in use at once, so that what is let go has no reply under way.
_MOST_GUARDED = 5000


def session_for(
    origin: str, *, limit: int, keepalive: float, tenant: str = ""
) -> aiohttp.ClientSession:
    """The running loop's session for this origin.

    `limit` is the greatest number of connections at once (further calls wait for one),
    `keepalive` the seconds an idle connection stays open. With `tenant` the session is that
    tenant's own, and connects to no address that its providers may not have
    (`addresses.guarded_socket`). TLS is verified with the system's certificates, TCP_NODELAY is
    aiohttp's default.
    """
    loop = asyncio.get_running_loop()
    with _lock:
        of_loop = _sessions.setdefault(loop, {})
    key = (origin, limit, keepalive, tenant)
    session = of_loop.get(key)
    if session is not None and not session.closed:
        if tenant:
            of_loop[key] = of_loop.pop(key)
    else:
        if tenant:
            _let_go(loop, of_loop)
        session = of_loop[key] = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(
                limit=limit,
                keepalive_timeout=keepalive,
                ttl_dns_cache=60,
                socket_factory=guarded_socket if tenant else None,
            ),
            cookie_jar=aiohttp.DummyCookieJar(),
            headers={"User-Agent": "concord"},
            # A compressing proxy would hold tokens back to fill its block.
            skip_auto_headers=("Accept-Encoding",),
        )
    return session


def _let_go(loop: asyncio.AbstractEventLoop, of_loop: dict[_Key, aiohttp.ClientSession]) -> None:
    guarded = [key for key in of_loop if key[3]]
    for key in guarded[: max(len(guarded) - _MOST_GUARDED + 1, 0)]:
        task = loop.create_task(of_loop.pop(key).close())
        _closing.add(task)
        task.add_done_callback(_closing.discard)


async def aclose_all() -> None:
    """Closes the sessions of the running loop; replies still being read on them are cut."""
    with _lock:
        of_loop = _sessions.pop(asyncio.get_running_loop(), {})
    for session in of_loop.values():
        await session.close()
