"""A W3C trace goes in by the request and out to the model, and stays with the run."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator

import pytest
from django_q.models import OrmQ
from django_q.signing import SignedPackage

from config.trace import outgoing, run_context, span_of, start_trace, trace_id
from tenants.context import TenantRef, use_shared, use_tenant
from tenants.tasks import enqueue, run_in_tenant
from tests.models_llm.openai_server import OpenAIServer, Reply
from tests.support.client import Api
from tests.support.server import Server

TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"
PARENT = "00f067aa0ba902b7"


@pytest.fixture
def model() -> Iterator[OpenAIServer]:
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()

    async def begin() -> OpenAIServer:
        server = OpenAIServer()
        await server.start()
        return server

    server = asyncio.run_coroutine_threadsafe(begin(), loop).result(10)
    yield server
    asyncio.run_coroutine_threadsafe(server.stop(), loop).result(10)
    loop.call_soon_threadsafe(loop.stop)
    thread.join()
    loop.close()


def test_the_callers_trace_reaches_the_model_with_a_span_for_each_step(
    database: None, model: OpenAIServer
) -> None:
    env = {"TEST_MODEL_BASE_URL": model.base_url, "TEST_MODEL_NAME": "test-model"}
    with Server.started(env) as server:
        for tenant in ("acme", "globex"):
            model.requests.clear()
            client = Api.signed_in(server, tenant, "member")
            model.script(Reply(tokens=(), calls=[("calculator", '{"expression": "2+2"}')]), Reply())
            answer = client.post(
                "/agents/assistant/runs",
                json={"input": "What is 2+2?"},
                headers={"traceparent": f"00-{TRACE}-{PARENT}-00", "tracestate": "vendor=x1"},
            )
            assert answer.headers["x-trace-id"] == TRACE
            run = answer.json()
            assert run["trace_id"] == TRACE
            sent = [seen.headers for seen in model.requests]
            assert len(sent) == 2
            assert {headers["tracestate"] for headers in sent} == {"vendor=x1"}
            spans = []
            for headers in sent:
                version, trace, span, flags = headers["traceparent"].split("-")
                assert (version, trace, flags) == ("00", TRACE, "00")
                spans.append(span)
            # By run, key and attempt: whoever reads the journal can name them again.
            assert spans == [span_of(run["id"], f"turn:{n}:model", 1) for n in (0, 1)]


@pytest.mark.parametrize(
    "header",
    [
        "",
        "nonsense",
        f"00-{'0' * 32}-{PARENT}-01",
        f"00-{TRACE}-{'0' * 16}-01",
        f"ff-{TRACE}-{PARENT}-01",
        f"00-{TRACE}-{PARENT}-01-more",
        f"00-{TRACE.upper()}-{PARENT}-01",
    ],
)
def test_a_header_that_is_no_trace_begins_one(header: str) -> None:
    trace = start_trace(header, "vendor=x1")
    assert len(trace) == 32 and trace not in (TRACE, "0" * 32)
    assert outgoing()["traceparent"].startswith(f"00-{trace}-")
    assert "tracestate" not in outgoing()


def test_a_later_version_is_read_as_far_as_it_is_known() -> None:
    assert start_trace(f"cc-{TRACE}-{PARENT}-01-what-comes") == TRACE


def test_a_state_that_can_not_be_sent_is_dropped() -> None:
    start_trace(f"00-{TRACE}-{PARENT}-01", "x" * 513)
    assert "tracestate" not in outgoing()
    start_trace(f"00-{TRACE}-{PARENT}-01", "a=b\r\nX-Evil: 1")
    assert "tracestate" not in outgoing()


def test_a_run_taken_up_elsewhere_keeps_its_trace_and_nothing_of_another_request() -> None:
    start_trace(f"00-{TRACE}-{PARENT}-00", "vendor=x1")
    own = run_context("0190", TRACE, 1).run(outgoing)
    assert own["traceparent"].endswith("-00") and own["tracestate"] == "vendor=x1"
    other = run_context("0190", "a" * 32, 1).run(outgoing)
    assert other["traceparent"].startswith(f"00-{'a' * 32}-")
    assert "tracestate" not in other


def what_trace() -> str:
    return trace_id()


@pytest.mark.django_db
def test_a_job_goes_on_in_the_trace_that_queued_it(acme: TenantRef, globex: TenantRef) -> None:
    queued = {}
    for ref in (acme, globex):
        queued[ref.schema] = start_trace(None)
        with use_tenant(ref):
            enqueue(f"{__name__}.what_trace")
    start_trace(None)
    with use_shared():
        for row in OrmQ.objects.all():
            arguments = SignedPackage.loads(row.payload)["args"]
            assert run_in_tenant(*arguments) == queued[arguments[0]]
    assert len(set(queued.values())) == 2
