"""Agents whose model stops in mid-sentence: a run of theirs ends when the test says so."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

from tenants.context import TenantRef, use_shared, use_tenant
from tests.models_llm.openai_server import OpenAIServer, unfinished
from tests.support.models import serving


@contextmanager
def hanging_agents(*tenants: str) -> Iterator[str]:
    """The slug of such an agent in each of these tenants, whichever process carries its run."""
    from agents.models import Agent
    from agents.providers.models import ChatModel, Provider
    from agents.services.publish_agent import publish_agent
    from tenants.models import Tenant

    name = f"hanging-{secrets.token_hex(4)}"
    model = OpenAIServer(unfinished("Well", ","))
    with use_shared():
        refs = [Tenant.objects.get(schema_name=tenant).ref for tenant in tenants]
    with serving(model), ExitStack() as afterwards:
        for ref in refs:
            with use_tenant(ref):
                provider = Provider.objects.create(
                    name=name, slug=name, kind="openai_compatible", base_url=model.base_url
                )
                row = ChatModel.objects.create(name=name, provider=provider, model_id="any")
                agent = Agent.objects.create(name=name, slug=name, model=name)
                publish_agent(None, agent.pk)
            afterwards.callback(_put_away, ref, agent, row, provider)
        yield name


def _put_away(ref: TenantRef, agent: Any, *rows: Any) -> None:
    with use_tenant(ref):
        agent.is_archived = True
        agent.save()
        for row in rows:
            row.delete()
