"""Agents whose model stops in mid-sentence: a run of theirs ends when the test says so."""

from __future__ import annotations

import secrets
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from itertools import accumulate
from typing import Any

from django.db import connections

from tenants.context import TenantRef, use_shared, use_tenant
from tests.models_llm.openai_server import OpenAIServer, Reply, unfinished
from tests.support.models import serving


@contextmanager
def hanging_agents(*tenants: str) -> Iterator[str]:
    """The slug of such an agent in each of these tenants, whichever process carries its run."""
    with _agents(OpenAIServer(unfinished("Well", ",")), tenants) as slug:
        yield slug


@contextmanager
def held_agent(tenant: str, *parts: Sequence[str]) -> Iterator[tuple[str, list[threading.Event]]]:
    """An agent that calculates 6*7, then says each part but the first when its event is set."""
    words = [word for part in parts for word in part]
    starts = list(accumulate(len(part) for part in parts[:-1]))
    held = {start: threading.Event() for start in starts}

    def next_reply(body: dict[str, Any]) -> Reply:
        if body["messages"][-1]["role"] == "tool":
            return Reply(tokens=words, held=held)
        return Reply(tokens=(), calls=[("calculator", '{"expression": "6*7"}')])

    with _agents(OpenAIServer(choose=next_reply), [tenant], tools=["calculator"]) as slug:
        try:
            yield slug, list(held.values())
        finally:
            for event in held.values():
                event.set()


@contextmanager
def _agents(model: OpenAIServer, tenants: Sequence[str], **fields: Any) -> Iterator[str]:
    from agents.models import Agent
    from agents.providers.models import ChatModel, Provider
    from agents.services.publish_agent import publish_agent
    from tenants.models import Tenant

    name = f"hanging-{secrets.token_hex(4)}"

    def make() -> list[tuple[TenantRef, Any]]:
        with use_shared():
            refs = [Tenant.objects.get(schema_name=tenant).ref for tenant in tenants]
        made = []
        for ref in refs:
            with use_tenant(ref):
                provider = Provider.objects.create(
                    name=name, slug=name, kind="openai_compatible", base_url=model.base_url
                )
                row = ChatModel.objects.create(name=name, provider=provider, model_id="any")
                agent = Agent.objects.create(name=name, slug=name, model=name, **fields)
                publish_agent(None, agent.pk)
                made.append((ref, (agent, row, provider)))
        return made

    def put_away(made: list[tuple[TenantRef, Any]]) -> None:
        for ref, (agent, row, provider) in made:
            with use_tenant(ref):
                agent.is_archived = True
                agent.save()
                row.delete()
                provider.delete()

    with serving(model):
        made = _aside(make)
        try:
            yield name
        finally:
            _aside(put_away, made)


def _aside(work: Callable[..., Any], *arguments: Any) -> Any:
    """In a thread of its own: where a browser is driven there is a loop, on which Django is not."""

    def done() -> Any:
        try:
            return work(*arguments)
        finally:
            connections.close_all()

    with ThreadPoolExecutor(1) as thread:
        return thread.submit(done).result()
