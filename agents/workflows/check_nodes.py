"""What one node needs to be right, by its kind, and what it gives out."""

from __future__ import annotations

import difflib
import re
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from agents.workflows.expressions import check
from agents.workflows.flaws import KEY, Flaw, Path
from agents.workflows.known import Known
from agents.workflows.links import branches
from agents.workflows.schemas import (
    ANY,
    TEXT,
    Schema,
    inlined,
    misfit,
    object_of,
    value_misfit,
    within,
)
from agents.workflows.spec import (
    AgentNode,
    BaseNode,
    ConditionNode,
    HumanNode,
    RouterNode,
    TeamNode,
    ToolNode,
    TransformNode,
    WaitNode,
    WorkflowNode,
)

_BRACES = re.compile(r"\{\{(.*?)\}\}", re.DOTALL)
_ARGUMENT = re.compile(r"\s*args\.([a-z][a-z0-9_]*)((?:\.\w+)*)\s*")


@dataclass(frozen=True)
class Around:
    """What a scope stands in. `roots`: what sources may name beside nodes; `outside`: the nodes
    around the group.
    """

    input: Schema
    known: Known
    slug: str = ""
    roots: Mapping[str, Schema] = field(default_factory=dict)
    outside: frozenset[str] = frozenset()
    level: int = 0

    def inside(self, nodes: Collection[str], roots: Mapping[str, Schema]) -> Around:
        outside = self.outside | frozenset(nodes)
        return replace(self, roots=roots, outside=outside, level=self.level + 1)


@dataclass
class NodeCheck:
    """One node with the schemas of its arguments; `flaws` and `gives` are what is found."""

    node: Any
    path: Path
    args: Mapping[str, Schema]
    around: Around
    flaws: list[Flaw] = field(default_factory=list)
    gives: Schema = field(default_factory=lambda: ANY)

    def flaw(self, place: Path, message: str, inside: tuple[int, int] = (1, 1)) -> None:
        self.flaws.append(Flaw((*self.path, *place), message, inside=inside))

    def expression(
        self,
        text: str,
        place: Path,
        more: Mapping[str, Schema] | None = None,
        *,
        wants: tuple[str, ...] = (),
        what: str = "",
    ) -> Schema:
        """What an expression gives; what is wrong with it is noted. `more`: further variables."""
        roots = {"args": object_of(self.args), "input": self.around.input, **(more or {})}
        issues, gives = check(text, roots, wants=wants, what=what)
        for issue in issues:
            self.flaw(place, issue.message, (issue.line, issue.column))
        return gives

    def holds(self, text: str, place: Path, more: Mapping[str, Schema] | None = None) -> None:
        self.expression(text, place, more, wants=("BOOL",), what="true or false is needed here")

    def braces(self, text: str, place: Path) -> None:
        """`{{ args.name }}` in a text names arguments that there are."""
        for match in _BRACES.finditer(text):
            before = text[: match.start()]
            at = (before.count("\n") + 1, len(before) - before.rfind("\n"))
            found = _ARGUMENT.fullmatch(match[1])
            if found is None:
                self.flaw(place, "Between braces stands an argument: {{ args.name }}.", at)
            elif found[1] not in self.args:
                self.flaw(place, f"There is no argument {found[1]} to put here.", at)
            else:
                inner = [part for part in found[2].split(".") if part]
                _, why = within(self.args[found[1]], inner, f"args.{found[1]}")
                if why:
                    self.flaw(place, f"{why}.", at)

    def component(self, kind: str, slug: str) -> bool:
        """Whether what the node runs can be run."""
        known = self.around.known
        why = known.why_not(kind, slug, self.node.revision)
        if not why:
            return True
        unknown = (kind, slug) not in known.states
        likely = difflib.get_close_matches(slug, known.slugs(kind), n=1) if unknown else []
        self.flaw((kind,), f"{why}: did you mean {likely[0]}?" if likely else f"{why}.")
        return False

    def arguments(self, wanted: Schema, taker: str) -> None:
        """The node's arguments against the schema of an object that takes them."""
        properties = wanted.get("properties") or {}
        for name in wanted.get("required") or ():
            if name not in self.args:
                self.flaw((), f"{taker} needs the argument {name}.")
        for name, given in self.args.items():
            source = self.node.args[name]
            if name not in properties:
                if wanted.get("additionalProperties") is False:
                    listed = ", ".join(properties) or "none"
                    said = f"{taker} takes no argument {name}. There is: {listed}."
                    self.flaw(("args", name), said, KEY)
                continue
            if source.is_value:
                why = value_misfit(source.value, properties[name])
                if why:
                    self.flaw(("args", name), f"{taker} doesn't take this as {name}: {why}.")
            elif why := misfit(given, properties[name]):
                self.flaw(("args", name), f"{taker} doesn't take this as {name}: {why}.")


def check_node(one: NodeCheck) -> None:
    """Notes what is wrong with the node by itself, and what it gives. A group gives by its own."""
    node: BaseNode = one.node
    if node.skip_when is not None:
        one.holds(node.skip_when, ("skip_when",))
    if node.on_error == "fallback" and node.fallback is None:
        one.flaw(("on_error",), "Name the node that is to stand in: fallback.")
    if node.on_error != "fallback" and node.fallback is not None:
        one.flaw(("fallback",), "A fallback is used with on_error: fallback alone.")
    if looked_at := _BY_KIND.get(type(node)):
        looked_at(one)


def _agent(one: NodeCheck) -> None:
    kind = one.node.kind
    one.component(kind, getattr(one.node, kind))
    if not one.node.task.strip() and not one.args:
        one.flaw((), f"The {kind} is asked nothing: write a task, or give it arguments.")
    one.braces(one.node.task, ("task",))
    output = one.node.output
    one.gives = object_of({"text": TEXT}) if output is None else inlined(output)


def _tool(one: NodeCheck) -> None:
    tools = one.around.known.tools
    spec = tools.get(one.node.tool)
    one.gives = ANY if one.node.output is None else inlined(one.node.output)
    if spec is None:
        likely = difflib.get_close_matches(one.node.tool, tools, n=1)
        more = f": did you mean {likely[0]}?" if likely else "."
        one.flaw(("tool",), f"There is no tool {one.node.tool}{more}")
        return
    one.arguments(inlined(spec.parameters), spec.name)


def _transform(one: NodeCheck) -> None:
    one.gives = object_of(
        {name: one.expression(text, ("set", name)) for name, text in one.node.set.items()}
    )


def _condition(one: NodeCheck) -> None:
    one.holds(one.node.when, ("when",))
    one.gives = object_of({"holds": {"type": "boolean"}})
    if not one.node.then and not one.node.else_:
        one.flaw((), "It leads nowhere: name nodes under then or else.")
    for target in set(one.node.then) & set(one.node.else_):
        one.flaw(("else",), f"{target} runs either way, so nothing is decided about it.")


def _router(one: NodeCheck) -> None:
    one.expression(one.node.by, ("by",), wants=("STRING",), what="a route's name is needed here")
    one.gives = object_of({"route": TEXT})
    if not any(targets for _, _, targets in branches(one.node)):
        one.flaw((), "It leads nowhere: name nodes under its routes.")
    if "otherwise" in one.node.routes:
        one.flaw(("routes", "otherwise"), "otherwise stands beside the routes, not in them.", KEY)


def _human(one: NodeCheck) -> None:
    one.braces(one.node.message, ("message",))
    for place, role in enumerate(one.node.roles):
        if role not in one.around.known.roles:
            one.flaw(("roles", place), f"There is no role {role}.")
    form = one.node.form
    if one.node.ask == "form":
        if form is None:
            one.flaw((), "It asks for a form and has none: write the schema of one under form.")
        one.gives = ANY if form is None else inlined(form)
        return
    if form is not None:
        one.flaw(("form",), "A form goes with ask: form.")
    one.gives = object_of({"approved": {"type": "boolean"}, "reason": TEXT, "by": TEXT})


def _workflow(one: NodeCheck) -> None:
    node: WorkflowNode = one.node
    if node.workflow == one.around.slug:
        one.flaw(("workflow",), "It contains itself.")
        return
    if not one.component("workflow", node.workflow):
        return
    known = one.around.known
    spec = known.specs.get(("workflow", node.workflow, node.revision))
    if spec is None:
        return
    if way := _way_to(one.around.slug, ("workflow", node.workflow, node.revision), known):
        shown = " → ".join([one.around.slug, *way])
        one.flaw(("workflow",), f"It contains itself: {shown}.")
    wanted = object_of({"input": TEXT}) if spec.input is None else inlined(spec.input)
    one.arguments({"additionalProperties": False, **wanted}, f"The workflow {node.workflow}")
    one.gives = ANY if spec.output is None else inlined(spec.output)


def _way_to(slug: str, start: tuple[str, str, int | None], known: Known) -> list[str]:
    """From a workflow through those it contains to `slug`; empty when there is no way."""
    from agents.workflows.known import named

    ways = [[start]]
    seen = {start}
    for way in ways:
        spec = known.specs.get(way[-1])
        for inner in named(spec) if spec is not None and slug else ():
            if inner[0] == "workflow" and inner[1] == slug:
                return [*(one[1] for one in way), slug]
            if inner[0] == "workflow" and inner not in seen:
                seen.add(inner)
                ways.append([*way, inner])
    return []


def _wait(one: NodeCheck) -> None:
    node: WaitNode = one.node
    given = [name for name in ("seconds", "until", "event") if getattr(node, name) is not None]
    if len(given) != 1:
        one.flaw((), "Say what it waits for: one of seconds, until or event.")
    if node.until is not None:
        one.expression(
            node.until, ("until",), wants=("TIMESTAMP", "STRING"), what="a time is needed here"
        )
    if node.output is not None and node.event is None:
        one.flaw(("output",), "Only an event brings something with it.")
    if node.event is None:
        one.gives = object_of({"at": TEXT})
    elif node.output is not None:
        one.gives = inlined(node.output)


_BY_KIND: dict[type[BaseNode], Callable[[NodeCheck], None]] = {
    AgentNode: _agent,
    TeamNode: _agent,
    ToolNode: _tool,
    TransformNode: _transform,
    ConditionNode: _condition,
    RouterNode: _router,
    HumanNode: _human,
    WorkflowNode: _workflow,
    WaitNode: _wait,
}
