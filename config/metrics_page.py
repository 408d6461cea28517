"""`GET /metrics`, of any host: for the machines that watch this one, and nobody else."""

from __future__ import annotations

import asyncio
import hmac
import logging
from collections.abc import Mapping
from ipaddress import ip_address, ip_network
from typing import Any

from django.conf import settings
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

from config.errors import PROBLEM_JSON, Forbidden
from config.health import send_whole
from config.metrics import REGISTRY
from config.metrics_state import database

log = logging.getLogger(__name__)

# A request that came through a proxy has the proxy's address, and is somebody else's.
_FORWARDED = (b"forwarded", b"via", b"x-forwarded-for", b"x-forwarded-proto", b"x-real-ip")


async def metrics(scope: Any, send: Any) -> bool:
    """Answer a request for the metrics and return True; False for any other path."""
    if scope["path"] != "/metrics":
        return False
    scope["route"] = "metrics"
    headers = {name.lower(): value for name, value in scope.get("headers", ())}
    if not allowed(headers, scope.get("client")):
        problem = Forbidden("Metrics need a METRICS_TOKEN, or an address of METRICS_NETWORKS.")
        await send_whole(send, 403, problem.as_dict(), PROBLEM_JSON)
        return True
    await database.look()
    # Text of some thousand lines: on a thread, so that streams go on meanwhile.
    text = await asyncio.to_thread(generate_latest, REGISTRY)
    await send_whole(send, 200, text, CONTENT_TYPE_LATEST)
    return True


def allowed(headers: Mapping[bytes, bytes], client: Any) -> bool:
    """By the bearer token METRICS_TOKEN; or unproxied, from one of METRICS_NETWORKS."""
    kind, _, token = headers.get(b"authorization", b"").partition(b" ")
    wanted = settings.METRICS_TOKEN.encode()
    if wanted and kind.lower() == b"bearer" and hmac.compare_digest(token.strip(), wanted):
        return True
    if any(name in headers for name in _FORWARDED) or not client:
        return False
    try:
        address = ip_address(str(client[0]).partition("%")[0])
    except ValueError:
        return False
    mapped = getattr(address, "ipv4_mapped", None)
    return any((mapped or address) in ip_network(net) for net in settings.METRICS_NETWORKS)
