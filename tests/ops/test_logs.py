"""Log lines: whose they are, and never what was said."""

from __future__ import annotations

import json
import logging
import uuid
from typing import Any

import psycopg
import pydantic
import pytest

from config.logs import JsonFormatter, PlainFormatter
from config.redaction import BLANK, redacted
from config.trace import note_member, run_context, start_trace
from tenants.context import TenantRef, use_tenant
from tests.support.client import Api
from tests.support.server import Server
from tests.support.waiting import until

CANARY = "canary-7f3a9"


def lines(server: Server) -> list[dict[str, Any]]:
    return [json.loads(line) for line in server.log.read_text().splitlines() if line[:1] == "{"]


def talk(server: Server, tenant: str) -> tuple[Api, list[dict[str, Any]]]:
    """Words of members in every place where they may stand, well and badly formed."""
    client = Api.signed_in(server, tenant, "member")
    runs = [
        client.run(f"Remember this note: {CANARY} is my word."),
        client.run(f"What is 17*23? {CANARY}"),
    ]
    assert any(
        CANARY in json.dumps(step["input"])
        for step in client.get(f"/runs/{runs[0]['id']}/steps").json()["items"]
        if step["kind"] == "tool"
    ), "the tool was not called with the word: the test would show nothing"
    client.post("/agents/assistant/runs", content=f'{{"input": "{CANARY}'.encode())
    client.post("/agents/assistant/runs", json={"input": {CANARY: 1}, CANARY: CANARY})
    client.post("/agents/assistant/runs", json={"input": CANARY, "session_id": CANARY})
    client.get(f"/runs?slug={CANARY}&limit={CANARY}")
    client.post("/auth/token", json={"username": "member", "password": CANARY})
    return client, runs


def test_what_is_said_is_in_no_log_and_each_line_says_whose_it_is(database: None) -> None:
    env = {"LOG_FORMAT": "json", "LOG_LEVEL": "INFO", "RUN_LOG": "1", "ACCESS_LOG": "1"}
    with Server.started(env, cluster=True) as server:
        for tenant in ("acme", "globex"):
            client, runs = talk(server, tenant)
            # The job that gives the session its title has read the words too.
            until(
                lambda client=client, run=runs[0]: (
                    client.get(f"/sessions/{run['session_id']}").json().get("title")
                )
            )
            me = client.get("/me").json()["id"]
            for run in runs:
                (line,) = [
                    x for x in lines(server) if x.get("message", "").startswith(f"run {run['id']}")
                ]
                assert line["logger"] == "concord.runs"
                assert (line["tenant"], line["run_id"]) == (tenant, run["id"])
                assert (line["trace_id"], line["member_id"]) == (run["trace_id"], me)
                assert (line["status"], line["component"]) == ("completed", "agent/assistant")
                assert line["output_tokens"] > 0
        asked = [x for x in lines(server) if x["logger"] == "concord.access"]
        assert {x["status"] for x in asked} >= {200, 400, 401, 422}
        assert all(len(x["trace_id"]) == 32 for x in asked if x["message"].count("/api/v1/"))
        said = server.log.read_text()
        assert CANARY not in said
        assert "demo-demo" not in said


def test_a_failed_run_says_its_code(database: None) -> None:
    env = {
        "LOG_FORMAT": "json",
        "RUN_LOG": "1",
        "STEP_ATTEMPTS": "1",
        "TEST_MODEL_BASE_URL": "http://127.0.0.1:9/v1",
        "TEST_MODEL_NAME": "nobody",
    }
    with Server.started(env) as server:
        client = Api.signed_in(server, "acme", "member")
        run = client.run(CANARY)
        assert run["status"] == "failed"
        (line,) = [x for x in lines(server) if x["logger"] == "concord.runs"]
        assert (line["status"], line["code"]) == ("failed", run["error"]["code"])
        assert CANARY not in server.log.read_text()


def record(message: str, *arguments: object, error: BaseException | None = None) -> Any:
    info = (type(error), error, error.__traceback__) if error else None
    return logging.LogRecord("agents.x", logging.ERROR, __file__, 1, message, arguments, info)


def test_a_record_knows_what_is_being_served() -> None:
    trace = start_trace(None)
    note_member(7)
    run = uuid.uuid4()
    with use_tenant(TenantRef("globex")):
        inside = run_context(run, trace, 9)
        line = json.loads(JsonFormatter().format(record("in %s", "a request")))
        assert line["message"] == "in a request"
        assert (line["tenant"], line["trace_id"], line["member_id"]) == ("globex", trace, 7)
        assert "run_id" not in line
    with use_tenant(TenantRef("acme")):
        plain = PlainFormatter().format(record("outside"))
        assert "tenant=acme member_id=7" in plain
    line = json.loads(inside.run(JsonFormatter().format, record("in a run")))
    assert (line["run_id"], line["member_id"], line["trace_id"]) == (str(run), 9, trace)
    assert "tenant" not in line


def caught(work: Any) -> BaseException:
    try:
        work()
    except Exception as error:
        return error
    raise AssertionError("nothing was raised")


def test_an_error_of_the_database_quotes_no_data(committed: None) -> None:
    from django.db import connection

    def refused(statement: str) -> BaseException:
        def execute() -> None:
            with connection.cursor() as cursor:
                cursor.execute(statement)

        return caught(execute)

    for statement in (f"SELECT '{CANARY}'::uuid", f"SELECT {CANARY.replace('-', '_')}, '{CANARY}"):
        error = refused(statement)
        assert CANARY in str(error), "the test would show nothing"
        assert isinstance(error.__cause__, psycopg.Error)
        for form in (JsonFormatter(), PlainFormatter()):
            line = form.format(record("it failed: %s", error, error=error))
            assert CANARY not in line
            assert "Traceback" in line and "execute" in line


def test_an_error_of_validation_quotes_no_input() -> None:
    class Model(pydantic.BaseModel):
        number: int

    error = caught(lambda: Model.model_validate({"number": CANARY}))
    assert CANARY in str(error)
    line = JsonFormatter().format(record("refused", error=error))
    assert CANARY not in line and "number: int_parsing" in line


def test_the_stack_tells_what_led_to_an_error_and_each_of_a_group() -> None:
    def chain() -> None:
        try:
            raise KeyError("first")
        except KeyError as first:
            raise RuntimeError("second") from first

    stack = json.loads(JsonFormatter().format(record("x", error=caught(chain))))["stack"]
    assert stack.index("KeyError: 'first'") < stack.index("RuntimeError: second")

    def group() -> None:
        raise ExceptionGroup("both", [ValueError("one"), TypeError("two")])

    stack = json.loads(JsonFormatter().format(record("x", error=caught(group))))["stack"]
    assert "ValueError: one" in stack and "TypeError: two" in stack


@pytest.mark.parametrize(
    ("line", "secret"),
    [
        ("Authorization: Bearer abcdef0123456789", "abcdef0123456789"),
        ('{"api_key": "abcdef0123"}', "abcdef0123"),
        ("password=hunter2-hunter2 for ada", "hunter2-hunter2"),
        ("key sk-proj-abcdefghijklmnop123 refused", "sk-proj-abcdefghijklmnop123"),
        ("token eyJhbGciOi.eyJzdWIiOiIx.c2lnbmF0dXJl", "eyJzdWIiOiIx"),
        ("postgresql://concord:hunter2@db:5432/x", "hunter2"),
        (r'"{\"client_secret\": \"abcdef0123\"}"', "abcdef0123"),
    ],
)
def test_what_looks_like_a_secret_is_blanked(line: str, secret: str) -> None:
    assert secret not in redacted(line)
    assert BLANK in redacted(line)


def test_figures_are_no_secrets(settings: Any) -> None:
    line = '{"input_tokens":12345,"output_tokens":67890,"trace_id":"' + "a1" * 16 + '"}'
    assert redacted(line) == line
    settings.METRICS_TOKEN = "this-very-token"
    assert "this-very-token" not in redacted("asked with this-very-token")
