"""A tenant is deleted although somebody still reads its tables."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest
from django.conf import settings
from django.db import connection

from config.embedded import Cluster
from tenants import provisioning
from tenants.context import use_shared
from tenants.models import Tenant
from tests.support.waiting import until

LOCKED = """
    SELECT c.relname FROM pg_locks l JOIN pg_class c ON c.oid = l.relation
    WHERE c.relnamespace = to_regnamespace(%s) AND c.relkind = 'r'
    AND l.mode = 'AccessExclusiveLock' AND {}
"""


@pytest.fixture
def reader(committed: None) -> Iterator[psycopg.Connection[Any]]:
    """A connection that may read everything, and is patient with whom it is in each other's way."""
    cluster = Cluster(Path(os.environ["DATA_DIR"]))
    with cluster.superuser(settings.DATABASES["default"]["NAME"]) as found:
        found.execute("SET deadlock_timeout = '10s'")
        yield found


@pytest.fixture
def tenant(committed: None) -> Iterator[Tenant]:
    yield provisioning.create_tenant("initech", "Initech", ["initech.localhost"])
    with use_shared():
        left = Tenant.objects.filter(schema_name="initech").first()
    if left is not None:
        provisioning.drop_tenant(left)


def test_a_tenant_goes_although_its_tables_are_read_in_another_order(
    reader: psycopg.Connection[Any], tenant: Tenant
) -> None:

    def drop() -> None:
        try:
            provisioning.drop_tenant(tenant)
        finally:
            connection.close()

    dropping = threading.Thread(target=drop)
    with reader.transaction():
        reader.execute("SELECT count(*) FROM initech.accounts_member")
        dropping.start()
        until(lambda: reader.execute(LOCKED.format("NOT granted"), ["initech"]).fetchall())
        held = reader.execute(LOCKED.format("granted"), ["initech"]).fetchall()
        # Now each waits for the other, and after a second the deletion is the one to give way.
        reader.execute(f"SELECT count(*) FROM initech.{held[0][0]}")
    dropping.join()
    with use_shared():
        assert not Tenant.objects.filter(schema_name="initech").exists()
    assert reader.execute("SELECT to_regnamespace('initech')").fetchone() == (None,)
