"""Whether this process takes on another run right now: memory is looked at, nothing else."""

from __future__ import annotations

from agents.runtime.executor import executor
from config.load import load
from tenants.context import current_tenant
from tenants.pool import waiting_for_connection


def admit() -> None:
    """Raises TooManyRequests or Unavailable (code `overloaded`, with Retry-After) if not."""
    load.check_start(
        current_tenant().schema,
        queues=executor().starts_queued(),
        database_waiting=waiting_for_connection(),
    )
