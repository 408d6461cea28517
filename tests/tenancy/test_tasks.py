"""Jobs carry their tenant: stamped when queued, active when run, quiet when it is gone."""

from __future__ import annotations

import pytest
from django.db import transaction
from django_q.brokers.orm import ORM
from django_q.conf import Conf
from django_q.models import OrmQ
from django_q.signing import SignedPackage

from tenants.context import TenantRef, current, use_shared, use_tenant
from tenants.lifecycle import resume_tenant, suspend_tenant
from tenants.parked import forget_parked, park
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


def test_a_job_of_a_tenant_that_is_gone_ends_quietly() -> None:
    assert run_in_tenant("nowhere", f"{__name__}.whereabouts") is None
    assert not OrmQ.objects.exists()


def test_a_job_of_a_suspended_tenant_waits_for_its_return(
    acme: TenantRef, globex: TenantRef
) -> None:
    name = f"{__name__}.whereabouts"
    broker = ORM(list_key=Conf.PREFIX)
    suspend_tenant("acme")
    suspend_tenant("globex")
    assert run_in_tenant("acme", name, (1,)) is None
    assert run_in_tenant("globex", name, (2,)) is None
    assert broker.dequeue() is None and OrmQ.objects.count() == 2
    resume_tenant("acme")
    ((_, payload),) = broker.dequeue()
    assert run_in_tenant(*SignedPackage.loads(payload)["args"]) == ("acme", ((1,)))
    assert [row.key for row in OrmQ.objects.exclude(key=Conf.PREFIX)] == ["parked:globex"]


def test_a_job_that_comes_just_after_the_return_is_not_left_behind(acme: TenantRef) -> None:
    assert park("acme", f"{__name__}.whereabouts", (), {})
    assert OrmQ.objects.get().key == Conf.PREFIX


def test_parked_jobs_go_with_their_tenant(acme: TenantRef) -> None:
    suspend_tenant("acme")
    run_in_tenant("acme", f"{__name__}.whereabouts")
    forget_parked("globex")
    assert OrmQ.objects.count() == 1
    forget_parked("acme")
    assert not OrmQ.objects.exists()


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
