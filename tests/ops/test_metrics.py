"""`GET /metrics`: what it counts, and whom it answers."""

from __future__ import annotations

import httpx
import pytest
from prometheus_client.parser import text_string_to_metric_families

from config.metrics_page import allowed
from tests.support.client import Api
from tests.support.server import Server
from tests.support.waiting import until

Samples = dict[tuple[str, tuple[tuple[str, str], ...]], float]


def scrape(server: Server) -> Samples:
    return samples_of(httpx.get(f"http://127.0.0.1:{server.port}/metrics"))


def samples_of(answer: httpx.Response) -> Samples:
    assert answer.status_code == 200, answer.text
    return {
        (sample.name, tuple(sorted(sample.labels.items()))): sample.value
        for family in text_string_to_metric_families(answer.text)
        for sample in family.samples
    }


def value(samples: Samples, name: str, **labels: str) -> float:
    return samples.get((f"concord_{name}", tuple(sorted(labels.items()))), 0.0)


@pytest.fixture(scope="module")
def measured(database: None) -> object:
    with Server.started({"METRICS_CACHE_SECONDS": "0"}) as server:
        yield server


def test_a_run_of_each_tenant_is_counted_without_naming_anybody(measured: Server) -> None:
    clients = [Api.signed_in(measured, tenant, "member") for tenant in ("acme", "globex")]
    before = scrape(measured)
    for client in clients:
        client.run("What is 17*23?")
        with client.stream(
            "POST", "/agents/assistant/runs", json={"input": "What is 2+2?", "stream": True}
        ) as stream:
            assert list(stream)[-1]["type"] == "run.completed"
    after = scrape(measured)

    def grown(name: str, **labels: str) -> float:
        return value(after, name, **labels) - value(before, name, **labels)

    assert grown("runs_started_total", tenant_class="standard", how="now") == 4
    assert grown("runs_finished_total", tenant_class="standard", status="completed") == 4
    assert grown("run_seconds_count", tenant_class="standard") == 4
    assert grown("first_event_seconds_count") == 2
    assert grown("model_calls_total", outcome="ok") >= 4
    assert grown("model_tokens_total", direction="output") > 4
    assert grown("tool_calls_total", outcome="ok") >= 2
    route = "api/v1/agents/<slug>/runs"
    assert grown("http_requests_total", method="POST", route=route, status="2xx") == 4
    # A stream's length is no answer's time.
    assert grown("http_request_seconds_count", method="POST", route=route) == 2
    assert value(after, "executor_capacity") == 1000
    assert value(after, "database_up") == 1
    assert value(after, "pool_requests_total") > 0
    assert value(after, "event_loop_lag_seconds_count") > 0
    assert after["process_resident_memory_bytes", ()] > 10_000_000
    told = " ".join(f"{name} {labels}" for name, labels in after)
    assert not any(word in told for word in ("acme", "globex", "member'"))


def test_what_is_held_open_is_counted_while_it_lasts(measured: Server) -> None:
    client = Api.signed_in(measured, "acme", "member")
    with client.stream(
        "POST",
        "/agents/assistant/runs",
        json={"input": "Tell me a long story about rivers.", "stream": True},
    ) as stream:
        next(stream)
        assert value(scrape(measured), "open", what="stream") == 1
    until(lambda: value(scrape(measured), "open", what="stream"), lambda open: open == 0)


def test_a_problem_is_counted_by_its_code(measured: Server) -> None:
    client = Api.signed_in(measured, "globex", "member")
    before = value(scrape(measured), "problems_total", code="unknown_component")
    answer = client.post("/agents/nobody/runs", json={"input": "Hello"})
    assert answer.status_code == 404
    assert value(scrape(measured), "problems_total", code="unknown_component") == before + 1


def test_a_refused_password_is_counted(measured: Server) -> None:
    before = value(scrape(measured), "sign_in_failures_total")
    anonymous = Api(measured, "acme", None)
    answer = anonymous.post("/auth/token", json={"username": "member", "password": "wrong-one"})
    assert answer.status_code == 401
    assert value(scrape(measured), "sign_in_failures_total") == before + 1


def test_a_proxied_request_needs_the_token(database: None) -> None:
    with Server.started({"METRICS_TOKEN": "t" * 40}) as server:
        url = f"http://127.0.0.1:{server.port}/metrics"
        through_a_proxy = {"X-Forwarded-For": "203.0.113.9"}
        refused = httpx.get(url, headers=through_a_proxy)
        assert refused.status_code == 403
        assert refused.headers["content-type"] == "application/problem+json"
        wrong = {**through_a_proxy, "Authorization": f"Bearer {'u' * 40}"}
        assert httpx.get(url, headers=wrong).status_code == 403
        right = {**through_a_proxy, "Authorization": f"Bearer {'t' * 40}"}
        assert httpx.get(url, headers=right).status_code == 200
        assert httpx.get(url).status_code == 200


@pytest.mark.parametrize(
    ("address", "answered"),
    [
        ("127.0.0.1", True),
        ("::1", True),
        ("::ffff:10.1.2.3", True),
        ("192.168.4.5", True),
        ("203.0.113.9", False),
        ("2001:db8::1", False),
        ("not an address", False),
        ("", False),
    ],
)
def test_only_the_networks_named_are_answered_without_a_token(address: str, answered: bool) -> None:
    assert allowed({}, [address, 5000]) is answered
    assert allowed({b"x-real-ip": b"127.0.0.1"}, [address, 5000]) is False


def test_no_token_is_no_password() -> None:
    assert allowed({b"authorization": b"Bearer "}, None) is False
    assert allowed({b"authorization": b"Bearer"}, None) is False
