"""The showcase's tools called as a run calls them, in a tenant that nothing was done in yet."""

from __future__ import annotations

import asyncio
import inspect
import itertools
from collections.abc import Callable, Iterator
from typing import Any
from uuid import uuid4

import pytest
from django.db import transaction

from agents.models import Note
from agents.showcase.models import Dispatch, FileChange, Incident, Todo, UnitReservation
from agents.tools import registry
from agents.tools.calling import invoke, invoke_sync, parse_arguments
from tenants.accounts.models import Member
from tenants.context import TenantRef, use_tenant
from tests.tools.making import context

Call = Callable[..., Any]
WRITTEN = (Dispatch, UnitReservation, Incident, FileChange, Todo, Note)


@pytest.fixture
def call(acme: TenantRef) -> Iterator[Call]:
    """`call(tool, **arguments)` in acme: the tool's data. `key=` is the call's own, `who=` a
    member's name.
    """
    numbers = itertools.count()
    run_id = str(uuid4())
    with use_tenant(acme):
        for model in WRITTEN:
            model._default_manager.all().delete()

        def made(name: str, *, key: str = "", who: str = "member", **arguments: Any) -> Any:
            tool = registry.get(name)
            own = context(
                run_id=run_id,
                idempotency_key=key or f"{run_id}:{next(numbers)}",
                member_id=Member.objects.get(username=who).pk,
                tenant_schema=acme.schema,
            )
            parsed = parse_arguments(tool, arguments)
            if inspect.iscoroutinefunction(tool.handler):
                return asyncio.run(invoke(tool, own, parsed)).data
            with transaction.atomic():
                return invoke_sync(tool, own, parsed).data

        yield made
