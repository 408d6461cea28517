"""Runs against a model over real HTTP: tools mended, faults retried in one place, limits held."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from typing import Any

import pytest

from tests.models_llm.openai_server import Drop, Hang, OpenAIServer, Raw, Reply, Status, unfinished
from tests.support.client import Api, text_of
from tests.support.server import Server
from tests.support.waiting import until

pytestmark = pytest.mark.usefixtures("committed")


@pytest.fixture(scope="module")
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


@pytest.fixture(scope="module")
def client(database: None, model: OpenAIServer) -> Iterator[Api]:
    env = {
        "TEST_MODEL_BASE_URL": model.base_url,
        "TEST_MODEL_NAME": "test-model",
        "TEST_MODEL_API_KEY": "sk-very-secret",
        "RETRY_BASE_SECONDS": "0.02",
        "MODEL_TIMEOUT_FIRST_BYTE": "1",
    }
    with Server.started(env) as server:
        yield Api.signed_in(server, "acme", "member")
        assert "sk-very-secret" not in server.log.read_text()


@pytest.fixture(autouse=True)
def fresh(model: OpenAIServer) -> None:
    model.replies.clear()
    model.requests.clear()


def steps(client: Api, run: dict[str, Any]) -> list[dict[str, Any]]:
    return list(client.get(f"/runs/{run['id']}/steps").json()["items"])


def test_a_tool_call_and_its_result_go_to_the_model_and_back(
    client: Api, model: OpenAIServer
) -> None:
    model.script(
        Reply(tokens=(), calls=[("calculator", '{"expression": "17*23"}')]),
        Reply(tokens=("It ", "is ", "391.")),
    )
    run = client.run("What is 17*23?")
    assert run["output"] == "It is 391."
    assert run["model"] == {"name": "test-model", "offline": False}
    first, second = (seen.body for seen in model.requests)
    assert {tool["function"]["name"] for tool in first["tools"]} >= {"calculator", "create_note"}
    assert [message["role"] for message in second["messages"]] == [
        "system",
        "user",
        "assistant",
        "tool",
    ]
    assert second["messages"][-1]["content"] == "391"
    assert run["usage"]["total_tokens"] > 0


def test_several_calls_of_one_turn_are_answered_in_their_order(
    client: Api, model: OpenAIServer
) -> None:
    model.script(
        Reply(
            tokens=(),
            calls=[("calculator", f'{{"expression": "{n}*2"}}') for n in range(5)],
        ),
    )
    run = client.run("Double them")
    assert run["status"] == "completed"
    told = [m["content"] for m in model.requests[1].body["messages"] if m["role"] == "tool"]
    assert told == ["0", "2", "4", "6", "8"]


@pytest.mark.parametrize(
    ("call", "told"),
    [
        (("calculator", '{"expr": "1"}'), "expression"),
        (("calculator", "{broken"), "JSON"),
        (("calculator", "{}"), "expression"),
        (("no_such_tool", "{}"), "no_such_tool"),
        (("calculator", '{"expression": "1/0"}'), "zero"),
        (("calculator", '{"expression": "9**9**9**9"}'), ""),
        (("create_note", '{"text": "nul \\u0000 byte"}'), ""),
        (("delete_note", '{"note_id": 987654}'), "987654"),
    ],
)
def test_a_bad_call_is_an_error_the_model_can_mend(
    client: Api, model: OpenAIServer, call: tuple[str, str], told: str
) -> None:
    model.script(Reply(tokens=(), calls=[call]), Reply(tokens=("Sorry", ".")))
    run = client.run("Try it")
    assert run["status"] == "completed", run
    message = model.requests[1].body["messages"][-1]
    assert told in message["content"]
    assert "Traceback" not in message["content"]


@pytest.mark.parametrize(
    ("fault", "code"),
    [
        (Status(500), "server"),
        (Status(429, headers={"Retry-After": "0"}), "rate_limited"),
        (Reply(cut_after=2), "cut"),
        (Raw(b"data: this is no json\n\n"), "garbage"),
        (Drop(), "connect"),
    ],
    ids=["500", "429", "cut", "garbage", "drop"],
)
def test_a_passing_fault_is_retried_and_a_lasting_one_ends_the_run_clearly(
    client: Api, model: OpenAIServer, fault: Any, code: str
) -> None:
    model.script(fault, Reply(tokens=("Fine ", "now.")))
    with client.stream(
        "POST", "/agents/assistant/runs", json={"input": "Hello", "stream": True}
    ) as stream:
        seen = list(stream)
    assert seen[-1]["type"] == "run.completed"
    assert text_of(seen) == "Fine now."
    run = seen[-1]["run"]
    assert [step["attempt"] for step in steps(client, run)] == [2]

    model.requests.clear()
    model.script(fault, fault, fault, fault)
    failed = client.run("Hello")
    assert (failed["status"], failed["error"]["code"]) == ("failed", code), failed
    assert failed["error"]["attempts"] == len(model.requests) == 3
    assert failed["error"]["message"]


@pytest.mark.parametrize("status", [400, 401, 404])
def test_a_fault_that_repeating_does_not_mend_is_not_retried(
    client: Api, model: OpenAIServer, status: int
) -> None:
    model.script(Status(status, body='{"error": {"message": "bad sk-very-secret"}}'))
    run = client.run("Hello")
    assert run["status"] == "failed" and len(model.requests) == 1
    assert "sk-very-secret" not in str(run)


def test_the_session_is_free_again_after_a_failure(client: Api, model: OpenAIServer) -> None:
    model.script(Status(400))
    failed = client.run("Hello")
    assert client.run("Again", session_id=failed["session_id"])["status"] == "completed"
    shown = [m["content"] for m in model.requests[-1].body["messages"]]
    assert "Hello" not in shown  # a run that failed is no part of the conversation


def test_a_model_that_never_ends_its_turns_meets_the_limit(
    client: Api, model: OpenAIServer
) -> None:
    call = Reply(tokens=(), calls=[("calculator", '{"expression": "1+1"}')])
    model.script(*[call] * 20)
    run = client.run("Go on for ever")
    assert (run["status"], run["error"]["code"]) == ("failed", "limit_turns")
    assert len(model.requests) == 8


def test_cancelling_hangs_up_on_the_model(client: Api, model: OpenAIServer) -> None:
    model.script(unfinished("word ", "word "))
    with client.stream(
        "POST", "/agents/assistant/runs", json={"input": "Hello", "stream": True}
    ) as stream:
        for event in stream:
            if event["type"] == "message.delta":
                client.post(f"/runs/{event['run_id']}/cancel")
            last = event
    assert last["type"] == "run.cancelled"
    until(lambda: model.disconnected.is_set())


def test_a_model_that_never_answers_meets_the_deadline(client: Api, model: OpenAIServer) -> None:
    from agents.models import Agent
    from agents.services.publish_agent import publish_agent
    from tenants.context import use_shared, use_tenant
    from tenants.models import Tenant

    with use_shared():
        ref = Tenant.objects.get(schema_name="acme").ref
    with use_tenant(ref):
        agent = Agent.objects.create(name="Hasty", slug="hasty", max_seconds=1)
        publish_agent(None, agent.pk)
    model.script(Hang(), Hang(), Hang())
    run = client.run("Hello?", slug="hasty")
    assert (run["status"], run["error"]["code"]) == ("failed", "deadline")
    assert "1 seconds" in run["error"]["message"]


def test_a_slow_note_taker_is_never_doubled_by_a_cut_answer(
    client: Api, model: OpenAIServer
) -> None:
    model.script(
        Reply(tokens=(), calls=[("create_note", '{"text": "once and only once"}')]),
        Reply(tokens=("No", "ted", "."), cut_after=2),
        Reply(tokens=("Noted", ".")),
        Reply(tokens=(), calls=[("list_notes", '{"contains": "once and only once"}')]),
    )
    assert client.run("Note it")["output"] == "Noted."
    listed = client.run("List")
    tool = next(step for step in steps(client, listed) if step["kind"] == "tool")
    assert tool["output"]["text"].count("once and only once") == 1
