"""Jobs carry their tenant: stamped when queued, active when run, quiet when it is gone."""

from __future__ import annotations

import pytest
from django.db import transaction
from django_q.models import OrmQ
from django_q.signing import SignedPackage

from tenants.context import TenantRef, current, use_shared, use_tenant
from tenants.models import Tenant
from tenants.tasks import enqueue, package, run_in_tenant

pytestmark = pytest.mark.django_db


def whereabouts(*args: object) -> tuple[str, tuple[object, ...]]:
    return current().schema, args


async def whereabouts_async() -> str:
    return current().schema


def test_a_job_runs_under_the_tenant_that_queued_it(acme: TenantRef, globex: TenantRef) -> None:
    name = f"{__name__}.whereabouts"
    for ref in (acme, globex):
        with use_tenant(ref):
            enqueue(name, 1)
    with use_shared():
        for row, ref in zip(OrmQ.objects.order_by("id"), (acme, globex), strict=True):
            task = SignedPackage.loads(row.payload)
            assert run_in_tenant(*task["args"]) == (ref.schema, (1,))
        assert current().kind == "shared"


def test_a_coroutine_function_is_run_to_its_end(acme: TenantRef) -> None:
    assert run_in_tenant("acme", f"{__name__}.whereabouts_async") == "acme"


def test_a_job_of_a_tenant_that_is_gone_or_suspended_ends_quietly(acme: TenantRef) -> None:
    assert run_in_tenant("nowhere", f"{__name__}.whereabouts") is None
    with use_shared():
        Tenant.objects.filter(schema_name="acme").update(state=Tenant.State.SUSPENDED)
    assert run_in_tenant("acme", f"{__name__}.whereabouts") is None


def test_a_job_queued_in_a_transaction_that_fails_was_never_queued(acme: TenantRef) -> None:
    with use_tenant(acme), pytest.raises(ZeroDivisionError), transaction.atomic():
        enqueue(f"{__name__}.whereabouts")
        raise ZeroDivisionError
    with use_shared():
        assert not OrmQ.objects.exists()


def test_the_row_for_native_sql_is_what_the_queue_itself_would_write(acme: TenantRef) -> None:
    name = f"{__name__}.whereabouts"
    with use_tenant(acme):
        enqueue(name, 7)
        key, payload = package(name, 7)
    with use_shared():
        queued = OrmQ.objects.get()
    theirs, ours = SignedPackage.loads(queued.payload), SignedPackage.loads(payload)
    assert queued.key == key
    assert (ours["func"], ours["args"]) == (theirs["func"], theirs["args"])
    assert set(theirs) - set(ours) <= {"cached", "sync", "ack_failure"}
