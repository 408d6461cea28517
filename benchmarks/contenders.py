"""What is measured: how each contender is started, asked for a run, and understood."""

from __future__ import annotations

import json
import os
import sys
import urllib.parse
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path

from benchmarks.client import Marks, post
from benchmarks.processes import ROOT, Process, free_port, started

_UVICORN = ["--host", "127.0.0.1", "--no-access-log", "--log-level", "warning"]
AGENTOS_PYTHON = ROOT / ".cache" / "agentos-venv" / "bin" / "python"


@dataclass(frozen=True)
class Site:
    """Where everything is: one data folder with one Postgres for all, one model server."""

    data: Path
    model_url: str
    agentos_db_url: str
    postmaster: int


@dataclass(frozen=True)
class Running:
    """A contender that serves. `request(agent, text, session)` is a run's request, as bytes."""

    process: Process
    marks: Marks
    request: Callable[[str, str, str | None], bytes]


@dataclass(frozen=True)
class Contender:
    name: str
    start: Callable[[Site, bool], AbstractContextManager[Running]]
    """The second argument: with the event loop's lag measured at /bench/lag."""
    has_database: bool = True
    has_tools: bool = True


def ask_json(url: str, body: dict[str, object], headers: dict[str, str] | None = None) -> dict:
    """What a POST of this JSON is answered. Raises urllib's errors."""
    request = urllib.request.Request(
        url,
        data=json.dumps(body).encode(),
        headers={"Content-Type": "application/json", **(headers or {})},
    )
    with urllib.request.urlopen(request, timeout=30) as answer:
        return json.loads(answer.read())


def signed_in(base: str) -> dict[str, str]:
    """The headers of the demo's member, below the base URL of the API."""
    login: dict[str, object] = {"username": "member", "password": "demo-demo"}
    return {"Authorization": f"Bearer {ask_json(f'{base}/auth/token', login)['access']}"}


def environment(site: Site, **more: str) -> dict[str, str]:
    """The product's environment: its own settings, quiet logs, the benchmark's model."""
    kept = {name: value for name, value in os.environ.items() if name != "DATABASE_URL"}
    return {
        **kept,
        "DJANGO_SETTINGS_MODULE": "config.settings.local",
        "DATA_DIR": str(site.data),
        "MODEL_BASE_URL": site.model_url,
        "MODEL_NAME": "bench",
        "LOG_LEVEL": "ERROR",
        **more,
    }


def _served(application: str, env: dict[str, str], lag: bool) -> str:
    """What the server is told to serve; wrapped, by way of `env`, when the lag is wanted."""
    if not lag:
        return application
    env["BENCH_APP"] = application
    return "benchmarks.lag:application"


def concord(server: str) -> Contender:
    """This product on daphne or uvicorn, one process, started as `make run` starts it."""

    @contextmanager
    def start(site: Site, lag: bool = False) -> Iterator[Running]:
        port = free_port()
        arguments = {
            "daphne": ["-v0", "--no-server-name", "-b", "127.0.0.1", "-p", str(port)],
            "uvicorn": [*_UVICORN, "--port", str(port), "--lifespan", "on", "--no-server-header"],
        }[server]
        env = environment(site)
        command = [sys.executable, "-m", "config.launch", server, *arguments]
        command.append(_served("config.asgi:application", env, lag))
        with started(command, env, port, "/readyz") as process:
            base = f"http://127.0.0.1:{port}/api/v1"
            headers = signed_in(base)

            def request(agent: str, text: str, session: str | None) -> bytes:
                body: dict[str, object] = {"input": text, "stream": True}
                if session:
                    body["session_id"] = session
                path = f"/api/v1/agents/{agent}/runs"
                return post(path, port, json.dumps(body).encode(), "application/json", headers)

            marks = Marks(token=b"event: message.delta", good_end=b"event: run.completed")
            yield Running(process, marks, request)

    return Contender(f"Concord, {server}", start)


def agentos(*, tracing: bool, asynchronous: bool = False) -> Contender:
    """AgentOS on uvicorn, one process, PostgresDb in a database of its own on the same server."""

    @contextmanager
    def start(site: Site, lag: bool = False) -> Iterator[Running]:
        port = free_port()
        env = {
            **os.environ,
            "BENCH_DB_URL": site.agentos_db_url,
            "BENCH_MODEL_URL": site.model_url,
            "BENCH_TRACING": "1" if tracing else "0",
            "BENCH_ASYNC_DB": "1" if asynchronous else "0",
            "AGNO_TELEMETRY": "false",
        }
        command = [str(AGENTOS_PYTHON), "-m", "uvicorn", *_UVICORN, "--port", str(port)]
        command.append(_served("benchmarks.agentos.app:app", env, lag))
        with started(command, env, port, "/health") as process:

            def request(agent: str, text: str, session: str | None) -> bytes:
                form = {"message": text, "stream": "true"}
                if session:
                    form["session_id"] = session
                body = urllib.parse.urlencode(form).encode()
                kind = "application/x-www-form-urlencoded"
                return post(f"/agents/{agent}/runs", port, body, kind, {})

            marks = Marks(token=b"event: RunContent", good_end=b"event: RunCompleted")
            yield Running(process, marks, request)

    store = ", async store" if asynchronous else ""
    return Contender(f"AgentOS, tracing {'on' if tracing else 'off'}{store}", start)


def relay() -> Contender:
    """A bare Django ASGI view that passes the model's stream on: the floor for this stack."""

    @contextmanager
    def start(site: Site, lag: bool = False) -> Iterator[Running]:
        port = free_port()
        env = {
            **os.environ,
            "DJANGO_SETTINGS_MODULE": "benchmarks.relay.settings",
            "BENCH_MODEL_URL": site.model_url,
        }
        command = [sys.executable, "-m", "uvicorn", *_UVICORN, "--port", str(port)]
        command += ["--lifespan", "off"]
        command.append(_served("benchmarks.relay.asgi:application", env, lag))
        with started(command, env, port, "/") as process:

            def request(agent: str, text: str, session: str | None) -> bytes:
                body = json.dumps({"input": text}).encode()
                return post("/relay", port, body, "application/json", {})

            yield Running(process, Marks(token=b'"content"', good_end=b"[DONE]"), request)

    return Contender("Django relay, uvicorn", start, has_database=False, has_tools=False)
