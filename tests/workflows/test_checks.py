"""What is wrong with a workflow is found before it is published, and told at its node."""

from __future__ import annotations

import time
from typing import Any

import pytest

from agents.models import Agent, Revision
from agents.services.import_workflow import import_workflow
from agents.services.publish_workflow import draft_flaws, publish_workflow
from agents.workflows.check import flaws_of
from agents.workflows.known import known_to
from agents.workflows.models import Workflow
from agents.workflows.reading import read_file
from agents.workflows.spec import Graph, WorkflowSpec
from config.errors import Invalid
from tenants.context import TenantRef, use_tenant
from tests.workflows.examples import TRIAGE, graph

pytestmark = pytest.mark.django_db

CALC = {"kind": "tool", "tool": "calculator"}
TEXT = {"type": "object", "properties": {"text": {"type": "string"}}}
SORTED = {
    "type": "object",
    "properties": {"area": {"type": "string"}, "level": {"type": "integer"}},
}


def flaws(data: dict[str, Any], slug: str = "") -> list[tuple[str, str]]:
    """(place, message) of each flaw of a graph in the active tenant."""
    spec = Graph.model_validate(data)
    return [(flaw.place, flaw.message) for flaw in flaws_of(spec, known_to(spec), slug)]


def test_a_workflow_with_every_kind_of_node_has_none(acme: TenantRef) -> None:
    with use_tenant(acme):
        read = read_file(TRIAGE)
        assert read.spec is not None
        assert read.located(flaws_of(read.spec, known_to(read.spec))) == []


@pytest.mark.parametrize(
    ("data", "place", "said"),
    [
        # --- names and edges
        (graph({"id": "a"}, {"id": "a"}), "nodes[1].id", "Another node is called a already."),
        (graph({"id": "input"}), "nodes[0].id", "input means something else"),
        (
            graph({"id": "a"}, {"id": "b", "args": {"x": "aa.text"}}),
            "nodes[1].args.x",
            "There is no node aa here: did you mean a?",
        ),
        (graph({"id": "a", "after": ["zzz"]}), "nodes[0].after[0]", "There is no node zzz here."),
        (graph({"id": "a", "args": {"x": "a.text"}}), "nodes[0].args.x", "It takes from itself."),
        (graph({"id": "a", "after": ["a"]}), "nodes[0].after[0]", "It waits for itself."),
        (
            graph({"id": "a", "on_error": "fallback", "fallback": "a"}),
            "nodes[0].fallback",
            "It is its own fallback.",
        ),
        (
            graph({"id": "a", "on_error": "fallback"}),
            "nodes[0].on_error",
            "Name the node that is to stand in",
        ),
        (
            graph({"id": "a", "fallback": "b"}, {"id": "b"}),
            "nodes[0].fallback",
            "on_error: fallback",
        ),
        (
            graph(
                {"id": "a", "after": ["c"]},
                {"id": "b", "after": ["a"]},
                {"id": "c", "after": ["b"]},
            ),
            "nodes[0].after[0]",
            "These nodes wait for each other in a circle: a → b → c → a.",
        ),
        (
            graph(
                {"id": "a", "on_error": "fallback", "fallback": "b"},
                {"id": "b", "args": {"x": "c.text"}},
                {"id": "c", "args": {"x": "a.text"}},
            ),
            "nodes[1].args.x",
            "in a circle: b → c → b.",
        ),
        # --- nodes that can't run
        (
            graph(
                {"id": "c", "kind": "condition", "when": "true", "then": ["x"], "else": ["y"]},
                {"id": "x"},
                {"id": "y"},
                {"id": "z", "args": {"a": "x.text", "b": "y.text"}},
            ),
            "nodes[3]",
            "It can never run: it needs c to take then and to take else.",
        ),
        (
            graph(
                {"id": "c", "kind": "condition", "when": "true", "then": ["x"], "else": ["y"]},
                {"id": "x"},
                {"id": "y"},
                {"id": "z", "args": {"a": "x.text", "b": "y.text"}},
                {"id": "end", "args": {"a": "z.text"}},
            ),
            "nodes[4]",
            "It can never run, because z can't.",
        ),
        # --- components, tools, roles
        (graph({"id": "a", "agent": "asistant"}), "nodes[0].agent", "did you mean assistant?"),
        (graph({"id": "a", "revision": 99}), "nodes[0].agent", "has no revision 99."),
        (graph({"id": "a", "agent": "draft-only"}), "nodes[0].agent", "isn't published yet."),
        (graph({"id": "a", "agent": "put-away"}), "nodes[0].agent", "is archived."),
        (
            graph({"id": "a", "kind": "team", "team": "nobody", "task": "x"}),
            "nodes[0].team",
            "There is no team nobody.",
        ),
        (
            graph({"id": "a", "kind": "tool", "tool": "calculater"}),
            "nodes[0].tool",
            "did you mean calculator?",
        ),
        (
            graph({"id": "a", "kind": "workflow", "workflow": "none-such"}),
            "nodes[0].workflow",
            "There is no workflow none-such.",
        ),
        (
            graph({"id": "a", "kind": "human", "message": "x", "roles": ["king"]}),
            "nodes[0].roles[0]",
            "There is no role king.",
        ),
        # --- arguments
        (graph({"id": "a", "task": ""}), "nodes[0]", "The agent is asked nothing"),
        (graph({"id": "a", **CALC}), "nodes[0]", "calculator needs the argument expression."),
        (
            graph(
                {"id": "a", **CALC, "args": {"expression": {"value": "1"}, "mode": {"value": 1}}}
            ),
            "nodes[0].args.mode",
            "calculator takes no argument mode. There is: expression.",
        ),
        (
            graph({"id": "a", **CALC, "args": {"expression": {"value": 3}}}),
            "nodes[0].args.expression",
            "3 is not of type 'string'",
        ),
        (
            graph(
                {"id": "s", "output": SORTED},
                {"id": "a", **CALC, "args": {"expression": "s.level"}},
            ),
            "nodes[1].args.expression",
            "it is a whole number, and text is wanted",
        ),
        (
            graph({"id": "s", "output": SORTED}, {"id": "a", "args": {"x": "s.lvl"}}),
            "nodes[1].args.x",
            "s has no lvl. There is: area, level.",
        ),
        (
            graph({"id": "s", "output": SORTED}, {"id": "a", "args": {"x": "s.area.inner"}}),
            "nodes[1].args.x",
            "s.area is text and has nothing inside.",
        ),
        (
            graph({"id": "a", "args": {"x": "input.txt"}}, input=TEXT),
            "nodes[0].args.x",
            "input has no txt. There is: text.",
        ),
        (
            graph({"id": "a", "task": "Say {{ args.who }}", "args": {"whom": "input"}}),
            "nodes[0].task",
            "There is no argument who to put here.",
        ),
        (
            graph({"id": "a", "task": "Say {{ who }}", "args": {"who": "input"}}),
            "nodes[0].task",
            "Between braces stands an argument",
        ),
        # --- expressions
        (graph({"id": "a", "skip_when": "args.x >"}), "nodes[0].skip_when", "This can't be read"),
        (
            graph(
                {"id": "a", "skip_when": "args.n", "args": {"n": "s.level"}},
                {"id": "s", "output": SORTED},
            ),
            "nodes[0].skip_when",
            "It gives int, and true or false is needed here.",
        ),
        (
            graph({"id": "a", "skip_when": "args.m > 1", "args": {"n": "input"}}),
            "nodes[0].skip_when",
            "args has no m. There is: n.",
        ),
        (
            graph({"id": "a", "skip_when": "input > 1"}),
            "nodes[0].skip_when",
            "> doesn't work between string and int.",
        ),
        (
            graph({"id": "t", "kind": "transform", "set": {"d": "duration('3s')"}}),
            "nodes[0].set.d",
            "It gives a duration, which can't be kept",
        ),
        (
            graph(
                {"id": "r", "kind": "router", "by": "1 + 1", "routes": {"x": ["a"]}}, {"id": "a"}
            ),
            "nodes[0].by",
            "It gives int, and a route's name is needed here.",
        ),
        (
            graph({"id": "r", "kind": "router", "by": "'x'", "routes": {"x": []}}),
            "nodes[0]",
            "It leads nowhere",
        ),
        (
            graph(
                {"id": "c", "kind": "condition", "when": "true", "then": ["a"], "else": ["a"]},
                {"id": "a"},
            ),
            "nodes[0].else",
            "a runs either way",
        ),
        # --- people and time
        (
            graph({"id": "h", "kind": "human", "ask": "form", "message": "x"}),
            "nodes[0]",
            "It asks for a form and has none",
        ),
        (graph({"id": "w", "kind": "wait"}), "nodes[0]", "one of seconds, until or event"),
        (
            graph({"id": "w", "kind": "wait", "until": "1 + 1"}),
            "nodes[0].until",
            "It gives int, and a time is needed here.",
        ),
        # --- groups
        (
            graph(
                {"id": "s"},
                {
                    "id": "p",
                    "kind": "parallel",
                    "nodes": [
                        {"id": "i", "kind": "agent", "agent": "assistant", "args": {"x": "s.text"}}
                    ],
                },
            ),
            "nodes[1].nodes[0].args.x",
            "s is outside of this group",
        ),
        (
            graph(
                {
                    "id": "p",
                    "kind": "parallel",
                    "nodes": [{"id": "i", "kind": "agent", "agent": "assistant", "task": "x"}],
                },
                {"id": "a", "args": {"x": "i.text"}},
            ),
            "nodes[1].args.x",
            "i is inside of p: take it from what p gives.",
        ),
        (
            graph(
                {"id": "s", "output": SORTED},
                {
                    "id": "m",
                    "kind": "map",
                    "over": "s.area",
                    "nodes": [{"id": "i", "kind": "agent", "agent": "assistant", "task": "x"}],
                },
            ),
            "nodes[1].over",
            "It goes over a list: it is text, and a list is wanted.",
        ),
        (
            graph(
                {
                    "id": "l",
                    "kind": "loop",
                    "times": 2,
                    "nodes": [
                        {
                            "id": "i",
                            "kind": "agent",
                            "agent": "assistant",
                            "args": {"x": "last.i.text"},
                        }
                    ],
                }
            ),
            "nodes[0].nodes[0].args.x",
            "The first round has none before it: give a default.",
        ),
        (
            graph(
                {
                    "id": "l",
                    "kind": "loop",
                    "times": 2,
                    "until": "last.i.txt == 'x'",
                    "nodes": [{"id": "i", "kind": "agent", "agent": "assistant", "task": "x"}],
                }
            ),
            "nodes[0].until",
            "has no txt",
        ),
        # --- what comes out
        (
            graph({"id": "a"}, result={"x": "b.text"}),
            "result.x",
            "There is no node b here",
        ),
        (
            graph(
                {"id": "a"},
                result={"n": "a.text"},
                output={"type": "object", "properties": {"n": {"type": "integer"}}},
            ),
            "result.n",
            "It doesn't fit the output: it is text, and a whole number is wanted.",
        ),
        (
            graph(
                {"id": "a"},
                result={"n": "a.text"},
                output={"type": "object", "required": ["m"], "properties": {"m": {}}},
            ),
            "result",
            "The output needs m",
        ),
        (
            graph(
                {"id": "s", "output": SORTED, "on_error": "fallback", "fallback": "f"},
                {"id": "f", "kind": "transform", "set": {"area": "1", "level": "1"}},
            ),
            "nodes[0].fallback",
            "What f gives can't stand for what this one gives: in area, it is a whole number",
        ),
    ],
)
def test_a_flaw_is_told_at_its_place(
    acme: TenantRef, data: dict[str, Any], place: str, said: str
) -> None:
    with use_tenant(acme):
        Agent.objects.create(name="Draft", slug="draft-only")
        published = Revision.objects.filter(kind="agent").first()
        Agent.objects.create(name="Away", slug="put-away", published=published, is_archived=True)
        found = flaws(data)
    assert any(where == place and said in message for where, message in found), found
    mine = [(where, message) for where, message in found if where == place]
    assert len(mine) == 1, found


@pytest.mark.parametrize(
    "data",
    [
        # Branches that come together again, by the first that ran or by a default.
        graph(
            {"id": "c", "kind": "condition", "when": "true", "then": ["x"], "else": ["y"]},
            {"id": "x"},
            {"id": "y"},
            {"id": "z", "args": {"a": {"first": ["x.text", "y.text"]}}},
        ),
        graph(
            {"id": "c", "kind": "condition", "when": "true", "then": ["x"], "else": ["y"]},
            {"id": "x"},
            {"id": "y"},
            {"id": "z", "args": {"a": "x.text", "b": {"from": "y.text", "default": ""}}},
        ),
        # Two conditions may both hold.
        graph(
            {"id": "c", "kind": "condition", "when": "true", "then": ["x"]},
            {"id": "d", "kind": "condition", "when": "true", "else": ["y"]},
            {"id": "x"},
            {"id": "y"},
            {"id": "z", "args": {"a": "x.text", "b": "y.text"}},
        ),
        # A whole number is a number; what nothing is known of is anything.
        graph(
            {"id": "s", "output": SORTED},
            {
                "id": "t",
                "kind": "transform",
                "set": {"x": "double(args.n) * 1.5"},
                "args": {"n": "s.level"},
            },
            result={"x": "s.level"},
            output={"type": "object", "properties": {"x": {"type": "number"}}},
        ),
        graph(
            {"id": "n", "kind": "tool", "tool": "list_notes"},
            {"id": "a", **CALC, "args": {"expression": "n.notes.0.text"}},
        ),
        # What may be left out is left out.
        graph({"id": "n", "kind": "tool", "tool": "list_notes", "args": {"limit": {"value": 3}}}),
        graph({"id": "a", "skip_when": "has(args.x) && args.x == 'y'", "args": {"x": "input"}}),
        graph({"id": "w", "kind": "wait", "until": "timestamp(args.at)", "args": {"at": "input"}}),
        graph(
            {"id": "w", "kind": "wait", "event": "mail.arrived", "output": TEXT},
            {"id": "a", "args": {"x": "w.text"}},
        ),
    ],
)
def test_what_could_run_has_no_flaw(acme: TenantRef, data: dict[str, Any]) -> None:
    with use_tenant(acme):
        assert flaws(data) == []


def test_what_another_tenant_has_is_unknown(acme: TenantRef, globex: TenantRef) -> None:
    with use_tenant(globex):
        Agent.objects.create(
            name="Theirs", slug="theirs", published=Revision.objects.filter(kind="agent").first()
        )
        assert flaws(graph({"id": "a", "agent": "theirs"})) == []
    with use_tenant(acme):
        ((place, said),) = flaws(graph({"id": "a", "agent": "theirs"}))
        assert (place, said) == ("nodes[0].agent", "There is no agent theirs.")


def file(slug: str, *nodes: str, head: str = "") -> str:
    return f"slug: {slug}\nname: {slug}\n{head}nodes:\n" + "".join(nodes)


def test_a_workflow_that_contains_itself_by_way_of_others_is_refused(acme: TenantRef) -> None:
    plain = "  - {id: a, kind: agent, agent: assistant, task: x}\n"
    with use_tenant(acme):
        first, _ = import_workflow(None, file("round-one", plain))
        publish_workflow(None, first.pk)
        inner = "  - {id: b, kind: workflow, workflow: round-one, args: {input: {value: x}}}\n"
        second, _ = import_workflow(None, file("round-two", inner))
        publish_workflow(None, second.pk)
        back = "  - {id: c, kind: workflow, workflow: round-two, args: {input: {value: x}}}\n"
        first, new = import_workflow(None, file("round-one", back))
        assert not new
        with pytest.raises(Invalid, match="round-one → round-two → round-one") as refused:
            publish_workflow(None, first.pk)
        assert refused.value.errors is not None
        (error,) = refused.value.errors
        assert (error["loc"], error["node"]) == (["nodes", 0, "workflow"], "c")


def test_a_workflow_inside_takes_and_gives_what_it_declares(acme: TenantRef) -> None:
    head = (
        "input: {type: object, required: [topic], properties: {topic: {type: string}}}\n"
        "output: {type: object, properties: {words: {type: integer}}}\n"
        "result: {words: {value: 3}}\n"
    )
    plain = "  - {id: a, kind: agent, agent: assistant, task: x}\n"
    with use_tenant(acme):
        inner, _ = import_workflow(None, file("inner-one", plain, head=head))
        publish_workflow(None, inner.pk)
        call = {"id": "b", "kind": "workflow", "workflow": "inner-one"}
        assert flaws(graph(call)) == [
            ("nodes[0]", "The workflow inner-one needs the argument topic.")
        ]
        ((place, said),) = flaws(graph({**call, "args": {"topic": {"value": 3}}}))
        assert place == "nodes[0].args.topic" and "not of type" in said
        good = {**call, "args": {"topic": "input"}}
        wrong = {"id": "c", **CALC, "args": {"expression": "b.words"}}
        ((place, said),) = flaws(graph(good, wrong))
        assert place == "nodes[1].args.expression" and "a whole number" in said


def test_nothing_is_saved_of_what_cannot_be_published(acme: TenantRef) -> None:
    with use_tenant(acme):
        text = file("half", "  - {id: a, kind: agent, agent: nobody, task: x}\n")
        draft, _ = import_workflow(None, text)
        with pytest.raises(Invalid, match="a: There is no agent nobody"):
            publish_workflow(None, draft.pk)
        draft.refresh_from_db()
        assert draft.published is None
        assert not Revision.objects.filter(kind="workflow", slug="half").exists()
        wrong = text.replace("name: half", "name: Other\ncolour: red")
        with pytest.raises(Invalid, match="Line 3, column 1: This has no colour"):
            import_workflow(None, wrong)
        draft.refresh_from_db()
        assert draft.name == "half"
        assert not Workflow.objects.filter(name="Other").exists()


def test_too_many_nodes_are_refused_with_those_inside_groups(
    acme: TenantRef, settings: Any
) -> None:
    settings.WORKFLOW_MAX_NODES = 3
    group = {
        "id": "p",
        "kind": "parallel",
        "nodes": [
            {"id": f"n{number}", "kind": "agent", "agent": "assistant", "task": "x"}
            for number in range(3)
        ],
    }
    with use_tenant(acme):
        assert flaws(graph(group)) == [("nodes", "It has 4 nodes, and 3 are allowed.")]


def test_groups_are_nested_only_so_deep(acme: TenantRef) -> None:
    node: dict[str, Any] = {"id": "x", "kind": "agent", "agent": "assistant", "task": "x"}
    for level in range(6):
        node = {"id": f"g{level}", "kind": "parallel", "nodes": [node]}
    with use_tenant(acme):
        ((_, said),) = flaws(graph(node))
    assert said == "Groups are nested at most 5 deep."


def test_five_hundred_nodes_are_looked_at_in_time(
    acme: TenantRef, django_assert_max_num_queries: Any
) -> None:
    nodes: list[dict[str, Any]] = [{"id": "n0", "output": SORTED}]
    for number in range(1, 500):
        nodes.append(
            {
                "id": f"n{number}",
                "output": SORTED,
                "args": {"x": f"n{number // 2}.level"},
                "skip_when": f"args.x > {number}",
            }
        )
    spec = WorkflowSpec.model_validate({**graph(*nodes), "slug": "large", "name": "Large"})
    with use_tenant(acme):
        began = time.process_time()
        with django_assert_max_num_queries(6):
            assert draft_flaws(spec) == []
        assert time.process_time() - began < 6
