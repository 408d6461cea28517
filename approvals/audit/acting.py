"""Tells the database who acts, before each statement that changes a governed table.

The triggers read it from the setting `concord.actor`. It holds for the transaction, or outside of
one for the statement; whoever goes past the application has none, and is on record as the database
login that they are.
"""

from __future__ import annotations

import contextlib
import json
import re
from collections.abc import Callable
from typing import Any

import psycopg
from django.db.backends.signals import connection_created
from psycopg.pq import TransactionStatus

from approvals.audit import sealing
from approvals.audit.governed import GOVERNED, GOVERNED_SHARED
from config.trace import run_id, trace_id
from tenants import happened

_WRITE = re.compile(r'\s*(?:INSERT INTO|UPDATE|DELETE FROM)\s+(?:ONLY\s+)?"?([a-z_]+)', re.I)
_SET = "SELECT set_config('concord.actor', %s, %s)"


def connect() -> None:
    connection_created.connect(_connected, dispatch_uid="who acts, for the audit log")


def _connected(connection: Any, **kwargs: Any) -> None:
    if telling_who not in connection.execute_wrappers:
        connection.execute_wrappers.insert(0, telling_who)


def telling_who(
    execute: Callable[..., Any], sql: Any, params: Any, many: bool, context: dict[str, Any]
) -> Any:
    """Django's wrapper around every statement; most are none of its business."""
    write = _WRITE.match(sql) if isinstance(sql, str) else None
    table = write[1].lower() if write is not None else ""
    shared = table in GOVERNED_SHARED
    if table not in GOVERNED and not shared:
        return execute(sql, params, many, context)
    connection = context["connection"]
    in_transaction = bool(connection.in_atomic_block)
    _tell(connection, json.dumps(_who()), in_transaction)
    try:
        result = execute(sql, params, many, context)
    finally:
        if not in_transaction:
            with contextlib.suppress(psycopg.Error):  # the statement's own error is the one to tell
                _set(connection, "", False)
    sealing.mark_on_commit(of_platform=shared)
    return result


def _tell(connection: Any, who: str, in_transaction: bool) -> None:
    status = connection.connection.pgconn.transaction_status
    if status in (TransactionStatus.IDLE, TransactionStatus.INTRANS):
        with connection.wrap_database_errors:
            _set(connection, who, in_transaction)


def _set(connection: Any, who: str, in_transaction: bool) -> None:
    # Below Django: no wrapper is called for it and no test counts it.
    with connection.connection.cursor() as cursor:
        cursor.execute(_SET, [who, in_transaction])


def _who() -> dict[str, Any]:
    actor = happened.acting()
    return {
        "member": actor.member_id,
        "name": actor.name,
        "via": actor.via,
        "credential": actor.credential,
        "address": happened.address(),
        "trace": trace_id(),
        "run": run_id(),
    }
