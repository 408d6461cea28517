"""Migrating many tenants, in several processes: each schema under its lock, each by itself.

Processes and not threads, because Django's migrations keep their state in the process. A worker
takes one slug a line on its standard input and answers with one line of JSON, so it ends by itself
when its parent is gone, and a worker that dies takes only the tenant it was at with it.
"""

from __future__ import annotations

import contextlib
import json
import queue
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from django.db import close_old_connections

from tenants.context import use_shared
from tenants.locks import Busy
from tenants.models import Tenant
from tenants.provisioning import set_up_tenant

_ROOT = Path(__file__).resolve().parent.parent
# With fewer, starting workers would take longer than the work.
_WORTH_WORKERS = 3


@dataclass(frozen=True)
class Outcome:
    """How it ended for one tenant: "done", "busy" (another process is at it), "gone", "failed"."""

    schema: str
    result: str
    seconds: float
    reason: str = ""


def bring_up_to_date(slug: str, *, wait: bool) -> Outcome:
    """Migrate one tenant in this process. Never raises: one that fails must not stop the others."""
    began = time.monotonic()

    def ended(result: str, reason: str = "") -> Outcome:
        return Outcome(slug, result, round(time.monotonic() - began, 3), reason)

    try:
        with use_shared():
            close_old_connections()
            set_up_tenant(slug, wait=wait)
    except Busy:
        return ended("busy")
    except Tenant.DoesNotExist:
        return ended("gone")
    except Exception as error:
        first = str(error).strip().partition("\n")[0]
        return ended("failed", f"{type(error).__name__}: {first}")
    return ended("done")


def roll_out(slugs: Sequence[str], jobs: int, told: Callable[[Outcome], None]) -> list[Outcome]:
    """Bring these tenants up to date, `jobs` at a time; `told` hears of each as it ends.

    Tenants that another process is at are waited for at the end, and then found done.
    """
    first = _pass(slugs, jobs, told, wait=False)
    busy = [outcome.schema for outcome in first if outcome.result == "busy"]
    rest = _pass(busy, jobs, told, wait=True) if busy else []
    return [outcome for outcome in first if outcome.result != "busy"] + rest


def _pass(
    slugs: Sequence[str], jobs: int, told: Callable[[Outcome], None], *, wait: bool
) -> list[Outcome]:
    if jobs == 1 or len(slugs) < _WORTH_WORKERS:
        outcomes = []
        for slug in slugs:
            outcomes.append(bring_up_to_date(slug, wait=wait))
            told(outcomes[-1])
        return outcomes
    waiting: queue.SimpleQueue[str] = queue.SimpleQueue()
    ended: queue.SimpleQueue[Outcome | BaseException] = queue.SimpleQueue()
    for slug in slugs:
        waiting.put(slug)
    stopping = threading.Event()

    def drive() -> None:
        try:
            _drive(waiting, ended, stopping, wait=wait)
        except BaseException as error:
            ended.put(error)

    threads = [threading.Thread(target=drive) for _ in range(min(jobs, len(slugs)))]
    for thread in threads:
        thread.start()
    outcomes = []
    try:
        while len(outcomes) < len(slugs):
            outcome = ended.get()
            if isinstance(outcome, BaseException):
                raise outcome
            outcomes.append(outcome)
            told(outcome)
    finally:
        stopping.set()  # interrupted: what is under way ends, nothing new begins
        for thread in threads:
            thread.join()
    return outcomes


def _drive(
    waiting: queue.SimpleQueue[str],
    ended: queue.SimpleQueue[Outcome | BaseException],
    stopping: threading.Event,
    *,
    wait: bool,
) -> None:
    """Give one worker after another a slug, until there is none left; replace one that died."""
    worker: Worker | None = None
    try:
        while not stopping.is_set():
            try:
                slug = waiting.get_nowait()
            except queue.Empty:
                return
            worker = worker or Worker()
            outcome = worker.ask(slug, wait=wait)
            if outcome is None:
                code = worker.close()
                worker = None
                outcome = Outcome(slug, "failed", 0.0, f"its worker process ended ({code})")
            ended.put(outcome)
    finally:
        if worker is not None:
            worker.close()


class Worker:
    """One worker process: `python -m tenants.migration_worker`."""

    def __init__(self) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tenants.migration_worker"],
            cwd=_ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def ask(self, slug: str, *, wait: bool) -> Outcome | None:
        """None when the worker is gone."""
        assert self._process.stdin is not None and self._process.stdout is not None
        try:
            self._process.stdin.write(json.dumps([slug, wait]) + "\n")
            self._process.stdin.flush()
        except OSError:
            return None
        answer = self._process.stdout.readline()
        return Outcome(**json.loads(answer)) if answer.endswith("\n") else None

    def close(self) -> int:
        """Let it end, and wait for it. Its exit code."""
        assert self._process.stdin is not None and self._process.stdout is not None
        with contextlib.suppress(OSError):  # it died before it read what was written
            self._process.stdin.close()
        self._process.stdout.close()
        return self._process.wait()
