"""Nodes that fail: attempts, fallbacks, going on without them, and what is kept of the rest."""

from __future__ import annotations

import json
import time
from typing import Any

import pytest

from tests.models_llm.openai_server import OpenAIServer, Status
from tests.support.client import Api
from tests.support.models import serving
from tests.support.server import Server
from tests.workflows.making import Flows, by_node, run_flow, statuses, steps, tree

pytestmark = pytest.mark.usefixtures("committed")
DIVIDED = {"expression": {"value": "1 / 0"}}


def test_a_failed_node_ends_the_run_which_keeps_what_was_finished(api: Any) -> None:
    flows = Flows("acme")
    slug = flows.flow(
        "fails",
        {"id": "first", "kind": "transform", "set": {"n": "1"}},
        {
            "id": "bad",
            "kind": "tool",
            "tool": "calculator",
            "title": "The sum",
            "args": DIVIDED,
            "after": ["first"],
        },
        {"id": "then", "kind": "transform", "args": {"n": "bad"}, "set": {"n": "1"}},
        result={"first": "first.n", "then": "then.n"},
    )
    client = api("acme")
    run = run_flow(client, slug, "go")
    assert run["status"] == "failed", run
    assert run["error"]["code"] == "node_failed" and run["error"]["node"] == "bad"
    assert run["error"]["message"].startswith("The sum failed: ")
    assert run["error"]["finished"] == ["first"]
    assert run["output"] == {"first": 1}
    assert statuses(client, run["id"]) == {"first": "completed", "bad": "failed"}


def test_others_go_on_where_a_node_may_fail_and_a_fallback_stands_for_one(api: Any) -> None:
    flows = Flows("globex")
    slug = flows.flow(
        "mends",
        {
            "id": "may",
            "kind": "tool",
            "tool": "calculator",
            "args": DIVIDED,
            "on_error": "continue",
        },
        {
            "id": "with_default",
            "kind": "transform",
            "args": {"x": {"from": "may", "default": "nothing"}},
            "set": {"x": "args.x"},
        },
        {"id": "without", "kind": "transform", "args": {"x": "may"}, "set": {"x": "args.x"}},
        {
            "id": "replaced",
            "kind": "transform",
            "set": {"n": "1 / int('0')"},
            "on_error": "fallback",
            "fallback": "stand_in",
        },
        {"id": "stand_in", "kind": "transform", "set": {"n": "7"}},
        {
            "id": "reads",
            "kind": "transform",
            "args": {"n": "replaced.n"},
            "set": {"n": "args.n + 1"},
        },
        {
            "id": "fine",
            "kind": "transform",
            "set": {"n": "1"},
            "on_error": "fallback",
            "fallback": "unused",
        },
        {"id": "unused", "kind": "transform", "set": {"n": "2"}},
        result={"x": "with_default.x", "n": "reads.n", "fine": "fine.n"},
    )
    client = api("globex")
    run = run_flow(client, slug, "go")
    assert run["status"] == "completed", run
    assert run["output"] == {"x": "nothing", "n": 8, "fine": 1}
    assert statuses(client, run["id"]) == {
        "may": "failed",
        "with_default": "completed",
        "without": "skipped",
        "replaced": "failed",
        "stand_in": "completed",
        "reads": "completed",
        "fine": "completed",
        "unused": "skipped",
    }


def test_a_group_fails_with_a_node_inside_it_and_may_be_done_without(api: Any) -> None:
    flows = Flows("acme")
    inside = [
        {"id": "ok", "kind": "transform", "args": {"x": "item"}, "set": {"x": "args.x"}},
        {"id": "sum", "kind": "transform", "args": {"x": "ok.x"}, "set": {"n": "10 / args.x"}},
    ]
    slug = flows.flow(
        "group",
        {"id": "each", "kind": "map", "over": "input.n", "nodes": inside, "on_error": "continue"},
        {
            "id": "then",
            "kind": "transform",
            "args": {"got": {"from": "each.items", "default": []}},
            "set": {"n": "size(args.got)"},
        },
        {
            "id": "few",
            "kind": "map",
            "over": "input.n",
            "most": 1,
            "on_error": "continue",
            "nodes": inside[:1],
        },
        input={
            "type": "object",
            "required": ["n"],
            "properties": {"n": {"type": "array", "items": {"type": "integer"}}},
        },
        result={"n": "then.n"},
    )
    client = api("acme")
    run = run_flow(client, slug, {"n": [1, 0, 2]})
    assert run["status"] == "completed", run
    assert run["output"] == {"n": 0}
    nodes = by_node(client, run["id"])
    assert nodes["each"]["error"]["node"] == "each[1]/sum"
    assert nodes["few"]["error"]["code"] == "too_many"
    assert all(node["status"] in ("finished", "failed") for node in nodes.values())


def test_every_attempt_of_an_agent_is_a_run_of_its_own_and_there_are_no_more_than_declared(
    committed: None,
) -> None:
    flows = Flows("acme")
    talker = flows.agent("talker", "Talks.")
    slug = flows.flow(
        "tries",
        {
            "id": "ask",
            "kind": "agent",
            "agent": talker,
            "task": "Hello",
            "retries": {"attempts": 3, "backoff_ms": 20},
            "on_error": "fallback",
            "fallback": "plain",
        },
        {"id": "plain", "kind": "transform", "set": {"text": '"nobody there"'}},
        result={"text": "ask.text"},
    )
    env = {"TEST_MODEL_NAME": "m", "TEST_MODEL_API_KEY": "k", "STEP_ATTEMPTS": "1"}
    broken = OpenAIServer(Status(500))
    with (
        serving(broken),
        Server.started({**env, "TEST_MODEL_BASE_URL": broken.base_url}) as server,
    ):
        client = Api.signed_in(server, "acme", "member")
        run = run_flow(client, slug, "go")
        assert run["status"] == "completed", run
        assert run["output"] == {"text": "nobody there"}
        children = tree(client, run["id"])["children"]
        assert [child["status"] for child in children] == ["failed"] * 3
        assert len(broken.requests) == 3


def test_a_node_s_time_out_ends_what_it_runs(committed: None) -> None:
    flows = Flows("acme")
    talker = flows.agent("talker", "Talks.")
    slug = flows.flow(
        "slow",
        {
            "id": "ask",
            "kind": "agent",
            "agent": talker,
            "task": "Tell me a long story, please.",
            "timeout_ms": 2000,
            "on_error": "continue",
        },
        {
            "id": "group",
            "kind": "parallel",
            "timeout_ms": 2000,
            "on_error": "continue",
            "nodes": [
                {"id": "ask", "kind": "agent", "agent": talker, "task": "A long story, please."},
                {"id": "wait", "kind": "wait", "seconds": 600},
            ],
        },
        {
            "id": "race",
            "kind": "parallel",
            "wait_for": "any",
            "nodes": [
                {"id": "slow", "kind": "agent", "agent": talker, "task": "A story, please."},
                {"id": "quick", "kind": "wait", "seconds": 2},
            ],
        },
    )
    with Server.started({"DEMO_MODEL_FIRST_DELAY": "60"}) as server:
        client = Api.signed_in(server, "acme", "member")
        began = time.monotonic()
        run = run_flow(client, slug, "go")
        assert run["status"] == "completed", run
        assert time.monotonic() - began < 30
        assert list(run["output"]["race"]) == ["quick"]
        nodes = by_node(client, run["id"])
        assert nodes["ask"]["error"]["code"] == "deadline"
        assert nodes["group"]["error"]["code"] == "timeout"
        below = tree(client, run["id"])["children"]
        assert sorted(one["status"] for one in below) == ["cancelled", "cancelled", "failed"]
        open_ones = [
            one for one in steps(client, run["id"]) if one["status"] in ("started", "waiting")
        ]
        assert open_ones == [], json.dumps(open_ones)


def test_a_run_beyond_its_deadline_tokens_or_steps_ends_with_that_said(committed: None) -> None:
    flows = Flows("globex")
    talker = flows.agent("talker", "Talks.")
    late = flows.flow(
        "late",
        {"id": "ask", "kind": "agent", "agent": talker, "task": "A story"},
        limits={"deadline_ms": 400},
    )
    dear = flows.flow(
        "dear",
        {"id": "one", "kind": "agent", "agent": talker, "task": "Hello there, how are you?"},
        {"id": "two", "kind": "agent", "agent": talker, "task": "Again", "after": ["one"]},
        limits={"tokens": 2},
    )
    rounds = flows.flow(
        "rounds",
        {
            "id": "again",
            "kind": "loop",
            "times": 100,
            "nodes": [{"id": "x", "kind": "transform", "set": {"x": "1"}}],
        },
    )
    with Server.started({"DEMO_MODEL_FIRST_DELAY": "1", "WORKFLOW_MAX_STEPS": "20"}) as server:
        client = Api.signed_in(server, "globex", "member")
        run = run_flow(client, late, "go")
        assert (run["status"], run["error"]["code"]) == ("failed", "deadline"), run
        run = run_flow(client, dear, "go")
        assert run["status"] == "failed", run
        assert run["error"]["cause"]["code"] == "limit_tokens"
        run = run_flow(client, rounds, "go")
        assert (run["status"], run["error"]["code"]) == ("failed", "limit_steps"), run
