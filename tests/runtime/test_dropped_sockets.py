"""A client that hangs up while it is being told something is no failure of the server's."""

from __future__ import annotations

from typing import Any

from uvicorn.protocols.utils import ClientDisconnected

from agents.consumers import RunConsumer
from tenants.context import TenantRef, use_tenant


async def test_a_send_to_a_client_that_is_gone_ends_quietly(acme: TenantRef) -> None:
    """As uvicorn has it: what is sent raises, and the disconnect comes as the next message."""
    messages = iter(
        [
            {"type": "websocket.connect"},
            {"type": "websocket.receive", "text": "no JSON, so there is an answer"},
            {"type": "websocket.disconnect", "code": 1006},
        ]
    )
    sent: list[str] = []

    async def receive() -> dict[str, Any]:
        return next(messages)

    async def send(message: dict[str, Any]) -> None:
        sent.append(message["type"])
        if message["type"] == "websocket.send":
            raise ClientDisconnected

    with use_tenant(acme):
        await RunConsumer.as_asgi()({"type": "websocket", "headers": []}, receive, send)
    assert sent == ["websocket.accept", "websocket.send"]
    assert next(messages, None) is None
