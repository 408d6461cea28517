"""Regular work in one tenant after the other: what fails in one does not end the others'."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from typing import TypeVar

from django.db import DatabaseError

from tenants.context import TenantRef, use_tenant
from tenants.models import every_tenant

T = TypeVar("T")
log = logging.getLogger(__name__)


def in_every_tenant(work: Callable[[], T], *expected: type[Exception]) -> Iterator[T]:
    """What `work` gives in each tenant with tables, the platform's own and suspended ones too.

    Where the database or one of `expected` stops it, that is logged as an error, unless the tenant
    was deleted meanwhile.
    """
    for ref in every_tenant():
        try:
            with use_tenant(ref):
                done = work()
        except (DatabaseError, *expected) as error:
            if has_tables(ref):
                name = getattr(work, "__name__", "work")
                log.error("%s: %s failed: %s: %s", ref.schema, name, type(error).__name__, error)
            continue
        yield done


def has_tables(ref: TenantRef) -> bool:
    """Whether it is a tenant now, and set up. True where the database doesn't say."""
    try:
        return any(tenant.schema == ref.schema for tenant in every_tenant())
    except DatabaseError:
        return True
