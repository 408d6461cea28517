"""Built agents: a revision's spec made ready to run, once a process and digest.

A revision never changes, so what is built from it can't go stale: tools resolved with the schemas
that models are shown, prompt and call parameters ready. What may change under it is asked at run
time instead: the model's provider, the member's rights, whether the revision is still published.
"""

from __future__ import annotations

import asyncio
import time
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from django.conf import settings
from langchain_core.messages import SystemMessage

from agents.prompts import Prompt, PromptError, compile_prompt
from agents.runtime import sql
from agents.runtime.leader_tool import delegate_schema
from agents.runtime.task_board import task_schemas
from agents.runtime.workflow.built import BuiltWorkflow, built_workflow
from agents.specs import AgentSpec, TeamSpec, read_spec
from agents.tools import registry
from agents.tools.spec import ToolSpec, openai_schema
from agents.workflows.spec import WorkflowSpec
from config.metrics import cache_counter
from tenants import notices
from tenants.context import current_tenant
from tenants.notices import Notice
from tenants.pool import tenant_connection

_counter = cache_counter("builds")
_Revision = tuple[str, int]  # schema, id
_Digest = tuple[str, str]  # schema, digest


@dataclass(frozen=True, slots=True)
class BuiltAgent:
    """Ready to run. `tools` are the granted ones that exist, in the order of the grant.

    `fixed` is the opening of a prompt without variables: one message for all its runs.
    """

    digest: str
    spec: AgentSpec
    tools: Mapping[str, ToolSpec]
    schemas: list[dict[str, Any]] | None
    parameters: dict[str, Any]
    prompt: Prompt
    fixed: tuple[SystemMessage, ...] | None = None

    def opening(self, variables: Mapping[str, str]) -> list[SystemMessage]:
        """The instructions as a conversation begins with them, if there are any."""
        if self.fixed is not None:
            return list(self.fixed)
        return _opening(self.prompt.render(variables))


def _opening(text: str) -> list[SystemMessage]:
    return [SystemMessage(text)] if text else []


@dataclass(frozen=True, slots=True)
class BuiltTeam:
    """Ready to run: to the run loop its leader is an agent, with no tool but the one to delegate.

    `tools` is empty: what a leader calls is no tool of the registry.
    """

    digest: str
    spec: TeamSpec
    tools: Mapping[str, ToolSpec]
    schemas: list[dict[str, Any]] | None
    parameters: dict[str, Any]
    prompt: Prompt

    def opening(self, variables: Mapping[str, str]) -> list[SystemMessage]:
        """The leader's instructions, if there are any."""
        return _opening(self.prompt.render(variables))


Asking = BuiltAgent | BuiltTeam
"""What asks a model by itself."""
Built = BuiltAgent | BuiltTeam | BuiltWorkflow


class BuildCache:
    """Least recently used go first, and everything after a while; one build at a time a revision.

    For one event loop.
    """

    def __init__(self) -> None:
        self._built: OrderedDict[_Digest, tuple[float, Built]] = OrderedDict()
        self._digests: dict[_Revision, str] = {}
        self._building: dict[_Revision, asyncio.Task[Built]] = {}

    async def get(self, revision_id: int) -> Built:
        """What is built of a revision of the current tenant.

        LookupError when there is none. Don't call it with a connection in hand: a build takes one
        of its own, and callers that wait for one another's would wait for ever.
        """
        schema = current_tenant().schema
        key = (schema, revision_id)
        found = self._find(schema, self._digests.get(key))
        if found is not None:
            _counter.hit()
            return found
        _counter.miss()
        task = self._building.get(key)
        if task is None:
            # A task of its own: who waits for it may leave, the others still get it.
            task = asyncio.get_running_loop().create_task(self._build(key))
            self._building[key] = task
            task.add_done_callback(lambda _: self._building.pop(key, None))
        return await asyncio.shield(task)

    def _find(self, schema: str, digest: str | None) -> Built | None:
        entry = self._built.get((schema, digest)) if digest is not None else None
        if entry is None or digest is None:
            return None
        if entry[0] < time.monotonic():
            del self._built[schema, digest]
            return None
        self._built.move_to_end((schema, digest))
        return entry[1]

    async def _build(self, key: _Revision) -> Built:
        schema, revision_id = key
        async with tenant_connection() as conn:
            values = {"revision_id": revision_id}
            row = await (await conn.execute(sql.REVISION_SPEC, values)).fetchone()
        if row is None:
            raise LookupError(f"no revision {revision_id}")
        spec, digest = row
        # An equal revision published under another number is the same agent.
        made = self._find(schema, digest) or _made(spec, digest)
        self._built[schema, digest] = (time.monotonic() + settings.BUILD_CACHE_SECONDS, made)
        self._built.move_to_end((schema, digest))
        self._digests[key] = digest
        while len(self._built) > settings.BUILD_CACHE_SIZE:
            self._built.popitem(last=False)
        if len(self._digests) > 4 * settings.BUILD_CACHE_SIZE:
            self._digests = {k: d for k, d in self._digests.items() if (k[0], d) in self._built}
        return made

    def forget(self, schema: str | None = None) -> None:
        """Drop what a tenant's schema has, or everything."""
        if schema is None:
            self._built.clear()
            self._digests.clear()
            return
        for held in [held for held in self._built if held[0] == schema]:
            del self._built[held]
        self._digests = {k: d for k, d in self._digests.items() if k[0] != schema}

    def __len__(self) -> int:
        return len(self._built)


def build(spec: AgentSpec, digest: str) -> BuiltAgent:
    """The pure part. A tool that no longer exists is left out: the model is not offered it."""
    known = {tool.name: tool for tool in registry.all()}
    tools = {name: known[name] for name in spec.tools if name in known}
    prompt = _prompt(spec.instructions)
    return BuiltAgent(
        digest=digest,
        spec=spec,
        tools=tools,
        schemas=[openai_schema(tool) for tool in tools.values()] or None,
        parameters=spec.model.parameters(),
        prompt=prompt,
        fixed=None if prompt.variables else tuple(_opening(prompt.render({}))),
    )


def _made(stored: dict[str, Any], digest: str) -> Built:
    if stored.get("kind") == "workflow":
        return built_workflow(WorkflowSpec.model_validate(stored), digest)
    spec = read_spec(stored)
    if isinstance(spec, AgentSpec):
        return build(spec, digest)
    return BuiltTeam(
        digest=digest,
        spec=spec,
        tools={},
        schemas=_leader_schemas(spec),
        parameters=spec.model.parameters(),
        prompt=_prompt(spec.instructions),
    )


def _leader_schemas(spec: TeamSpec) -> list[dict[str, Any]] | None:
    if spec.mode == "tasks":
        return task_schemas(spec)
    return [delegate_schema(spec)] if spec.tools else None


def _prompt(text: str) -> Prompt:
    try:
        return compile_prompt(text)
    except PromptError:  # published before there were variables: it stands as it was written
        return Prompt((text,))


_cache = BuildCache()


async def built(revision_id: int) -> Built:
    """`BuildCache.get` of this process's cache."""
    return await _cache.get(revision_id)


def _forget(notice: Notice | None) -> None:
    """A tenant changed: it may be suspended or gone. A lost connection changes no revision."""
    if notice is not None:
        _cache.forget(str(notice.fields.get("schema") or notice.schema))


notices.on("tenant", _forget)
