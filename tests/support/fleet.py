"""Executors in processes of their own, beside a web process, over a database of their own.

Of their own, because executors of the other tests' servers would claim the same runs.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psycopg

from config.embedded import Cluster, running
from tests.support.nursery import python
from tests.support.server import FAST_MODEL

KEPT = "fresh"


class ExecutorProcess:
    """`manage.py run_executor`; `owner` is the name it printed."""

    def __init__(self, env: dict[str, str], *arguments: str) -> None:
        self.log = Path(tempfile.mkstemp(prefix="concord-executor-", suffix=".log")[1])
        self.process = python(
            *("manage.py", "run_executor", "--skip-checks", *arguments),
            env={
                **os.environ,
                "DJANGO_SETTINGS_MODULE": "config.settings.test",
                "PYTHONUNBUFFERED": "1",
                **FAST_MODEL,
                **env,
            },
            log=self.log,
        )
        self.owner = self._wait_ready()

    def _wait_ready(self, seconds: float = 120) -> str:
        end = time.monotonic() + seconds
        while time.monotonic() < end and self.process.poll() is None:
            for line in self.log.read_text().splitlines():
                if line.startswith("executor "):
                    return line.split()[1]
            time.sleep(0.05)
        raise AssertionError(f"the executor did not start:\n{self.log.read_text()[-4000:]}")

    def kill(self) -> None:
        """`kill -9`, as a crash would."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()

    def stop(self, seconds: float = 60) -> int:
        """SIGTERM; the exit code."""
        self.process.terminate()
        return self.process.wait(seconds)


@contextmanager
def executors(
    number: int, env: dict[str, str] | None = None, *arguments: str
) -> Iterator[list[ExecutorProcess]]:
    """So many executors; whatever is left of them afterwards is killed."""
    started: list[ExecutorProcess] = []
    try:
        for _ in range(number):
            started.append(ExecutorProcess(env or {}, *arguments))
        yield started
    finally:
        for one in started:
            one.kill()
            one.log.unlink(missing_ok=True)


class FleetDatabase:
    """A cluster with the demo in it. `env` leads processes to it; `rows` asks it as superuser."""

    def __init__(self, cluster: Cluster, data_dir: Path) -> None:
        self.cluster = cluster
        self.env = {"TEST_DATA_DIR": str(data_dir)}

    def rows(self, statement: str, *values: Any) -> list[tuple[Any, ...]]:
        with self.cluster.superuser("concord") as connection:
            cursor = connection.execute(psycopg.sql.SQL(statement), values)  # type: ignore[arg-type]
            return cursor.fetchall() if cursor.description else []

    def value(self, statement: str, *values: Any) -> Any:
        """The first value of the first row; None without a row."""
        rows = self.rows(statement, *values)
        return rows[0][0] if rows else None

    def owner_of(self, run_id: str) -> str:
        """Who holds the run; "" while nobody does, or when it has ended."""
        return self.value("SELECT owner FROM tickets_ticket WHERE run_id = %s", run_id) or ""

    def notes(self, tenant: str, mark: str) -> list[str]:
        """The texts of the tenant's notes that hold `mark`."""
        found = self.rows(f"SELECT text FROM {tenant}.agents_note WHERE text LIKE %s", f"%{mark}%")
        return [row[0] for row in found]


def keep_copy(cluster: Cluster, data_dir: Path) -> None:
    """Put the cluster's files aside as they are now, for databases that begin where it does."""
    kept = data_dir / KEPT
    shutil.rmtree(kept, ignore_errors=True)
    kept.mkdir()
    cluster.stop()
    _copy(data_dir, kept)
    cluster.start()


@contextmanager
def fleet_database(data_dir: Path) -> Iterator[FleetDatabase]:
    """A cluster of its own in `data_dir`, begun from the copy that the session's database left."""
    _copy(Path(os.environ["DATA_DIR"]) / KEPT, data_dir)
    with running(data_dir, durable=False) as cluster:
        yield FleetDatabase(cluster, data_dir)


def _copy(source: Path, target: Path) -> None:
    """The database and the keys to what is in it; `cp`, because the owner matters."""
    subprocess.run(["cp", "-a", source / "keys", source / "postgres", target], check=True)
