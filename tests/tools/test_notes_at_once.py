"""Two runs of one member at the same moment, each in a transaction of its own."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

import pytest
from django.contrib.auth import get_user_model
from django.db import connection, transaction

from agents.models import Note
from agents.tools import builtin, registry
from agents.tools.calling import ToolError, invoke_sync, parse_arguments
from tenants.context import TenantRef, use_shared, use_tenant
from tenants.models import Tenant
from tests.tools.making import context

builtin.load()


@contextmanager
def new_member(ref: TenantRef) -> Iterator[int]:
    with use_tenant(ref):
        member = get_user_model().objects.create_user("in-two-places")
    try:
        yield member.pk
    finally:
        with use_tenant(ref):
            member.delete()


def create(
    ref: TenantRef, member_id: int, written: threading.Event, commit: threading.Event
) -> None:
    """One call in a transaction, which says that it has written and stays open until `commit`."""
    tool = registry.get("create_note")
    try:
        with use_tenant(ref), transaction.atomic():
            args = parse_arguments(tool, {"text": "the last one"})
            invoke_sync(tool, context(member_id=member_id), args)
            written.set()
            assert commit.wait(60)
    finally:
        connection.close()


def waits_for_a_lock() -> bool:
    with use_shared(), connection.cursor() as cursor:
        cursor.execute(
            "SELECT count(*) FROM pg_stat_activity"
            " WHERE datname = current_database() AND wait_event_type = 'Lock'"
        )
        return bool(cursor.fetchone()[0])


def wait_until_locked_out(call: Future[None]) -> None:
    """Until the call waits for a lock; fails when it ends instead, or after 60 s."""
    deadline = time.monotonic() + 60
    while not waits_for_a_lock():
        assert not call.done()
        assert time.monotonic() < deadline


def test_two_calls_at_once_can_not_both_write_the_last_note(committed: None, settings: Any) -> None:
    settings.NOTES_MAX = 1
    with use_shared():
        ref = Tenant.objects.get(schema_name="acme").ref
    written, commit = threading.Event(), threading.Event()
    with new_member(ref) as member_id, ThreadPoolExecutor(2) as threads:
        try:
            first = threads.submit(create, ref, member_id, written, commit)
            assert written.wait(60)
            second = threads.submit(create, ref, member_id, threading.Event(), commit)
            wait_until_locked_out(second)
        finally:
            commit.set()
        first.result(20)
        with pytest.raises(ToolError, match="1 notes already"):
            second.result(20)
        with use_tenant(ref):
            assert Note.objects.filter(member_id=member_id).count() == 1
