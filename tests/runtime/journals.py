"""Journals on a run of a test's own, deep enough to see what is written and when."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest

from agents.models import Run, Step
from agents.runtime.journal import Journal
from agents.runtime.log import RunLog
from agents.runtime.store import load_run
from agents.services import admission
from agents.services import start_run as starting
from agents.tickets.models import Ticket
from tenants.accounts.models import Member
from tenants.accounts.principal import of_member
from tenants.context import TenantRef, use_shared, use_tenant
from tenants.hop import hop
from tenants.models import Tenant
from tenants.pool import close_pool, tenant_connection


@pytest.fixture
def ref(committed: None) -> TenantRef:
    with use_shared():
        return Tenant.objects.get(schema_name="acme").ref


@pytest.fixture
async def journal(ref: TenantRef, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Any]:
    """Journals on a run held by a live lease that no executor has: nobody else carries it on."""

    class Nobody:
        owner = "nobody"

        draining = False

        def starts_queued(self) -> bool:
            return False

        def adopt(self, held: Any, events: Any) -> None:
            pass

    monkeypatch.setattr(starting, "executor", lambda: Nobody())
    monkeypatch.setattr(admission, "executor", lambda: Nobody())
    made: list[Any] = []

    async def make() -> Any:
        who = await hop(lambda: of_member(Member.objects.get(username="member")))
        started = await starting.start_run(who, starting.StartRun("assistant", "x"))
        made.append(started.run.id)
        # These tests begin with an empty journal: the model step begun with the run goes.
        await hop(lambda: Step.objects.filter(run=started.run.id).delete())

        async def entered(fence: int = 1) -> Journal:
            async with tenant_connection() as conn:
                run = await load_run(conn, made[0])
            assert run is not None
            return Journal(run, fence, RunLog(run.source))

        return entered

    entered = await use(ref, make)
    yield entered
    await close_pool()

    def clean() -> None:
        Run.objects.filter(pk__in=made).delete()
        Ticket.objects.filter(pk__in=made).delete()

    await use(ref, lambda: hop(clean))


async def use(ref: TenantRef, work: Any) -> Any:
    with use_tenant(ref):
        return await work()
