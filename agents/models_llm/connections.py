"""HTTP connections to model endpoints, kept open between runs.

An aiohttp session belongs to the event loop it was made in, so there is one for each loop and
endpoint. It is made at first use and closed by `aclose_all` when its loop is about to end.
"""

from __future__ import annotations

import asyncio
import threading
from weakref import WeakKeyDictionary

import aiohttp

_lock = threading.Lock()
_Key = tuple[str, int, float]
_sessions: WeakKeyDictionary[asyncio.AbstractEventLoop, dict[_Key, aiohttp.ClientSession]] = (
    WeakKeyDictionary()
)


def session_for(origin: str, *, limit: int, keepalive: float) -> aiohttp.ClientSession:
    """The running loop's session for this origin.

    `limit` is the greatest number of connections at once (further calls wait for one),
    `keepalive` the seconds an idle connection stays open. TLS is verified with the system's
    certificates, TCP_NODELAY is aiohttp's default.
    """
    loop = asyncio.get_running_loop()
    with _lock:
        of_loop = _sessions.setdefault(loop, {})
    key = (origin, limit, keepalive)
    session = of_loop.get(key)
    if session is None or session.closed:
        session = of_loop[key] = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(
                limit=limit, keepalive_timeout=keepalive, ttl_dns_cache=60
            ),
            cookie_jar=aiohttp.DummyCookieJar(),
            headers={"User-Agent": "concord"},
            # A compressing proxy would hold tokens back to fill its block.
            skip_auto_headers=("Accept-Encoding",),
        )
    return session


async def aclose_all() -> None:
    """Closes the sessions of the running loop; replies still being read on them are cut."""
    with _lock:
        of_loop = _sessions.pop(asyncio.get_running_loop(), {})
    for session in of_loop.values():
        await session.close()
