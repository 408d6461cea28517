"""Built agents: one build a revision whatever the rush, kept a while, never another tenant's."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest

from agents.models import Agent, Revision
from agents.runtime import build as building
from agents.runtime.build import BuildCache
from agents.services.publish_agent import publish_agent
from tenants import notices
from tenants.context import TenantRef, use_shared, use_tenant
from tenants.hop import hop
from tenants.models import Tenant
from tenants.notices import Notice
from tenants.pool import close_pool
from tests.support.client import Api

pytestmark = pytest.mark.usefixtures("committed")


@pytest.fixture
def refs(committed: None) -> tuple[TenantRef, TenantRef]:
    with use_shared():
        found = {tenant.schema_name: tenant.ref for tenant in Tenant.objects.all()}
    return found["acme"], found["globex"]


@pytest.fixture
async def builds(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[list[str]]:
    """The digests built while the test runs, in order; the building itself is the real one."""
    made: list[str] = []
    real = building.build

    def counted(spec: Any, digest: str) -> Any:
        made.append(digest)
        return real(spec, digest)

    monkeypatch.setattr(building, "build", counted)
    yield made
    await close_pool()


def revision_of(slug: str = "assistant") -> int:
    return int(Agent.objects.get(slug=slug).published_id)


async def test_a_rush_on_one_revision_builds_it_once(
    refs: tuple[TenantRef, TenantRef], builds: list[str]
) -> None:
    cache = BuildCache()
    for at, ref in enumerate(refs, start=1):
        with use_tenant(ref):
            revision = await hop(revision_of)
            agents = await asyncio.gather(*(cache.get(revision) for _ in range(50)))
            assert len({id(agent) for agent in agents}) == 1
            assert list(agents[0].tools) and agents[0].schemas
        assert len(builds) == at  # equal specs of two tenants are two builds


async def test_who_waits_for_a_build_may_leave_it(
    refs: tuple[TenantRef, TenantRef], builds: list[str]
) -> None:
    cache = BuildCache()
    with use_tenant(refs[0]):
        revision = await hop(revision_of)
        first = asyncio.ensure_future(cache.get(revision))
        second = asyncio.ensure_future(cache.get(revision))
        await asyncio.sleep(0)
        first.cancel()
        assert (await second).spec.slug == "assistant"
    assert len(builds) == 1 and first.cancelled()


async def test_what_is_old_or_least_used_is_built_again(
    refs: tuple[TenantRef, TenantRef], builds: list[str], settings: Any
) -> None:
    cache = BuildCache()
    settings.BUILD_CACHE_SIZE = 1
    for ref in (*refs, refs[0]):
        with use_tenant(ref):
            await cache.get(await hop(revision_of))
        assert len(cache) == 1
    assert len(builds) == 3
    settings.BUILD_CACHE_SECONDS = -1.0
    with use_tenant(refs[1]):
        revision = await hop(revision_of)
        await cache.get(revision)
        await cache.get(revision)
    assert len(builds) == 5


async def test_a_build_that_failed_is_tried_again(
    refs: tuple[TenantRef, TenantRef], builds: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    cache = BuildCache()
    with use_tenant(refs[0]):
        with pytest.raises(LookupError):
            await cache.get(0)
        revision = await hop(revision_of)
        with monkeypatch.context() as broken:
            broken.setattr(building, "openai_schema", lambda tool: 1 / 0)
            with pytest.raises(ZeroDivisionError):
                await cache.get(revision)
        assert (await cache.get(revision)).schemas


async def test_a_notice_about_a_tenant_drops_what_was_built_for_it(
    refs: tuple[TenantRef, TenantRef], builds: list[str]
) -> None:
    for ref in refs:
        with use_tenant(ref):
            await building.built(await hop(revision_of))
    before = len(builds)
    notices.dispatch(Notice("tenant", "public", {"schema": refs[0].schema}))
    for ref in refs:
        with use_tenant(ref):
            await building.built(await hop(revision_of))
    assert len(builds) == before + 1


def test_a_publication_in_another_process_is_what_the_next_run_runs(
    refs: tuple[TenantRef, TenantRef], api: Any
) -> None:
    """The server is one process, this test another, and nothing passes between them."""
    for ref in refs:
        client: Api = api(ref.schema, "member")
        with use_tenant(ref):
            agent = Agent.objects.create(name="Turncoat", slug="turncoat", instructions="One.")
            publish_agent(None, agent.pk)
        assert client.run("Hello", slug="turncoat")["component"]["revision"] == 1
        for number in (2, 3):
            with use_tenant(ref):
                agent.instructions = f"Number {number}."
                agent.save()
                publish_agent(None, agent.pk)
            run = client.run("Hello", slug="turncoat")
            assert run["component"]["revision"] == number
        with use_tenant(ref):
            Agent.objects.filter(pk=agent.pk).update(is_archived=True)
        answer = client.post("/agents/turncoat/runs", json={"input": "Hello"})
        assert answer.status_code == 404
        with use_tenant(ref):
            assert Revision.objects.filter(slug="turncoat").count() == 3
