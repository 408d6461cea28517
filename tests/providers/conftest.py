"""A server whose tenants have providers of their own, configured through the console."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from agents.models import Agent
from agents.providers.models import ChatModel, Fallback, ModelSettings, Provider
from agents.services.publish_agent import publish_agent
from tenants.context import TenantRef, use_shared, use_tenant
from tests.admin.console import Console
from tests.models_llm.anthropic_server import AnthropicServer
from tests.models_llm.openai_server import OpenAIServer, Reply
from tests.support.client import Api
from tests.support.models import serving
from tests.support.server import Server

SECRET = "sk-kept-very-secret"
TENANTS = ("acme", "globex")


class Endpoints:
    """Where models are answered from, for as long as a module's tests last."""

    def __init__(self) -> None:
        self.openai = OpenAIServer(Reply(tokens=("From ", "openai", ".")))
        self.other = OpenAIServer(Reply(tokens=("From ", "the ", "other", ".")))
        self.anthropic = AnthropicServer()

    @property
    def all(self) -> tuple[Any, ...]:
        return self.openai, self.other, self.anthropic

    def fresh(self) -> None:
        for server in self.all:
            server.replies.clear()
            server.requests.clear()


@pytest.fixture(scope="module")
def endpoints() -> Iterator[Endpoints]:
    made = Endpoints()
    with serving(*made.all):
        yield made


@pytest.fixture(scope="module")
def site(database: None) -> Iterator[Server]:
    """What it remembers of providers is kept long: only a notice makes it look again."""
    env = {
        "PROVIDER_CACHE_SECONDS": "3600",
        "RETRY_BASE_SECONDS": "0.02",
        "PROVIDER_BREAK_SECONDS": "0.01",
    }
    with Server.started(env) as server:
        yield server
        log = server.log.read_text()
        assert SECRET not in log and "Traceback" not in log, log[-4000:]


@pytest.fixture(scope="module")
def acme_api(site: Server) -> Iterator[Api]:
    api = Api.signed_in(site, "acme", "member")
    yield api
    api.close()


@pytest.fixture(scope="module")
def globex_api(site: Server) -> Iterator[Api]:
    api = Api.signed_in(site, "globex", "member")
    yield api
    api.close()


@pytest.fixture(scope="module")
def owner(site: Server) -> Iterator[Console]:
    console = Console(site, "acme")
    assert console.sign_in("owner").status_code == 302
    yield console
    console.close()


def ref(slug: str) -> TenantRef:
    from tenants.models import Tenant

    with use_shared():
        return Tenant.objects.get(schema_name=slug).ref


@pytest.fixture
def clean(committed: None, endpoints: Endpoints) -> Iterator[None]:
    """Whatever a test configures is gone after it, in both tenants."""
    endpoints.fresh()
    yield
    for slug in TENANTS:
        with use_tenant(ref(slug)):
            for model in (ModelSettings, Fallback, ChatModel, Provider):
                for row in model.objects.all():
                    row.delete()


@pytest.fixture
def agent(clean: None) -> Iterator[Callable[..., str]]:
    """`agent("big")`: the slug of a published agent of acme with that model and no tools."""
    made: list[int] = []

    def published(model: str, slug: str = "asks", **fields: Any) -> str:
        with use_tenant(ref("acme")):
            row, _ = Agent.objects.update_or_create(
                slug=slug, defaults={"name": slug, "model": model, "is_archived": False, **fields}
            )
            publish_agent(None, row.pk)
            made.append(row.pk)
        return slug

    yield published
    with use_tenant(ref("acme")):
        Agent.objects.filter(pk__in=made).update(is_archived=True)
