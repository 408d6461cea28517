"""Runs on a tenant's own providers: who answers, what it costs, what happens when one fails."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest

from agents.providers.models import ChatModel, Fallback, ModelSettings, Provider
from agents.providers.services import keep_key
from tenants.context import use_tenant
from tests.models_llm.anthropic_server import Message
from tests.models_llm.openai_server import Drop, Reply, Status
from tests.providers.conftest import SECRET, Endpoints, ref
from tests.support.client import Api
from tests.support.waiting import until

pytestmark = pytest.mark.usefixtures("clean")

KINDS = ["openai", "openai_compatible", "ollama", "azure_openai", "anthropic"]


def address(endpoints: Endpoints, kind: str) -> str:
    if kind == "anthropic":
        return endpoints.anthropic.base_url
    root = f"http://127.0.0.1:{endpoints.openai.port}"
    return root if kind in ("azure_openai", "ollama") else f"{root}/v1"


def configured(
    url: str, name: str, tenant: str = "acme", kind: str = "openai_compatible", **fields: Any
) -> ChatModel:
    """A provider with a key and one model of it, both called `name`."""
    prices = {key: fields.pop(key) for key in list(fields) if key.endswith("price")}
    with use_tenant(ref(tenant)):
        provider = Provider(name=name, slug=name, kind=kind, base_url=url, **fields)
        keep_key(provider, SECRET)
        provider.full_clean()
        provider.save()
        return ChatModel.objects.create(
            name=name, provider=provider, model_id=f"id-of-{name}", **prices
        )


def steps(api: Api, run: dict[str, Any]) -> list[dict[str, Any]]:
    return list(api.get(f"/runs/{run['id']}/steps").json()["items"])


@pytest.mark.parametrize("kind", KINDS)
def test_each_kind_of_provider_answers_a_run_with_its_key_usage_and_cost(
    kind: str, endpoints: Endpoints, agent: Callable[..., str], acme_api: Api
) -> None:
    extra = {"api_version": "2024-10-21"} if kind == "azure_openai" else {}
    configured(
        address(endpoints, kind),
        "mine",
        kind=kind,
        input_price=Decimal("2"),
        output_price=Decimal("8"),
        cached_input_price=Decimal("1"),
        **extra,
    )
    run = acme_api.run("Hello", slug=agent("mine"))
    assert run["status"] == "completed", run
    assert run["model"] == {
        "name": "mine",
        "offline": False,
        "provider": "mine",
        "currency": "USD",
    }
    server = endpoints.anthropic if kind == "anthropic" else endpoints.openai
    (seen,) = server.requests
    header = "api-key" if kind == "azure_openai" else "Authorization"
    assert seen.headers[header].removeprefix("Bearer ") == SECRET
    assert seen.body["model"] == "id-of-mine"
    # 8 or 8 plain input tokens, 3 of a cache, 3 or 7 of output
    given = (8 * 2 + 3 * 1 + (7 if kind == "anthropic" else 3) * 8) / Decimal(1_000_000)
    assert Decimal(run["usage"]["cost"]) == given and run["usage"]["currency"] == "USD"
    (step,) = steps(acme_api, run)
    assert Decimal(step["usage"]["cost"]) == given
    assert step["output"]["model"] == {"name": "mine", "provider": "mine"}
    assert SECRET not in str(run) + str(step)


def test_a_tool_is_called_through_anthropics_dialect(
    endpoints: Endpoints, agent: Callable[..., str], acme_api: Api
) -> None:
    configured(endpoints.anthropic.base_url, "claude", kind="anthropic")
    endpoints.anthropic.script(
        Message(tokens=(), calls=[("calculator", {"expression": "17*23"})]),
        Message(tokens=("It is ", "391.")),
    )
    run = acme_api.run("17*23?", slug=agent("claude", tools=["calculator"]))
    assert run["output"] == "It is 391."
    result = endpoints.anthropic.requests[1].body["messages"][-1]["content"][0]
    assert result["type"] == "tool_result" and "391" in str(result["content"])


def test_one_tenants_models_are_not_anothers(
    endpoints: Endpoints, acme_api: Api, globex_api: Api
) -> None:
    model = configured(endpoints.openai.base_url, "mine")
    with use_tenant(ref("acme")):
        ModelSettings.objects.create(default_model=model, currency="EUR")
    run = acme_api.run("Hello")  # the assistant's model is "default"
    assert run["output"] == "From openai."
    assert (run["usage"]["cost"], run["usage"]["currency"]) == (None, "EUR")  # it has no price
    other = globex_api.run("Hello")
    assert other["model"] == {"name": "offline-demo", "offline": True}
    assert (other["usage"]["cost"], other["usage"]["currency"]) == (None, None)


def test_a_change_counts_for_the_next_run(
    endpoints: Endpoints, agent: Callable[..., str], acme_api: Api
) -> None:
    model = configured(endpoints.openai.base_url, "mine")
    slug = agent("mine")
    assert acme_api.run("Hello", slug=slug)["output"] == "From openai."
    with use_tenant(ref("acme")):
        model.provider.base_url = endpoints.other.base_url
        model.provider.save()
    # Told across processes: in effect at once or very soon after.
    until(lambda: acme_api.run("Hello", slug=slug)["output"], lambda said: "other" in said)
    with use_tenant(ref("acme")):
        ChatModel.objects.filter(pk=model.pk).update(is_enabled=False)
        model.refresh_from_db()
        model.save()
    failed = until(lambda: acme_api.run("Hello", slug=slug), lambda run: run["status"] == "failed")
    assert (
        failed["error"]["code"] == "model_unknown" and "switched off" in failed["error"]["message"]
    )


def chained(endpoints: Endpoints) -> None:
    first = configured(
        endpoints.openai.base_url, "big", input_price=Decimal("30"), output_price=Decimal("60")
    )
    second = configured(
        endpoints.other.base_url, "small", input_price=Decimal("1"), output_price=Decimal("2")
    )
    with use_tenant(ref("acme")):
        Fallback.objects.create(model=first, fallback=second)


@pytest.mark.parametrize(
    ("fault", "code", "tries"),
    [
        (Status(503), "server", 3),
        (Drop(), "connect", 3),
        (Reply(cut_after=2), "cut", 3),
        (Status(401), "auth", 1),
        (Status(404), "bad_request", 1),
    ],
    ids=["503", "drop", "cut", "401", "404"],
)
def test_the_fallback_answers_and_the_step_says_so(
    endpoints: Endpoints,
    agent: Callable[..., str],
    acme_api: Api,
    fault: Any,
    code: str,
    tries: int,
) -> None:
    chained(endpoints)
    endpoints.openai.script(*[fault] * tries)
    path = f"/agents/{agent('big')}/runs"
    with acme_api.stream("POST", path, json={"input": "Hello", "stream": True}) as stream:
        seen = list(stream)
    run = seen[-1]["run"]
    assert (run["status"], run["output"]) == ("completed", "From the other.")
    (step,) = steps(acme_api, run)
    tried = [{"name": "big", "provider": "big", "why": code, "attempts": tries}]
    assert step["attempt"] == tries + 1
    assert step["output"]["model"] == {"name": "small", "provider": "small", "tried": tried}
    (usage,) = (event for event in seen if event["type"] == "usage")
    assert usage["model"] == step["output"]["model"]
    cost = (11 * 1 + 4 * 2) / Decimal(1_000_000)  # by the prices of the one that answered
    assert Decimal(usage["cost"]) == Decimal(run["usage"]["cost"]) == cost
    # Read back from the journal, the events are the same.
    with acme_api.stream("GET", f"/runs/{run['id']}/events") as stream:
        again = [event for event in stream if event["type"] == "usage"]
    assert again == [usage]


def test_a_refused_request_is_not_asked_of_the_fallback(
    endpoints: Endpoints, agent: Callable[..., str], acme_api: Api
) -> None:
    chained(endpoints)
    endpoints.openai.script(Status(400, '{"error": {"message": "too long sk-kept-very-secret"}}'))
    run = acme_api.run("Hello", slug=agent("big"))
    assert (run["status"], run["error"]["code"]) == ("failed", "bad_request")
    assert SECRET not in str(run) and endpoints.other.requests == []


def test_a_name_that_is_no_model_fails_the_run_clearly(
    endpoints: Endpoints, agent: Callable[..., str], acme_api: Api
) -> None:
    slug = agent("gone")  # published while the tenant had no models, and so no rule
    configured(endpoints.openai.base_url, "mine")
    run = until(lambda: acme_api.run("Hi", slug=slug), lambda run: run["status"] == "failed")
    assert run["error"]["code"] == "model_unknown" and "'gone'" in run["error"]["message"]


def test_publishing_an_agent_with_a_model_that_is_none_is_refused(
    endpoints: Endpoints, agent: Callable[..., str]
) -> None:
    from config.errors import Invalid

    mine = configured(endpoints.openai.base_url, "mine")
    with pytest.raises(Invalid, match="There is no model 'gone': the models are mine"):
        agent("gone", slug="asks-gone")
    with use_tenant(ref("acme")):
        mine.supports_tools = False
        mine.save()
    with pytest.raises(Invalid, match="can't call tools"):
        agent("mine", slug="asks-tools", tools=["calculator"])
    agent("mine", slug="asks-mine")
    agent("default", slug="asks-default")
