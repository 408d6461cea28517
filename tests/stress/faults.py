"""How the controls are broken. Imported by the stressed servers alone."""

from __future__ import annotations

import random

from django.db import connection

from tenants.context import TenantRef
from tenants.db import path
from tenants.hop import hop


def skip_checks(share: float) -> None:
    """Let this share of the checks find the connection right, whatever tenant it is on."""
    needs_set = path.needs_set

    def careless(pgconn: path.PGconn, ref: TenantRef) -> bool:
        return random.random() >= share and needs_set(pgconn, ref)

    path.needs_set = careless


async def set_on_the_thread(ref: TenantRef) -> None:
    """What django-tenants' middleware does: the tenant is the connection's of whatever thread."""
    await hop(lambda: connection.set_schema(ref.schema))
