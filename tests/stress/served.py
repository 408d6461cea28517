"""The stressed server: the product's own ASGI application, with probes beside its API."""

from __future__ import annotations

import os
from typing import Any

from config.asgi import Application
from tenants.context import current_tenant
from tests.stress import faults, probes

VARIANT = os.environ["STRESS_VARIANT"]
PREFIX = "/api/probe/"


class Stressed(Application):
    async def _route(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] != "http" or not scope["path"].startswith(PREFIX):
            await super()._route(scope, receive, send)
            return
        ref = current_tenant()
        if VARIANT == "stock":
            await faults.set_on_the_thread(ref)
        name, other = scope["path"].removeprefix(PREFIX), scope["query_string"].decode()
        await probes.answer(ref, name, other, send)


if VARIANT == "mutated":
    faults.skip_checks(float(os.environ["STRESS_SKIP"]))

application = Stressed()
