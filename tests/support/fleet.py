"""Executors in processes of their own, beside a web process, over the tests' database."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.support.server import FAST_MODEL, ROOT


class ExecutorProcess:
    """`manage.py run_executor`; `owner` is the name it printed."""

    def __init__(self, env: dict[str, str], *arguments: str) -> None:
        self.log = Path(tempfile.mkstemp(prefix="concord-executor-", suffix=".log")[1])
        with self.log.open("ab") as out:
            self.process = subprocess.Popen(
                [sys.executable, "manage.py", "run_executor", "--skip-checks", *arguments],
                cwd=ROOT,
                env={
                    **os.environ,
                    "DJANGO_SETTINGS_MODULE": "config.settings.test",
                    "PYTHONUNBUFFERED": "1",
                    **FAST_MODEL,
                    **env,
                },
                stdout=out,
                stderr=out,
                start_new_session=True,
            )
        self.owner = self._wait_ready()

    def _wait_ready(self, seconds: float = 60) -> str:
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

    def stop(self, seconds: float = 30) -> int:
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
