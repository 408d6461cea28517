"""Consoles signed in over HTTP, and browsers for the pages that move."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tests.admin.console import Console
from tests.support.server import Server
from tests.web.conftest import browser, visits

__all__ = ["browser", "visits"]

SLOW = {"DEMO_MODEL_FIRST_DELAY": "1", "DEMO_MODEL_DELAY": "1"}


@pytest.fixture(scope="module")
def console(server: Server) -> Iterator[Callable[..., Console]]:
    """`console("acme", "owner")`: signed in as that member; without a name, not signed in."""
    made: dict[tuple[str, str], Console] = {}

    def signed_in(tenant: str = "acme", username: str = "owner") -> Console:
        key = (tenant, username)
        if key not in made:
            made[key] = Console(server, tenant)
            if username:
                answer = made[key].sign_in(username)
                assert answer.status_code == 302, answer.text
        return made[key]

    yield signed_in
    for found in made.values():
        found.close()


@pytest.fixture
def visitor(server: Server) -> Iterator[Callable[[str], Console]]:
    """`visitor("acme")`: a console that nobody has signed in to yet, for one test."""
    made: list[Console] = []

    def arrives(tenant: str = "acme") -> Console:
        made.append(Console(server, tenant))
        return made[-1]

    yield arrives
    for found in made:
        found.close()


@pytest.fixture(scope="module")
def slow_server(server: Any) -> Iterator[Server]:
    """A second server over the same database, whose demo model is slow enough to be watched."""
    with Server.started(SLOW) as slow:
        yield slow
