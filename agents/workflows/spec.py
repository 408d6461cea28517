"""The typed spec of a workflow: a graph of nodes, what goes in and what comes out.

Data flows by name: a node's `args` name where each value comes from, and that is its edge. In CEL
a node sees its `args` and the workflow's `input`, nothing else. `after` is order without data.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field

from agents.budgets import Money
from agents.workflows.parts import (
    Expression,
    JsonSchema,
    Name,
    ObjectSchema,
    Part,
    Reference,
    Slug,
    Source,
    Text,
)

DEEPEST = 5
"""Levels of groups in groups."""
_DAY_MS = 86_400_000

Milliseconds = Annotated[int, Field(ge=1, le=30 * _DAY_MS)]
Revision = Annotated[int, Field(ge=1)]
Concurrency = Annotated[int, Field(ge=1, le=100)]


class Retries(Part):
    """`attempts` counts the first one too. The pause grows by `factor` up to `longest_ms`."""

    attempts: Annotated[int, Field(ge=1, le=10)] = 1
    backoff_ms: Annotated[int, Field(ge=0, le=_DAY_MS)] = 500
    factor: Annotated[float, Field(ge=1, le=10)] = 2.0
    longest_ms: Annotated[int, Field(ge=0, le=_DAY_MS)] = 30_000


class BaseNode(Part):
    """What every node has. A node is skipped when the branches to it aren't taken, or when an
    argument without a default comes from a node that was skipped.

    `on_error`: `fail` ends the workflow; with `continue` the node counts as skipped; `fallback`
    runs another node, whose output stands for this one's.
    """

    id: Name
    title: Annotated[str, Field(max_length=100)] = ""
    args: dict[Name, Source] = {}
    after: tuple[Name, ...] = ()
    skip_when: Expression | None = None
    on_error: Literal["fail", "continue", "fallback"] = "fail"
    fallback: Name | None = None


class TimedNode(BaseNode):
    timeout_ms: Milliseconds | None = None


class TriedNode(TimedNode):
    retries: Retries = Retries()


class AgentNode(TriedNode):
    """An agent is asked `task`, in which `{{ args.name }}` stands for an argument. Without a task
    it is given the arguments. Its output is `{text}`, or what `output` says, answered as JSON.
    """

    kind: Literal["agent"] = "agent"
    agent: Slug
    revision: Revision | None = None
    task: Text = ""
    output: ObjectSchema | None = None


class TeamNode(TriedNode):
    """A team, asked as an agent is."""

    kind: Literal["team"] = "team"
    team: Slug
    revision: Revision | None = None
    task: Text = ""
    output: ObjectSchema | None = None


class ToolNode(TriedNode):
    """One call of a tool with `args`. `output` is what is known of its result."""

    kind: Literal["tool"] = "tool"
    tool: Annotated[str, Field(min_length=1, max_length=64)]
    output: JsonSchema | None = None


class TransformNode(BaseNode):
    """Values worked out in CEL; its output has each by its name."""

    kind: Literal["transform"] = "transform"
    set: Annotated[dict[Name, Expression], Field(min_length=1)]


class ConditionNode(BaseNode):
    """Where `when` holds, the nodes in `then` may run, else those in `else`."""

    kind: Literal["condition"] = "condition"
    when: Expression
    then: tuple[Name, ...] = ()
    else_: tuple[Name, ...] = Field(default=(), alias="else")


class RouterNode(BaseNode):
    """`by` gives the name of a route, whose nodes may run; `otherwise` for any other name."""

    kind: Literal["router"] = "router"
    by: Expression
    routes: Annotated[
        dict[Annotated[str, Field(min_length=1, max_length=100)], tuple[Name, ...]],
        Field(min_length=1),
    ]
    otherwise: tuple[Name, ...] = ()


class HumanNode(BaseNode):
    """A person is asked: to approve `message`, or to fill in `form`."""

    kind: Literal["human"] = "human"
    ask: Literal["approval", "form"] = "approval"
    message: Annotated[Text, Field(min_length=1)]
    form: ObjectSchema | None = None
    roles: tuple[Annotated[str, Field(max_length=150)], ...] = ()
    expires_minutes: Annotated[int, Field(ge=1, le=525_600)] = 1440


class WorkflowNode(TriedNode):
    """Another workflow, `args` being its input."""

    kind: Literal["workflow"] = "workflow"
    workflow: Slug
    revision: Revision | None = None


class WaitNode(BaseNode):
    """Until so many seconds have passed, a time has come, or an event has happened."""

    kind: Literal["wait"] = "wait"
    seconds: Annotated[float, Field(gt=0, le=31_536_000)] | None = None
    until: Expression | None = None
    event: Annotated[str, Field(pattern=r"^[a-z][a-z0-9_.-]{0,99}$")] | None = None
    output: ObjectSchema | None = None
    expires_minutes: Annotated[int, Field(ge=1, le=525_600)] = 1440


class GroupNode(TimedNode):
    """Nodes within a node. Inside, `args` of the group are there to take from; `result` is what
    comes out, by name: without one, the output of every node inside, by its id.
    """

    nodes: Annotated[tuple[Node, ...], Field(min_length=1)]
    result: dict[Name, Source] = {}
    concurrency: Concurrency | None = None


class ParallelNode(GroupNode):
    """Nodes that run at once, as far as `concurrency` allows; `any`: until one of them is done."""

    kind: Literal["parallel"] = "parallel"
    wait_for: Literal["all", "any"] = "all"


class LoopNode(GroupNode):
    """Its nodes again and again, at most `times`, until `until` holds: CEL over `last` (the outputs
    of the round by node), `round` (from 1), `args` and `input`. Inside, `last.node.field` is the
    round before. Its output is `{rounds, done, result}`.
    """

    kind: Literal["loop"] = "loop"
    until: Expression | None = None
    times: Annotated[int, Field(ge=1, le=1000)]


class MapNode(GroupNode):
    """Its nodes once for each of a list, which `over` names; inside, `item` and `index` (from 0).
    Its output is `{items}`, the result of each in the list's order. More than `most` is an error.
    """

    kind: Literal["map"] = "map"
    over: Source
    most: Annotated[int, Field(ge=1, le=10_000)] = 100


Node = Annotated[
    AgentNode
    | TeamNode
    | ToolNode
    | TransformNode
    | ConditionNode
    | RouterNode
    | HumanNode
    | WorkflowNode
    | WaitNode
    | ParallelNode
    | LoopNode
    | MapNode,
    Field(discriminator="kind"),
]
KINDS = (
    *("agent", "team", "tool", "transform", "condition", "router", "parallel", "loop", "map"),
    *("human", "workflow", "wait"),
)


class WorkflowLimits(Part):
    """Nodes that run at once; milliseconds, tokens and cost of a whole run, None for the
    tenant's own.
    """

    concurrency: Concurrency = 10
    deadline_ms: Milliseconds | None = None
    tokens: Annotated[int, Field(ge=1)] | None = None
    cost: Money | None = None


class Graph(Part):
    """What a draft edits. Without a declared `input` it is a text. `result` is the output, by
    name; without one, the outputs of the nodes that no other takes anything from.
    """

    input: ObjectSchema | None = None
    output: ObjectSchema | None = None
    limits: WorkflowLimits = WorkflowLimits()
    nodes: Annotated[tuple[Node, ...], Field(min_length=1)]
    result: dict[Name, Source] = {}


class WorkflowSpec(Graph):
    """A revision of a workflow, and a workflow's file."""

    kind: Literal["workflow"] = "workflow"
    slug: Slug
    name: Annotated[str, Field(min_length=1, max_length=100)]
    description: Annotated[str, Field(max_length=500)] = ""
    run_roles: tuple[Annotated[str, Field(max_length=150)], ...] = ()


HEADER = ("kind", "slug", "name", "description", "run_roles")
"""What a file has beside the graph."""

for _kind in (GroupNode, ParallelNode, LoopNode, MapNode, Graph, WorkflowSpec):
    _kind.model_rebuild()


def graph_of(spec: WorkflowSpec) -> dict[str, Any]:
    """The graph of a spec as JSON, without the header."""
    shown = spec.model_dump(mode="json")
    return {key: value for key, value in shown.items() if key not in HEADER}


def reference_root(reference: Reference) -> tuple[str, tuple[str, ...]]:
    """`classify.severity.level` as ("classify", ("severity", "level"))."""
    root, *path = reference.split(".")
    return root, tuple(path)
