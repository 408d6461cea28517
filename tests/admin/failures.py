"""Failed jobs as the cluster records them: a real one would fill the shared server's log."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

from django.utils import timezone
from django_q.models import Failure


def record_failure(func: str, args: tuple[Any, ...], said: str) -> str:
    """What the cluster writes of a job that raised; gives the task's id."""
    task = Failure.objects.create(
        id=uuid4().hex,
        name=f"public:{func}",
        func="tenants.tasks.run_in_tenant",
        args=("public", func, args, {}),
        kwargs={},
        result=said,
        success=False,
        started=timezone.now(),
        stopped=timezone.now(),
        attempt_count=1,
    )
    return str(task.pk)
