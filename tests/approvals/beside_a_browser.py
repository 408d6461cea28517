"""Agents that ask first, for tests whose thread belongs to a browser: the ORM runs on another."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

from django.db import connections

from tenants.context import use_shared
from tests.approvals.making import Careful

T = TypeVar("T")
SIGN_OFF = {"create_note": {"tier": "admin"}}
CONSENT = {"create_note": {"tier": "user"}}


def elsewhere(work: Callable[[], T]) -> T:
    """`work` on a thread of its own, as a command would run it."""

    def alone() -> T:
        with use_shared():
            try:
                return work()
            finally:
                connections.close_all()

    with ThreadPoolExecutor(1) as pool:
        return pool.submit(alone).result()


def careful(tenant: str, grants: dict[str, dict[str, Any]], *tools: str) -> Careful:
    """A published agent; with other tools than a note and sums if some are named."""
    made = Careful(tenant, grants, tools) if tools else Careful(tenant, grants)
    return elsewhere(made.make)


def notes(agent: Careful, mark: str) -> list[str]:
    return elsewhere(lambda: agent.notes(mark))
