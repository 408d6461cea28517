"""A tenant's log begins with the tenant, whatever was done to the template that it is made from."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from django.db import connection

from approvals.audit.keys import newest_key
from approvals.audit.models import AuditEntry, AuditHead, AuditKey
from approvals.audit.seal import seal_all
from approvals.audit.verify import verify
from tenants import happened
from tenants.context import TenantRef, use_tenant
from tenants.template import ensure_template


@pytest.fixture
def with_a_key(committed: None) -> Iterator[None]:
    """The template as a process left it that sealed it too: with a key, and without its chain."""
    with use_tenant(ensure_template()):
        newest_key()
        assert seal_all() == 0
        assert not AuditHead.objects.exists()
    yield
    with use_tenant(ensure_template()), connection.cursor() as cursor:
        cursor.execute("DELETE FROM approvals_auditkey")


def test_a_new_tenants_log_proves_from_its_first_entry(
    with_a_key: None, tenants: Callable[[str], TenantRef]
) -> None:
    for slug in ("first", "second"):
        with use_tenant(tenants(slug)):
            assert not AuditKey.objects.exists()
            happened.tell("test.happened", target=("thing", 1, "Thing"))
            assert seal_all() == AuditEntry.objects.count() > 0
            report = verify()
            assert report.ok and report.first == 1
            assert report.last == report.entries == AuditEntry.objects.count()
