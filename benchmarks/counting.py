"""What a run is charged for being watched: its counters, trace and spans, without the log line.

DJANGO_SETTINGS_MODULE=config.settings.local python -m benchmarks.counting
"""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

RUNS = 200
ROUNDS = 100  # the best of many: the machine is never all ours
BEGUN = datetime(2026, 1, 1, tzinfo=UTC)


def _one_run(run: Any) -> None:
    from agents.runtime.metrics import run_finished, run_started, step_ended
    from config.trace import enter_span, outgoing, run_context, start_trace

    start_trace(None)
    run_started(queued=False)
    run_context(run.id, "a" * 32, 1)
    enter_span(run.id, "turn:0:model", 1)
    outgoing()
    step_ended("model", time.perf_counter(), None, 100, 20)
    run_finished(run)


def main() -> None:
    import django
    from django.conf import settings

    django.setup()
    from tenants.context import TenantRef, use_tenant

    settings.RUN_LOG = False
    end = BEGUN + timedelta(seconds=0.2)
    run = SimpleNamespace(
        id="0190", status="completed", started_at=BEGUN, finished_at=end, pauses=[]
    )
    best = float("inf")
    with use_tenant(TenantRef("acme")):
        for _ in range(ROUNDS):
            begun = time.process_time()
            for _ in range(RUNS):
                _one_run(run)
            best = min(best, (time.process_time() - begun) / RUNS)
    print(f"{best * 1e6:.1f} microseconds a run")


if __name__ == "__main__":
    main()
