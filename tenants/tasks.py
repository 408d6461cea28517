"""Short jobs for the django-q2 cluster, each stamped with its tenant.

`enqueue` writes the job into the queue's table in the caller's transaction: a free outbox. The
worker activates the tenant again before anything of the job runs. Jobs come at least once, so each
must be idempotent.
"""

from __future__ import annotations

import asyncio
import inspect
import logging
from typing import Any

from django.utils import timezone
from django.utils.module_loading import import_string
from django_q.conf import Conf
from django_q.humanhash import uuid as task_uuid
from django_q.signing import SignedPackage
from django_q.tasks import async_task

from config.trace import outgoing, start_trace
from tenants.context import PUBLIC_SCHEMA, current, use_shared, use_tenant
from tenants.directory import ref_of

log = logging.getLogger(__name__)

_RUNNER = "tenants.tasks.run_in_tenant"


def enqueue(func: str, *args: Any, **kwargs: Any) -> str:
    """Queue the function at the dotted path `func` for the current tenant; returns the task's id.

    Durable when the caller's transaction commits. Arguments must be picklable and small: ids.
    """
    task_id: str = async_task(
        _RUNNER,
        current().schema,
        func,
        args,
        kwargs,
        outgoing(),
        task_name=f"{current().schema}:{func}"[:100],
    )
    return task_id


def package(func: str, *args: Any, **kwargs: Any) -> tuple[str, str]:
    """The queue row (key, signed payload) `enqueue` would write, for SQL on the hot path."""
    name, task_id = task_uuid()
    task = {
        "id": task_id,
        "name": f"{current().schema}:{func}"[:100] or name,
        "func": _RUNNER,
        "args": (current().schema, func, args, kwargs, outgoing()),
        "kwargs": {},
        "started": timezone.now(),
    }
    return Conf.PREFIX, SignedPackage.dumps(task)


def run_in_tenant(
    schema: str,
    func: str,
    args: tuple[Any, ...] = (),
    kwargs: dict[str, Any] | None = None,
    trace: dict[str, str] | None = None,
) -> Any:
    """Run one job in the worker, under the tenant and in the trace it was stamped with.

    A tenant that is gone is no error: the job ends quietly. That of a suspended tenant waits until
    it is resumed. A coroutine function is run to its end, because the cluster would otherwise throw
    the coroutine away.
    """
    start_trace((trace or {}).get("traceparent"), (trace or {}).get("tracestate"))
    if schema == PUBLIC_SCHEMA:
        with use_shared():
            return _call(func, args, kwargs or {})
    try:
        ref = ref_of(schema)
    except LookupError:
        from tenants.parked import park

        if park(schema, func, args, kwargs or {}):
            log.info("job %s waits: tenant %s is suspended", func, schema)
            return None
        log.info("job %s dropped: tenant %s is no longer active", func, schema)
        return None
    with use_tenant(ref):
        return _call(func, args, kwargs or {})


def _call(func: str, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    target = import_string(func)
    if inspect.iscoroutinefunction(target):
        return asyncio.run(target(*args, **kwargs))
    return target(*args, **kwargs)
