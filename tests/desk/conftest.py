"""A tenant's service desk with its demo data, and its tools called as a run calls them."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from typing import Any
from uuid import uuid4

import pytest
from django.db import transaction

from agents.desk.models import (
    AccountDeletion,
    Credit,
    Customer,
    CustomerExport,
    Order,
    Refund,
    Report,
    Restart,
    Service,
    SupportTicket,
)
from agents.desk.seed import seed
from agents.tools import registry
from agents.tools.calling import invoke_sync, parse_arguments
from tenants.accounts.models import Member
from tenants.context import TenantRef, use_tenant
from tests.tools.making import context

Call = Callable[..., Any]


def clear() -> None:
    """What runs of other tests left; it goes with the test's transaction."""
    emptied = (AccountDeletion, Credit, Refund, CustomerExport, Report, Restart, SupportTicket)
    for model in (*emptied, Order, Customer, Service):
        model.objects.all().delete()


@pytest.fixture
def desk(acme: TenantRef, globex: TenantRef) -> Iterator[Call]:
    """`desk(tool, **arguments)` in acme, with acme active; `key=` is the call's own, `form=` what
    the user filled in. Both tenants have the demo data.
    """
    with use_tenant(globex):
        clear()
        seed()
    numbers = itertools.count()
    run_id = str(uuid4())
    with use_tenant(acme):
        clear()
        seed()
        member = Member.objects.get(username="member")

        def call(name: str, *, key: str = "", form: Any = None, **arguments: Any) -> Any:
            tool = registry.get(name)
            own = context(
                run_id=run_id,
                member_id=member.pk,
                tenant_schema="acme",
                idempotency_key=key or f"{run_id}:{next(numbers)}",
                response=form,
            )
            with transaction.atomic():
                return invoke_sync(tool, own, parse_arguments(tool, arguments)).data

        yield call
