"""A workflow made ready to run: what the runtime asks of every component, and its graph."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, Literal

from django.conf import settings

from agents.guardrails.specs import GuardrailSpec
from agents.prompts import Prompt
from agents.specs import ModelSpec
from agents.tools.spec import ToolSpec
from agents.workflows.spec import WorkflowSpec


@dataclass(frozen=True, slots=True)
class FlowLimits:
    """`tokens` None: only what is above it, and the tenant, set a limit. No turns: it has nodes."""

    seconds: float
    tokens: int | None
    cost: Decimal | None = None
    turns: int = 1


@dataclass(frozen=True, slots=True)
class FlowSpec:
    """A workflow's spec as agents and teams have one. No model is asked by a workflow itself, it
    has no history, and beside the tenant's it has no guardrails.
    """

    graph: WorkflowSpec
    limits: FlowLimits
    kind: Literal["workflow"] = "workflow"
    model: ModelSpec = field(default_factory=ModelSpec)
    tools: tuple[str, ...] = ()
    guardrails: tuple[GuardrailSpec, ...] = ()
    history_runs: int = 0

    @property
    def slug(self) -> str:
        return self.graph.slug

    @property
    def name(self) -> str:
        return self.graph.name

    @property
    def run_roles(self) -> tuple[str, ...]:
        return self.graph.run_roles


@dataclass(frozen=True, slots=True)
class BuiltWorkflow:
    """Ready to run. The tools of its nodes are looked up when they are called."""

    digest: str
    spec: FlowSpec
    tools: Mapping[str, ToolSpec]
    schemas: None
    parameters: dict[str, Any]
    prompt: Prompt


def built_workflow(graph: WorkflowSpec, digest: str) -> BuiltWorkflow:
    """The pure part of a build."""
    deadline = graph.limits.deadline_ms
    seconds = settings.RUN_SECONDS_MAX if deadline is None else deadline / 1000
    limits = FlowLimits(
        min(seconds, settings.RUN_SECONDS_MAX), graph.limits.tokens, graph.limits.cost
    )
    return BuiltWorkflow(digest, FlowSpec(graph, limits), {}, None, {}, Prompt(()))
