"""The way through a model and its fallbacks, over HTTP: who is asked when, what is noted."""

from __future__ import annotations

from collections.abc import AsyncIterator
from decimal import Decimal
from typing import Any

import pytest
import pytest_asyncio
from langchain_core.messages import HumanMessage

from agents.models_llm.connections import aclose_all
from agents.models_llm.errors import ModelError
from agents.models_llm.lean import LeanChat
from agents.models_llm.pricing import Price
from agents.models_llm.protocol import Turn, collect
from agents.providers.chain import ModelChain
from agents.providers.gate import Gate, GateLimits
from agents.providers.registry import ResolvedModel
from tests.models_llm.openai_server import Drop, OpenAIServer, Raw, Reply, Status

PRICE = Price(Decimal(2), Decimal(8), Decimal(1))


@pytest_asyncio.fixture
async def endpoints() -> AsyncIterator[tuple[OpenAIServer, OpenAIServer]]:
    first, second = OpenAIServer(Reply(tokens=("first",))), OpenAIServer(Reply(tokens=("second",)))
    await first.start()
    await second.start()
    yield first, second
    await aclose_all()
    await first.stop()
    await second.stop()


def model(server: OpenAIServer, name: str, **fields: Any) -> ResolvedModel:
    client = LeanChat(model=name, base_url=server.base_url, tenant="acme")
    return ResolvedModel(name, client, provider=f"at-{name}", gate=Gate(), **fields)


def pair(endpoints: tuple[OpenAIServer, OpenAIServer], **fields: Any) -> ResolvedModel:
    first, second = endpoints
    return model(first, "big", fallbacks=(model(second, "small", **fields),), price=PRICE)


async def attempt(chain: ModelChain) -> Turn:
    async with chain.call() as link:
        return await collect(link.client.stream_turn([HumanMessage("Hi")]))


async def to_the_end(chain: ModelChain) -> tuple[Turn | None, list[tuple[str, bool]]]:
    """As the journal does: again while it is worth it. What was answered, and each failure."""
    failures = []
    for _ in range(chain.most_attempts):
        try:
            return await attempt(chain), failures
        except ModelError as error:
            failures.append((error.code, error.at_once))
            if not error.retryable:
                break
    return None, failures


async def test_the_first_model_answers_and_its_cost_is_known(
    endpoints: tuple[OpenAIServer, OpenAIServer],
) -> None:
    chain = ModelChain(pair(endpoints), attempts=3, with_tools=False)
    turn, failures = await to_the_end(chain)
    assert turn is not None and turn.text == "first" and failures == []
    record, cost = chain.answered(turn.usage)
    assert record == {"name": "big", "provider": "at-big"}
    assert cost == Decimal("0.0000270000")  # 8 input, 3 of the cache, 1 output
    assert endpoints[1].requests == []


@pytest.mark.parametrize(
    ("fault", "code", "tries"),
    [
        (Status(500), "server", 2),
        (Drop(), "connect", 2),
        (Reply(cut_after=1), "cut", 2),
        (Raw(b"data: nonsense\n\n"), "garbage", 2),
        (Status(429, headers={"Retry-After": "0"}), "rate_limited", 2),
        (Status(429, headers={"Retry-After": "3000"}), "rate_limited", 1),  # not worth waiting
        (Status(401), "auth", 1),
        (Status(403), "auth", 1),
        (Status(404), "bad_request", 1),
    ],
    ids=["500", "drop", "cut", "garbage", "429", "429 long", "401", "403", "404"],
)
async def test_the_next_model_is_asked_when_the_way_to_the_first_fails(
    endpoints: tuple[OpenAIServer, OpenAIServer], fault: Any, code: str, tries: int
) -> None:
    endpoints[0].script(*[fault] * tries)
    chain = ModelChain(pair(endpoints, price=PRICE), attempts=2, with_tools=False)
    turn, failures = await to_the_end(chain)
    assert turn is not None and turn.text == "second"
    assert failures == [(code, False)] * (tries - 1) + [(code, True)]
    record, cost = chain.answered(turn.usage)
    assert record == {
        "name": "small",
        "provider": "at-small",
        "tried": [{"name": "big", "provider": "at-big", "why": code, "attempts": tries}],
    }
    assert cost is not None


@pytest.mark.parametrize("status", [400, 413, 422])
async def test_what_is_wrong_with_the_request_is_not_asked_of_another(
    endpoints: tuple[OpenAIServer, OpenAIServer], status: int
) -> None:
    endpoints[0].script(Status(status))
    chain = ModelChain(pair(endpoints), attempts=3, with_tools=False)
    turn, failures = await to_the_end(chain)
    assert turn is None and len(failures) == 1
    assert endpoints[1].requests == []


async def test_when_all_fail_the_last_failure_is_told(
    endpoints: tuple[OpenAIServer, OpenAIServer],
) -> None:
    endpoints[0].script(Status(401))
    endpoints[1].script(Status(500), Status(500))
    chain = ModelChain(pair(endpoints), attempts=2, with_tools=False)
    turn, failures = await to_the_end(chain)
    assert turn is None
    assert failures == [("auth", True), ("server", False), ("server", False)]
    assert [len(server.requests) for server in endpoints] == [1, 2]


async def test_a_model_without_tools_is_no_fallback_for_an_agent_with_some(
    endpoints: tuple[OpenAIServer, OpenAIServer],
) -> None:
    endpoints[0].script(Status(401))
    chain = ModelChain(pair(endpoints, supports_tools=False), attempts=2, with_tools=True)
    turn, failures = await to_the_end(chain)
    assert turn is None and failures == [("auth", False)]


async def test_a_provider_that_keeps_failing_is_passed_over_for_a_while(
    endpoints: tuple[OpenAIServer, OpenAIServer], settings: Any
) -> None:
    settings.PROVIDER_BREAK_SECONDS = 60.0
    both = pair(endpoints)
    endpoints[0].script(*[Status(500)] * 3)
    for _ in range(3):
        await to_the_end(ModelChain(both, attempts=1, with_tools=False))
    assert len(endpoints[0].requests) == 3
    chain = ModelChain(both, attempts=3, with_tools=False)
    turn, failures = await to_the_end(chain)
    assert turn is not None and turn.text == "second" and failures == []
    assert len(endpoints[0].requests) == 3  # not even tried
    assert chain.answered(turn.usage)[0]["tried"][0]["why"] == "resting"
    # Alone it is asked all the same: a failure says more than a refusal to try.
    alone = ModelChain(
        ResolvedModel(both.name, both.client, gate=both.gate), attempts=1, with_tools=False
    )
    assert (await attempt(alone)).text == "first"
    alone.answered(None)
    assert both.gate is not None and not both.gate.broken  # it is well again


async def test_a_provider_at_its_limit_gives_way_to_the_fallback(
    endpoints: tuple[OpenAIServer, OpenAIServer], settings: Any
) -> None:
    settings.PROVIDER_QUEUE_SECONDS = 0.05
    both = pair(endpoints)
    assert both.gate is not None
    both.gate.limits = GateLimits(requests_per_minute=1)
    texts = []
    for _ in range(2):
        turn, _ = await to_the_end(ModelChain(both, attempts=3, with_tools=False))
        assert turn is not None
        texts.append(turn.text)
    assert texts == ["first", "second"]
