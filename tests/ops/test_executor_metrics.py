"""An executor alone serves no web, and still tells how it is."""

from __future__ import annotations

import contextlib
import signal
import socket

import httpx

from tests.ops.test_metrics import samples_of, value
from tests.support.client import Api
from tests.support.fleet import executors
from tests.support.hanging import hanging_agents
from tests.support.ports import free_port
from tests.support.server import Server
from tests.support.waiting import until


def test_an_executor_tells_its_metrics_and_that_it_drains(committed: None) -> None:
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    env = {"METRICS_PORT": str(port), "METRICS_CACHE_SECONDS": "0"}
    with (
        hanging_agents("acme", "globex") as slug,
        executors(1, env, "--capacity", "7") as (executor,),
        Server.started({"EXECUTOR_CAPACITY": "0"}) as server,
    ):
        assert httpx.get(f"{url}/healthz").json() == {"status": "live"}
        assert httpx.get(f"{url}/readyz").json()["status"] == "ready"
        assert httpx.get(f"{url}/admin/").status_code == 404
        assert value(samples_of(httpx.get(f"{url}/metrics")), "executor_capacity") == 7
        clients = [Api.signed_in(server, tenant, "member") for tenant in ("acme", "globex")]
        started: list[tuple[Api, str]] = []

        def held() -> float:
            for client in clients:  # more each time: another server may be faster to take them
                body = {"input": "Hello", "background": True}
                answer = client.post(f"/agents/{slug}/runs", json=body)
                assert answer.status_code == 202, answer.text
                started.append((client, answer.json()["id"]))
            return value(samples_of(httpx.get(f"{url}/metrics")), "executor_runs")

        assert until(held) > 0
        executor.process.send_signal(signal.SIGTERM)
        # It can't be gone: it holds a run that ends when it is cancelled.
        answer = until(lambda: httpx.get(f"{url}/readyz"), lambda answer: answer.status_code == 503)
        assert answer.json() == {"status": "draining"}
        for client, run_id in started:
            client.post(f"/runs/{run_id}/cancel").raise_for_status()
        assert executor.process.wait(60) == 0
        assert "Traceback" not in executor.log.read_text()


def test_what_is_no_request_of_its_own_gets_no_answer(database: None) -> None:
    port = free_port()
    with executors(1, {"METRICS_PORT": str(port)}) as (executor,):
        for head in (
            b"POST /metrics HTTP/1.1\r\n\r\n",
            b"\x16\x03\x01nonsense\r\n\r\n",
            b"G" * 20_000,
        ):
            with socket.create_connection(("127.0.0.1", port), timeout=60) as connection:
                connection.sendall(head)
                connection.shutdown(socket.SHUT_WR)
                with contextlib.suppress(ConnectionResetError):
                    assert connection.recv(100) == b""
        assert httpx.get(f"http://127.0.0.1:{port}/healthz").status_code == 200
        proxied = {"X-Forwarded-For": "203.0.113.9"}
        assert httpx.get(f"http://127.0.0.1:{port}/metrics", headers=proxied).status_code == 403
        assert executor.stop() == 0
        assert "Traceback" not in executor.log.read_text()
