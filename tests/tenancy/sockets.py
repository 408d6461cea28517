"""A socket at a tenant's door, by X-Tenant as a client that is no browser."""

from __future__ import annotations

from contextlib import AbstractContextManager

from websockets.sync.client import ClientConnection, connect

from tests.support.server import Server


def opened(server: Server, tenant: str) -> AbstractContextManager[ClientConnection]:
    return connect(
        f"ws://127.0.0.1:{server.port}/ws/runs/",
        additional_headers={"X-Tenant": tenant},
        open_timeout=60,
    )
