"""Everything that is wrong with a workflow, each at its node: asked before it is published.

A scope is the nodes of the workflow, or those inside a group. Its nodes are looked at in their
order, so that what each gives out is known to those that take from it.
"""

from __future__ import annotations

import difflib
from collections.abc import Mapping, Sequence

from django.conf import settings

from agents.workflows.check_nodes import Around, NodeCheck, check_node
from agents.workflows.flaws import Flaw, Path
from agents.workflows.known import Known
from agents.workflows.links import edges, everything, needs, sources_of
from agents.workflows.order import circles, phases
from agents.workflows.parts import Source
from agents.workflows.reach import never_run
from agents.workflows.schemas import (
    ANY,
    TEXT,
    Schema,
    either,
    inlined,
    misfit,
    object_of,
    of_value,
    within,
)
from agents.workflows.spec import (
    DEEPEST,
    BaseNode,
    Graph,
    GroupNode,
    LoopNode,
    MapNode,
    WorkflowSpec,
    reference_root,
)

RESERVED = ("input", "args", "item", "index", "last", "round")
"""What expressions and sources call something else."""
_SELF = {
    "data": "It takes from itself.",
    "after": "It waits for itself.",
    "branch": "It leads to itself.",
    "fallback": "It is its own fallback.",
}


def flaws_of(graph: Graph, known: Known, slug: str = "") -> list[Flaw]:
    """What must be mended before this can be published; `slug` is the workflow's own."""
    number = sum(1 for _ in everything(graph.nodes))
    if number > settings.WORKFLOW_MAX_NODES:
        said = f"It has {number:,} nodes, and {settings.WORKFLOW_MAX_NODES:,} are allowed."
        return [Flaw(("nodes",), said)]
    if isinstance(graph, WorkflowSpec):
        slug = slug or graph.slug
    taken = TEXT if graph.input is None else inlined(graph.input)
    scope = _Scope(graph.nodes, (), Around(input=taken, known=known, slug=slug))
    scope.check()
    gives = scope.result(graph.result, default=scope.loose_ends())
    found = [*scope.flaws, *_output_flaws(graph, gives)]
    if isinstance(graph, WorkflowSpec):
        found += [
            Flaw(("run_roles", place), f"There is no role {role}.")
            for place, role in enumerate(graph.run_roles)
            if role not in known.roles
        ]
    return found


def _output_flaws(graph: Graph, gives: Schema) -> list[Flaw]:
    if graph.output is None:
        return []
    wanted = inlined(graph.output)
    named = gives.get("properties", {})
    found = []
    for name in wanted.get("required", ()):
        if name not in named:
            path: Path = ("result",) if graph.result else ("output", "required")
            found.append(Flaw(path, f"The output needs {name}, and no result is named so."))
    for name, schema in wanted.get("properties", {}).items():
        if name in named and (why := misfit(named[name], schema)):
            place: Path = ("result", name) if graph.result else ("output", "properties", name)
            found.append(Flaw(place, f"It doesn't fit the output: {why}."))
    return found


class _Scope:
    """The nodes of one level. `outputs` are the schemas of what they give, as they are found."""

    def __init__(self, nodes: Sequence[BaseNode], path: Path, around: Around) -> None:
        self.nodes = {node.id: node for node in reversed(nodes)}
        self.flaws: list[Flaw] = []
        self.outputs: dict[str, Schema] = {}
        self._all = nodes
        self._path = path
        self._around = around
        self._places = {node.id: place for place, node in reversed(list(enumerate(nodes)))}
        self._edges = edges(nodes)

    def check(self) -> None:
        self._names()
        self._ends()
        waits = needs(self._all, [edge for edge in self._edges if edge.source != edge.target])
        self._circles(waits)
        order = [node for phase in phases(waits) for node in phase]
        for node, why in never_run(order, self._edges).items():
            self._flaw(node, (), why)
        settled = set(order)
        for one in [*order, *(node for node in self.nodes if node not in settled)]:
            self._node(self.nodes[one])
        self._stand_ins()

    def loose_ends(self) -> dict[str, Schema]:
        """What those nodes give of which no other takes anything, branching ones left out."""
        taken = {edge.source for edge in self._edges if edge.kind in ("data", "branch")}
        stand_ins = {edge.target for edge in self._edges if edge.kind == "fallback"}
        return {
            node.id: self.outputs[node.id]
            for node in self._all
            if node.id not in taken and node.id not in stand_ins
        }

    def result(
        self, result: Mapping[str, Source], default: Mapping[str, Schema] | None = None
    ) -> Schema:
        """The schema of what comes out of the scope."""
        if not result:
            return object_of(self.outputs if default is None else default)
        return object_of(
            {
                name: self._source(source, (*self._path, "result", name), "")
                for name, source in result.items()
            }
        )

    # --- names, edges, circles --------------------------------------------------------------------

    def _names(self) -> None:
        seen: set[str] = set()
        for place, node in enumerate(self._all):
            path: Path = (*self._path, "nodes", place, "id")
            if node.id in seen:
                self.flaws.append(Flaw(path, f"Another node is called {node.id} already."))
            if node.id in RESERVED:
                said = f"{node.id} means something else in expressions: choose another name."
                self.flaws.append(Flaw(path, said))
            seen.add(node.id)

    def _ends(self) -> None:
        """Edges that lead from or to where there is no node, or to the node itself."""
        for edge in self._edges:
            owner, other = (edge.target, edge.source)
            if edge.kind in ("branch", "fallback"):
                owner, other = (edge.source, edge.target)
            if edge.source == edge.target:
                self._flaw(owner, edge.path, _SELF[edge.kind])
            elif edge.kind != "data" and other not in self.nodes:
                self._flaw(owner, edge.path, self._no_node(other))

    def _no_node(self, name: str) -> str:
        if name in self._around.outside:
            return (
                f"{name} is outside of this group: give it to the group as an argument, and take "
                "it from args."
            )
        for node in self._all:
            if isinstance(node, GroupNode) and any(name == one.id for one in node.nodes):
                return f"{name} is inside of {node.id}: take it from what {node.id} gives."
        likely = difflib.get_close_matches(name, [*self.nodes, *self._around.roots], n=1)
        return f"There is no node {name} here" + (f": did you mean {likely[0]}?" if likely else ".")

    def _circles(self, waits: Mapping[str, Sequence[str]]) -> None:
        for way in circles(waits):
            first, last = way[0], way[-1]
            shown = " → ".join([*way, first])
            owner, path = self._closing(last, first)
            self._flaw(owner, path, f"These nodes wait for each other in a circle: {shown}.")

    def _closing(self, source: str, target: str) -> tuple[str, Path]:
        """The place of an edge, by whose node it is written."""
        for edge in self._edges:
            if (edge.source, edge.target) == (source, target):
                return (source if edge.kind in ("branch", "fallback") else target), edge.path
        return target, ()

    # --- nodes ------------------------------------------------------------------------------------

    def _node(self, node: BaseNode) -> None:
        path: Path = (*self._path, "nodes", self._places[node.id])
        args, over = {}, ANY
        for name, source, place in sources_of(node):
            schema = self._source(source, (*path, *place), node.id)
            if place == ("over",):
                over = schema
            else:
                args[name] = schema
        checked = NodeCheck(node, path, args, self._around)
        check_node(checked)
        self.flaws += checked.flaws
        self.outputs[node.id] = checked.gives
        if isinstance(node, GroupNode):
            self.outputs[node.id] = self._group(node, path, args, over)

    def _stand_ins(self) -> None:
        for node in self.nodes.values():
            stand_in = self.outputs.get(node.fallback or "")
            if stand_in is None or node.fallback == node.id:
                continue
            if why := misfit(stand_in, self.outputs[node.id]):
                said = f"What {node.fallback} gives can't stand for what this one gives: {why}."
                self._flaw(node.id, ("fallback",), said)

    def _group(
        self, node: GroupNode, path: Path, args: Mapping[str, Schema], over: Schema
    ) -> Schema:
        if self._around.level >= DEEPEST:
            self._flaw(node.id, (), f"Groups are nested at most {DEEPEST} deep.")
            return ANY
        taken = object_of(args)
        roots: dict[str, Schema] = {"args": taken}
        if isinstance(node, LoopNode):
            roots["last"] = object_of({one.id: ANY for one in node.nodes})
        if isinstance(node, MapNode):
            if why := misfit(over, {"type": "array"}):
                self._flaw(node.id, ("over",), f"It goes over a list: {why}.")
            items = over.get("items")
            roots["item"] = items if isinstance(items, dict) else ANY
            roots["index"] = {"type": "integer"}
        scope = _Scope(node.nodes, path, self._around.inside(self.nodes, roots))
        scope.check()
        result = scope.result(node.result)
        self.flaws += scope.flaws
        if isinstance(node, MapNode):
            return object_of({"items": {"type": "array", "items": result}})
        if not isinstance(node, LoopNode):
            return result
        if node.until is not None:
            inner = {"last": object_of(scope.outputs), "round": {"type": "integer"}}
            check = NodeCheck(node, path, args, self._around)
            check.holds(node.until, ("until",), inner)
            self.flaws += check.flaws
        return object_of(
            {"rounds": {"type": "integer"}, "done": {"type": "boolean"}, "result": result}
        )

    def _source(self, source: Source, path: Path, owner: str) -> Schema:
        """The schema of what a source gives; what is wrong with it is noted."""
        if source.is_value:
            return of_value(source.value)
        options = []
        for place, reference in enumerate(source.references):
            where: Path = (*path, "first", place) if source.first else path
            options.append(self._reference(reference, where, owner, source.has_default))
        if source.has_default:
            options.append(of_value(source.default))
        return either(options)

    def _reference(self, reference: str, path: Path, owner: str, has_default: bool) -> Schema:
        root, inner = reference_root(reference)
        if root == owner:
            return ANY  # told as an edge
        if root == "input":
            whole = self._around.input
        elif root in self._around.roots:
            whole = self._around.roots[root]
            if root == "last" and not has_default:
                said = "The first round has none before it: give a default."
                self.flaws.append(Flaw(path, said))
        elif root in self.nodes:
            whole = self.outputs.get(root, ANY)
        else:
            self.flaws.append(Flaw(path, self._no_node(root)))
            return ANY
        schema, why = within(whole, inner, root)
        if why:
            self.flaws.append(Flaw(path, f"{why}."))
        return schema

    def _flaw(self, node: str, place: Path, message: str) -> None:
        path = (*self._path, "nodes", self._places[node], *place)
        self.flaws.append(Flaw(path, message))
