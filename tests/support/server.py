"""A real server in processes of its own, over the tests' database."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx

from tests.support.nursery import Child, python
from tests.support.ports import free_port

FAST_MODEL = {"DEMO_MODEL_FIRST_DELAY": "0.03", "DEMO_MODEL_DELAY": "0.01"}


class Server:
    """`url(tenant)` is where a tenant is served; `kill` ends the process as a crash would."""

    def __init__(
        self,
        env: dict[str, str],
        port: int | None = None,
        kind: str = "daphne",
        application: str = "config.asgi:application",
    ) -> None:
        self.application = application
        self.port = port or free_port()
        self.kind = kind
        self.env = {
            **os.environ,
            "DJANGO_SETTINGS_MODULE": "config.settings.test",
            "PYTHONUNBUFFERED": "1",
            **FAST_MODEL,
            "AUDIT_SEAL_SECONDS": "0.2",
            **env,
        }
        self.log = Path(tempfile.mkstemp(prefix="concord-server-", suffix=".log")[1])
        self.processes: list[Child] = []

    @classmethod
    @contextmanager
    def started(
        cls,
        env: dict[str, str] | None = None,
        *,
        cluster: bool = False,
        kind: str = "daphne",
        application: str = "config.asgi:application",
    ) -> Iterator[Server]:
        server = cls(env or {}, kind=kind, application=application)
        try:
            server.start(cluster=cluster)
            yield server
        finally:
            server.stop()
            server.log.unlink(missing_ok=True)

    def url(self, tenant: str = "acme") -> str:
        return f"http://{tenant}.localhost:{self.port}"

    def start(self, *, cluster: bool = False, **env: str) -> None:
        """Start and return when it is ready; `env` is added to its environment."""
        self.env.update(env)
        if self.kind == "daphne":
            web = ["daphne", "-v", "0", "-b", "127.0.0.1", "-p", str(self.port)]
        else:
            web = ["uvicorn", "--host", "127.0.0.1", "--port", str(self.port)]
            web += ["--no-access-log", "--no-proxy-headers"]
        web = ["-m", "config.launch", *web]  # as `manage.py up` does
        self._spawn(*web, self.application)
        if cluster:
            self._spawn("manage.py", "qcluster")
        self._wait_ready()

    def _spawn(self, *arguments: str) -> None:
        self.processes.append(python(*arguments, env=self.env, log=self.log))

    def _wait_ready(self, seconds: float = 120) -> None:
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            if self.processes[0].poll() is not None:
                break
            with contextlib.suppress(httpx.HTTPError):
                if httpx.get(f"http://127.0.0.1:{self.port}/readyz").status_code == 200:
                    return
            time.sleep(0.1)
        raise AssertionError(f"the server did not start:\n{self.log.read_text()[-4000:]}")

    def kill(self) -> None:
        """`kill -9` of every process of the server."""
        for process in self.processes:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
        self._wait()

    def stop(self) -> None:
        """SIGTERM to each leader, as the parent does; what does not end is killed."""
        for process in self.processes:
            process.terminate()
        self._wait()

    def _wait(self) -> None:
        for process in self.processes:
            try:
                process.wait(30)
            except subprocess.TimeoutExpired:
                with contextlib.suppress(ProcessLookupError):
                    os.killpg(process.pid, signal.SIGKILL)
                process.wait()
        self.processes.clear()
