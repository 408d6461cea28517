"""What a job of the task queue is: its tenant and function, out of the wrapper's arguments."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.contrib.auth.hashers import identify_hasher
from django.core.signing import BadSignature
from django_q.models import OrmQ, Task

from agents.admin.shown import one_line

_WRAPPER = "tenants.tasks.run_in_tenant"


@dataclass(frozen=True, slots=True)
class Job:
    """`tenant` is "" for a job of the shared schema or one that names none."""

    tenant: str
    func: str
    arguments: str


def job_of(func: str, args: Any, kwargs: Any) -> Job:
    """Read the stamp of `tenants.tasks.enqueue`; any other job is shown as it is."""
    args, kwargs = tuple(args or ()), dict(kwargs or {})
    tenant = ""
    if func == _WRAPPER and len(args) >= 2:
        tenant, func = str(args[0]), str(args[1])
        kwargs = dict(args[3]) if len(args) > 3 else {}
        args = tuple(args[2]) if len(args) > 2 else ()
    shown = [_argument(value) for value in args]
    shown += [f"{name}={_argument(value)}" for name, value in kwargs.items()]
    return Job("" if tenant == "public" else tenant, func, ", ".join(shown))


def job_of_task(task: Task) -> Job:
    return job_of(task.func, task.args, task.kwargs)


def job_of_queued(row: OrmQ) -> Job:
    """A row that can't be read (another key, an older release) is shown as such."""
    try:
        task = row.task
    except (BadSignature, ValueError, TypeError, AttributeError, ImportError, EOFError):
        return Job("", "(can't be read)", "")
    if not isinstance(task, dict):
        return Job("", "(can't be read)", "")
    return job_of(str(task.get("func", "")), task.get("args"), task.get("kwargs"))


def _argument(value: Any) -> str:
    if isinstance(value, str):
        try:
            identify_hasher(value)
        except ValueError:
            return one_line(repr(value), 80)
        return "(a password's hash)"
    return one_line(repr(value), 80)
