"""A server whose model and moderation endpoint are a local HTTP server's."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tests.models_llm.openai_server import OpenAIServer
from tests.support.client import Api
from tests.support.models import serving
from tests.support.server import Server


@pytest.fixture(scope="module")
def model() -> Iterator[OpenAIServer]:
    server = OpenAIServer()
    with serving(server):
        yield server


@pytest.fixture(scope="module")
def guarded_server(database: None, model: OpenAIServer) -> Iterator[Server]:
    env = {
        "TEST_MODEL_BASE_URL": model.base_url,
        "TEST_MODEL_NAME": "test-model",
        "TEST_MODEL_API_KEY": "sk-very-secret",
        "RETRY_BASE_SECONDS": "0.02",
        "MODEL_TIMEOUT_FIRST_BYTE": "5",
    }
    with Server.started(env) as server:
        yield server
        said = server.log.read_text()
        assert "Traceback" not in said, said[-5000:]


@pytest.fixture(scope="module")
def client(guarded_server: Server) -> Iterator[Api]:
    signed_in = Api.signed_in(guarded_server, "acme", "member")
    yield signed_in
    signed_in.close()


@pytest.fixture(autouse=True)
def fresh(request: pytest.FixtureRequest) -> None:
    if "model" in request.fixturenames:
        model = request.getfixturevalue("model")
        model.replies.clear()
        model.requests.clear()


@pytest.fixture
def agent(committed: None) -> Callable[..., str]:
    """`agent("name", [guardrail, …], tools=…)` in acme, published; its slug."""
    from agents.models import Agent
    from agents.services.publish_agent import publish_agent
    from tenants.context import use_shared, use_tenant
    from tenants.models import Tenant

    def made(slug: str, guardrails: list[dict[str, Any]], tenant: str = "acme", **more: Any) -> str:
        with use_shared():
            ref = Tenant.objects.get(schema_name=tenant).ref
        with use_tenant(ref):
            fields = {"name": slug, "guardrails": guardrails, **more}
            row, _ = Agent.objects.update_or_create(slug=slug, defaults=fields)
            publish_agent(None, row.pk)
        return slug

    return made
