"""What every test stands on: a real Postgres with two tenants, and a real server over it."""

from __future__ import annotations

import contextlib
import functools
import os
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from django.conf import settings
from django.core.management import call_command

from config.embedded import running
from tenants.context import TenantRef, use_shared, use_tenant
from tests.support.client import Api
from tests.support.fleet import keep_copy
from tests.support.hanging import hanging_agents
from tests.support.server import Server
from tests.support.slowest import rank


def pytest_configure(config: pytest.Config) -> None:
    """A shell's background job ignores SIGINT, and hands that on to the servers started here."""
    for number, usual in ((signal.SIGINT, signal.default_int_handler), (signal.SIGHUP, None)):
        if signal.getsignal(number) is signal.SIG_IGN:
            signal.signal(number, usual or signal.SIG_DFL)

    _read_certificates_once()
    _wait_a_minute_for_answers()


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    if hasattr(config, "workerinput"):  # one of several processes
        items.sort(key=lambda item: rank(item.path))


def _read_certificates_once() -> None:
    """Each httpx client reads all certificates anew, 20 ms of CPU, and there are hundreds here."""
    transports = httpx._transports.default
    transports.create_ssl_context = functools.cache(transports.create_ssl_context)


def _wait_a_minute_for_answers() -> None:
    """httpx' own five seconds are too few where the machine is busy."""
    for what in ("connect", "read", "write", "pool"):
        setattr(httpx._config.DEFAULT_TIMEOUT_CONFIG, what, 60.0)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol(item: pytest.Item) -> Iterator[Any]:
    """Tests, their set-up and tear-down begin on the shared schema, as a command does."""
    with use_shared():
        return (yield)


@pytest.fixture(scope="session")
def database(django_db_blocker: Any) -> Iterator[None]:
    """A fresh database with the demo's two tenants, on an embedded server of the tests' own."""
    data_dir = Path(os.environ["DATA_DIR"])
    with running(data_dir, durable=False) as cluster:
        name = settings.DATABASES["default"]["NAME"]
        cluster.drop_database(name)
        cluster.create_database(name)
        with django_db_blocker.unblock(), use_shared():
            call_command("migrate", verbosity=0)
            call_command("create_demo", verbosity=0)
        _close_connections(django_db_blocker)
        keep_copy(cluster, data_dir)
        yield
        _close_connections(django_db_blocker)


def _close_connections(django_db_blocker: Any) -> None:
    from django.db import connections

    with django_db_blocker.unblock():
        connections.close_all()


@pytest.fixture(scope="session")
def django_db_setup(database: None) -> None:
    """pytest-django would make a test database of its own; this one is it."""


@pytest.fixture
def committed(database: None, django_db_blocker: Any) -> Iterator[None]:
    """Database access without a surrounding transaction: other threads see what is written.

    Such a test cleans up what it makes, or makes what disturbs nobody.
    """
    with django_db_blocker.unblock():
        yield
        with use_shared():
            from django.db import connections

            connections.close_all()


def _ref(slug: str) -> TenantRef:
    from tenants.models import Tenant

    with use_shared():
        return Tenant.objects.get(schema_name=slug).ref


@pytest.fixture
def acme(db: None) -> TenantRef:
    return _ref("acme")


@pytest.fixture
def globex(db: None) -> TenantRef:
    return _ref("globex")


@pytest.fixture
def acme_member(acme: TenantRef) -> Iterator[Any]:
    """The demo's member of acme, with acme active."""
    from tenants.accounts.models import Member

    with use_tenant(acme):
        yield Member.objects.get(username="member")


@pytest.fixture(scope="session")
def server(database: None) -> Iterator[Server]:
    """A web server and a task cluster over the tests' database, as `make run` starts them."""
    with contextlib.ExitStack() as stack:
        running_server = stack.enter_context(Server.started(cluster=True))
        yield running_server
        # Whatever the tests did to it: what it can't handle would be here.
        said = running_server.log.read_text()
        assert "Traceback" not in said and " ERROR " not in said, said[-5000:]


@pytest.fixture(scope="session")
def api(server: Server) -> Iterator[Any]:
    """`api("acme", "builder")`: an HTTP client signed in as that member of that tenant."""
    clients: dict[tuple[str, str], Api] = {}

    def signed_in(tenant: str = "acme", username: str = "member") -> Api:
        key = (tenant, username)
        if key not in clients or clients[key].old:
            clients[key] = Api.signed_in(server, tenant, username)
        return clients[key]

    yield signed_in
    for client in clients.values():
        client.close()


@pytest.fixture
def hanging(committed: None) -> Iterator[str]:
    """The slug of an agent of acme whose runs don't end by themselves."""
    with hanging_agents("acme") as slug:
        yield slug
