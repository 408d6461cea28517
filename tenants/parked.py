"""Jobs of a suspended tenant: they wait, out of the cluster's sight, until it is resumed.

A parked job is a row of the queue's own table under a key that no cluster reads.
"""

from __future__ import annotations

from typing import Any

from django.db import transaction
from django.utils import timezone
from django_q.conf import Conf
from django_q.models import OrmQ

from tenants.context import use_shared, use_tenant
from tenants.models import Tenant
from tenants.tasks import package


def _key(schema: str) -> str:
    return f"parked:{schema}"


def park(schema: str, func: str, args: tuple[Any, ...], kwargs: dict[str, Any]) -> bool:
    """Keep a job until its tenant is resumed. False when there is no such tenant, or never was.

    The tenant's row is locked meanwhile, so that no job is parked behind a resume's back: one that
    comes too late for it goes straight to the queue.
    """
    with use_shared(), transaction.atomic():
        tenant = Tenant.objects.select_for_update().filter(schema_name=schema).first()
        if tenant is None or tenant.state not in (Tenant.State.SUSPENDED, Tenant.State.ACTIVE):
            return False
        with use_tenant(tenant.ref):
            key, payload = package(func, *args, **kwargs)
        if tenant.state == Tenant.State.SUSPENDED:
            key = _key(schema)
        OrmQ.objects.create(key=key, payload=payload, lock=timezone.now())
    return True


def release_parked(schema: str) -> int:
    """Give a tenant's parked jobs to the cluster; how many. In the transaction that resumes it."""
    released: int = OrmQ.objects.filter(key=_key(schema)).update(
        key=Conf.PREFIX, lock=timezone.now()
    )
    return released


def forget_parked(schema: str) -> None:
    """Nobody will resume it."""
    OrmQ.objects.filter(key=_key(schema)).delete()
