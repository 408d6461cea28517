"""Checks that fail: closed unless told otherwise; and specs from before there were guardrails."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from agents.guardrails.schema_check import complaints, why_no_schema
from agents.specs import AgentSpec, digest
from tests.models_llm.openai_server import Hang, OpenAIServer, Raw, Reply, Status
from tests.support.client import Api

Made = Callable[..., str]


def flagged(*categories: str) -> Raw:
    result = {"flagged": bool(categories), "categories": dict.fromkeys(categories, True)}
    return Raw(json.dumps({"results": [result]}).encode(), "application/json")


@pytest.fixture
def provider(committed: None, model: OpenAIServer) -> Iterator[str]:
    from agents.providers.models import Provider
    from tenants.context import use_shared, use_tenant
    from tenants.models import Tenant

    with use_shared():
        ref = Tenant.objects.get(schema_name="acme").ref
    with use_tenant(ref):
        row = Provider.objects.create(
            name="Moderator",
            slug="moderator",
            kind="openai_compatible",
            base_url=model.base_url,
        )
    yield row.slug
    with use_tenant(ref):
        row.delete()


def test_a_moderation_endpoint_is_asked_before_the_model(
    client: Api, model: OpenAIServer, agent: Made, provider: str
) -> None:
    slug = agent("moderated", [{"kind": "moderation", "provider": provider, "stages": ["input"]}])
    model.script(flagged(), Reply(tokens=["Hello", "."]))
    assert client.run("Hi", slug=slug)["output"] == "Hello."
    assert [seen.path for seen in model.requests] == ["/v1/moderations", "/v1/chat/completions"]
    assert model.requests[0].body == {"model": "omni-moderation-latest", "input": "Hi"}
    model.requests.clear()
    model.script(flagged("violence", "hate"))
    run = client.run("Hi", slug=slug)
    assert (run["error"]["code"], run["error"]["reason"]) == ("guardrail_blocked", "moderation")
    assert "hate, violence" in run["error"]["message"]
    assert [seen.path for seen in model.requests] == ["/v1/moderations"]


@pytest.mark.parametrize("fault", [Status(500), Raw(b"{}", "application/json"), Hang()])
def test_a_check_that_fails_blocks_or_lets_through_as_told(
    client: Api, model: OpenAIServer, agent: Made, provider: str, fault: Any
) -> None:
    given = {"kind": "moderation", "provider": provider, "stages": ["input"], "seconds": 0.3}
    closed = agent("closed", [given])
    opened = agent("opened", [{**given, "on_error": "allow"}])
    model.script(fault)
    run = client.run("Hi", slug=closed)
    assert (run["status"], run["error"]["reason"]) == ("failed", "guardrail_failed")
    assert run["usage"]["total_tokens"] == 0
    model.script(fault, Reply(tokens=["Hello", "."]))
    run = client.run("Hi", slug=opened)
    assert run["status"] == "completed"
    (step, *_) = client.get(f"/runs/{run['id']}/steps").json()["items"]
    assert (step["kind"], step["output"]["action"]) == ("guardrail", "allow")
    assert step["output"]["code"] == "guardrail_failed"


def test_a_spec_without_guardrails_keeps_its_digest() -> None:
    spec = AgentSpec(slug="old", name="Old")
    dumped = spec.model_dump(mode="json")
    assert "guardrails" not in dumped
    text = json.dumps(dumped, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    assert digest(spec) == hashlib.sha256(text.encode()).hexdigest()
    given = AgentSpec.model_validate({**dumped, "guardrails": [{"kind": "pii"}]})
    assert digest(given) != digest(spec)
    assert AgentSpec.model_validate(given.model_dump(mode="json")) == given


def test_schemas_that_could_take_for_ever_are_refused_or_cut_short() -> None:
    assert why_no_schema({"patternProperties": {"^a": {}}})
    assert why_no_schema({"pattern": "("})
    assert why_no_schema({"allOf": [{"$ref": "#/$defs/a"}] * 21, "$defs": {"a": {}}})
    slow = {"type": "string", "pattern": "^(a|a)*$"}
    assert why_no_schema(slow) == ""
    with pytest.raises(TimeoutError):
        complaints(json.dumps("a" * 60 + "!"), slow)
    assert complaints('```json\n{"n": 1}\n```', {"required": ["n"]}) == []
    assert complaints("{}", {"required": ["n"]}) == ["$: 'n' is a required property"]
