"""Typed specs: what a revision holds, and the digest that names it."""

from __future__ import annotations

import hashlib
import json
from typing import Annotated, Any, Literal

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    SerializerFunctionWrapHandler,
    model_serializer,
    model_validator,
)

from agents.budgets import Limits, Money, Seconds, StageSpec, Tokens
from agents.guardrails.specs import GuardrailSpec


class _Spec(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class ModelSpec(_Spec):
    """Which model, and how it is called. `name` "default" means the installation's own."""

    name: str = "default"
    temperature: Annotated[float, Field(ge=0, le=2)] | None = None
    max_output_tokens: Annotated[int, Field(ge=1)] | None = None

    def parameters(self) -> dict[str, Any]:
        """Keyword arguments of a model call."""
        given = {"temperature": self.temperature, "max_tokens": self.max_output_tokens}
        return {name: value for name, value in given.items() if value is not None}


class AgentSpec(_Spec):
    kind: Literal["agent"] = "agent"
    slug: str
    name: str
    description: str = ""
    instructions: str = ""
    model: ModelSpec = ModelSpec()
    tools: tuple[str, ...] = ()
    history_runs: Annotated[int, Field(ge=0, le=200)] = 10
    limits: Limits = Limits()
    run_roles: tuple[str, ...] = ()
    guardrails: tuple[GuardrailSpec, ...] = ()

    @model_serializer(mode="wrap")
    def _without_empty(self, dump: SerializerFunctionWrapHandler) -> dict[str, Any]:
        return _shown(dump(self))


class RuleSpec(_Spec):
    """What must hold of a plan's results, in CEL; `why` is told where it doesn't.

    Then the steps of `member` are done again, or with `escalate` a person is asked at once.
    """

    check: Annotated[str, Field(min_length=1, max_length=1000)]
    why: Annotated[str, Field(max_length=300)] = ""
    member: str = ""
    escalate: bool = False


class PlanSpec(_Spec):
    """How a team plans. `rounds`: how often results are sent back before a person is asked.

    `rejections`: how often whoever breaks a contract is told so and may try again. `verifier`: what
    a verifying model is told; empty for none. `review_roles`: who reviews; empty: all who may.
    """

    rules: tuple[RuleSpec, ...] = ()
    verifier: str = ""
    rounds: Annotated[int, Field(ge=0, le=10)] = 2
    rejections: Annotated[int, Field(ge=0, le=5)] = 2
    most_steps: Annotated[int, Field(ge=1, le=100)] = 20
    review_roles: tuple[str, ...] = ()


class TaskSpec(_Spec):
    """How a team with a task list works. `most`: tasks that its leader may put on it."""

    most: Annotated[int, Field(ge=1, le=100)] = 20


class MemberSpec(_Spec):
    """One member of a team: what it is, and what the leader is told of it.

    Which revision of it runs is decided at a run's start. The schemas are JSON schemas of what it
    is given and has to answer where its team plans; `seconds`, `tokens` and `cost` what it may use
    each time, where that is less than it may by itself. `fallback`: the member who is asked instead
    when it passes its budget.
    """

    kind: Literal["agent", "team"] = "agent"
    slug: str
    name: str
    description: str = ""
    input_schema: dict[str, Any] | None = None
    output_schema: dict[str, Any] | None = None
    seconds: Seconds | None = None
    tokens: Tokens | None = None
    cost: Money | None = None
    fallback: str = ""

    @model_serializer(mode="wrap")
    def _without_empty(self, dump: SerializerFunctionWrapHandler) -> dict[str, Any]:
        return _shown(dump(self))

    @property
    def key(self) -> str:
        """How a run's roster names it."""
        return f"{self.kind}:{self.slug}"


class TeamSpec(_Spec):
    """A leader and its members. To the run loop the leader is an agent with one tool."""

    kind: Literal["team"] = "team"
    slug: str
    name: str
    description: str = ""
    mode: Literal["coordinate", "route", "broadcast", "plan", "tasks"] = "coordinate"
    instructions: str = ""
    model: ModelSpec = ModelSpec()
    members: Annotated[tuple[MemberSpec, ...], Field(min_length=1)]
    at_once: Annotated[int, Field(ge=1, le=50)] = 8
    history_runs: Annotated[int, Field(ge=0, le=200)] = 10
    limits: Limits = Limits()
    run_roles: tuple[str, ...] = ()
    plan: PlanSpec | None = None
    tasks: TaskSpec | None = None
    stage: StageSpec | None = None

    @model_serializer(mode="wrap")
    def _without_empty(self, dump: SerializerFunctionWrapHandler) -> dict[str, Any]:
        return _shown(dump(self))

    @model_validator(mode="after")
    def _of_its_mode(self) -> TeamSpec:
        for mode, settings in (("plan", self.plan), ("tasks", self.tasks)):
            if (self.mode == mode) != (settings is not None):
                raise ValueError(f"a team has the settings of {mode} where its mode is {mode}")
        return self

    @property
    def tools(self) -> tuple[str, ...]:
        """What the answering leader is offered: the tool that delegates, or those of its list."""
        if self.mode == "tasks":
            return TASK_TOOLS
        return (DELEGATE,) if self.mode in ("coordinate", "route") else ()

    @property
    def calls_tools(self) -> bool:
        """Whether the leader's model has to be one that can call tools."""
        return self.mode != "broadcast"

    @property
    def guardrails(self) -> tuple[GuardrailSpec, ...]:
        """None of its own: the tenant's hold for the leader, and each member has its own."""
        return ()


DELEGATE = "delegate_task"
"""The name of the leader's tool."""
TASK_TOOLS = ("add_task", "update_task", "finish_task")
"""The names of the tools with which a leader keeps its list."""


def read_spec(spec: dict[str, Any]) -> AgentSpec | TeamSpec:
    """A revision's spec, by its kind. Raises pydantic's ValidationError."""
    if spec.get("kind") == "team":
        return TeamSpec.model_validate(spec)
    return AgentSpec.model_validate(spec)


_LATER = frozenset(
    {
        *("guardrails", "plan", "tasks", "stage", "input_schema", "output_schema"),
        *("seconds", "tokens", "cost", "fallback"),
    }
)


def _shown(dumped: dict[str, Any]) -> dict[str, Any]:
    """What came later is left out where it is empty: older specs keep their digests."""
    return {name: value for name, value in dumped.items() if value or name not in _LATER}


def canonical(spec: BaseModel) -> bytes:
    """The spec as JSON with sorted keys and no white space: equal specs are equal bytes."""
    return json.dumps(
        spec.model_dump(mode="json"), sort_keys=True, separators=(",", ":"), ensure_ascii=False
    ).encode()


def digest(spec: BaseModel) -> str:
    """SHA-256 over the canonical form, as 64 hexadecimal digits."""
    return hashlib.sha256(canonical(spec)).hexdigest()
