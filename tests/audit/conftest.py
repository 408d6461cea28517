"""Tenants of a test's own, because a log that was tampered with stays so."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from approvals.audit.seal import seal_all
from tenants import happened, provisioning
from tenants.context import TenantRef, use_tenant


@pytest.fixture
def tenants(committed: None) -> Iterator[Callable[[str], TenantRef]]:
    """`tenants("initech")`: a new tenant, dropped in the end."""
    made = []

    def new(slug: str) -> TenantRef:
        made.append(provisioning.create_tenant(slug, slug.title(), [f"{slug}.localhost"]))
        return made[-1].ref

    yield new
    for tenant in made:
        provisioning.drop_tenant(tenant)


@pytest.fixture
def two_logs(tenants: Callable[[str], TenantRef]) -> tuple[TenantRef, TenantRef]:
    """Two tenants, with six sealed entries each beyond those of their making."""
    pair = (tenants("audited"), tenants("untouched"))
    for ref in pair:
        with use_tenant(ref):
            for number in range(6):
                happened.tell("test.happened", target=("thing", number, f"Thing {number}"))
            seal_all()
    return pair
