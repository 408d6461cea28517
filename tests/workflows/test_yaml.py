"""Workflows as YAML: there and back without a change, and each mistake of the form at its line."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agents.workflows.marks import Unreadable, read
from agents.workflows.reading import read_file, read_graph
from agents.workflows.spec import Graph
from agents.workflows.writing import graph_yaml, to_yaml
from tests.workflows.examples import TRIAGE, graph

keepable = st.text(
    st.characters(blacklist_categories=("Cs",), blacklist_characters="\x00"), max_size=60
)
scalars = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(10**17), 10**17),
    st.floats(allow_nan=False, allow_infinity=False, width=32),
    keepable,
    st.sampled_from(
        ["no", "on", "null", "~", "1e3", "0x10", "010", "1_000", "12:30", "2026-01-01"]
    ),
    st.sampled_from(["a: b", "# no comment", "- x", "two\nlines\n", "  indented\n", "tab\there"]),
)
values = st.recursive(
    scalars,
    lambda inner: st.one_of(
        st.lists(inner, max_size=3), st.dictionaries(keepable, inner, max_size=3)
    ),
    max_leaves=8,
)


def same(one: Any, other: Any) -> bool:
    """Equal in kind too: 1 is not true, and 1.0 may come back as 1.0 only."""
    if isinstance(one, dict):
        return (
            isinstance(other, dict)
            and one.keys() == other.keys()
            and all(same(one[key], other[key]) for key in one)
        )
    if isinstance(one, list):
        return isinstance(other, list) and len(one) == len(other) and all(map(same, one, other))
    return type(one) is type(other) and one == other


@settings(deadline=None, max_examples=300)
@given(values, keepable)
def test_any_value_comes_back_as_it_was(value: Any, task: str) -> None:
    data = graph({"id": "a", "task": task, "args": {"x": {"value": value}}})
    spec = Graph.model_validate(data)
    text = graph_yaml(spec.model_dump(mode="json"))
    back = read_graph(text)
    assert back.spec is not None, (text, back.flaws)
    assert same(back.spec.model_dump(mode="json"), spec.model_dump(mode="json")), text
    assert graph_yaml(back.spec.model_dump(mode="json")) == text


def test_a_file_with_every_kind_of_node_comes_back_as_it_was() -> None:
    spec = read_file(TRIAGE).spec
    assert spec is not None, read_file(TRIAGE).flaws
    text = to_yaml(spec)
    assert read_file(text).spec == spec
    assert to_yaml(read_file(text).spec) == text  # type: ignore[arg-type]
    kinds = {"agent", "transform", "router", "map", "condition", "tool", "parallel"}
    for kind in kinds | {"human", "wait", "loop"}:
        assert f"kind: {kind}\n" in text


NODE = "nodes:\n  - id: a\n    kind: agent\n    agent: x\n"


@pytest.mark.parametrize(
    ("text", "place", "said"),
    [
        (
            NODE + "    tsak: hello\n",
            (5, 5),
            "A node of kind agent has no tsak: did you mean task?",
        ),
        (NODE + "colour: red\n", (5, 1), "This has no colour. It may have: input, output, limits"),
        (NODE + "name: x\n", (5, 1), "name has a field of its own in the form"),
        (NODE + "    retries: {attempts: 0}\n", (5, 25), "greater than or equal to 1"),
        (NODE + "    retries: {attempt: 2}\n", (5, 15), "This has no attempt."),
        (NODE + "    timeout_ms: soon\n", (5, 17), "Expected a whole number."),
        (NODE + "    args: {x: {}}\n", (5, 12), "Give one of from, first or value."),
        (NODE + "    args: {x: Not right}\n", (5, 15), "A source is written node.field"),
        (NODE + "    args: {X: input.y}\n", (5, 12), "A name begins with a small letter"),
        (
            NODE + "    args:\n      x: {from: b.c, value: 1}\n",
            (6, 7),
            "one of from, first or value",
        ),
        (NODE + "    args: {x: {value: 1, default: 2}}\n", (5, 12), "A value needs no default."),
        (NODE + "    output: {type: string}\n", (5, 5), "A schema of an object is needed here"),
        (NODE + "    output: {type: objekt}\n", (5, 5), "A schema of an object is needed here"),
        (NODE + "    output: {type: object, required: 3}\n", (5, 5), "This is no JSON schema"),
        (NODE + "    on_error: explode\n", (5, 15), "Expected 'fail', 'continue' or 'fallback'."),
        ("nodes:\n  - id: a\n    kind: agnet\n", (2, 5), "no kind agnet: did you mean agent?"),
        ("nodes:\n  - id: a\n", (2, 5), "The node says no kind."),
        ("nodes:\n  - kind: agent\n    agent: x\n", (2, 5), "id is missing."),
        ("nodes:\n  - id: a\n    kind: tool\n", (2, 5), "tool is missing."),
        (
            "nodes:\n  - id: l\n    kind: loop\n    times: 2\n    nodes:\n"
            "      - id: b\n        kind: tool\n        tol: x\n",
            (8, 9),
            "A node of kind tool has no tol: did you mean tool?",
        ),
        ("nodes: []\n", (1, 1), "at least 1 item"),
        ("nodes: 3\n", (1, 8), "Expected a list."),
        ("- a\n- b\n", (1, 1), "A workflow is an object"),
        ("", (1, 1), "There is nothing in it."),
        ("nodes:\n  - id: a\n   kind: b\n", (3, 4), "This is no YAML"),
        ("nodes:\n\t- id: a\n", (2, 1), "This is no YAML"),
        ("a: &x 1\nb: *x\n", (1, 4), "Anchors and aliases"),
        ("a: !!python/object:os.system ls\n", (1, 4), "Tags such as"),
        ("a: 1\nb: 2\na: 3\n", (3, 1), "a is there twice."),
        ("? [a]\n: 1\n", (1, 3), "A key is a name"),
        ("<<: {a: 1}\n", (1, 1), "A key is a name"),
        ("a: 99999999999999999999\n", (1, 4), "too long"),
        ("a: 1e999\nb: 1.0e+999\n", (2, 4), "too large"),
        ('a: "x\\0"\n', (1, 4), "NUL"),
        ("a: 1\n---\nb: 2\n", (2, 1), "This is no YAML"),
        ("x: \x07\n", (1, 1), "a character that YAML can't have"),
        ("[" * 5000, (1, 1), ""),
    ],
)
def test_a_mistake_of_the_form_is_told_at_its_line(
    text: str, place: tuple[int, int], said: str
) -> None:
    found = read_graph(text)
    assert found.spec is None
    assert found.flaws
    if said:
        places = [(one.line, one.column) for one in found.flaws if said in one.message]
        assert places == [place], found.flaws


def test_all_mistakes_are_told_at_once_in_the_order_of_the_text() -> None:
    text = (
        "nodes:\n  - id: a\n    kind: agent\n    agnt: x\n  - id: b\n    kind: tool\n    toll: y\n"
    )
    found = read_graph(text)
    assert [(one.line, one.node, one.message.partition(":")[0]) for one in found.flaws] == [
        (2, "a", "agent is missing."),
        (4, "a", "A node of kind agent has no agnt"),
        (5, "b", "tool is missing."),
        (7, "b", "A node of kind tool has no toll"),
    ]


def test_words_of_older_yaml_are_texts() -> None:
    marked = read("a: no\nb: on\nc: 12:30\nd: 2026-01-01\ne: 0777\nf: yes\ng: 1_000\n")
    assert marked.data == {
        "a": "no",
        "b": "on",
        "c": "12:30",
        "d": "2026-01-01",
        "e": 777,
        "f": "yes",
        "g": "1_000",
    }


def test_a_text_that_is_too_long_is_refused_unread(settings: Any) -> None:
    settings.WORKFLOW_MAX_CHARS = 1000
    (flaw,) = read_graph("# " + "x" * 1000).flaws
    assert "at most 1,000 characters" in flaw.message


def test_places_in_texts_are_those_of_the_text() -> None:
    marked = read('a: plain\nb: "quoted"\nc: |\n  one\n  two\nd:\n  - e\n')
    assert marked.place(("a",), (1, 3)) == (1, 6)
    assert marked.place(("b",), (1, 3)) == (2, 7)
    assert marked.place(("c",), (2, 2)) == (5, 4)
    assert marked.place(("d", 0)) == (7, 5)
    assert marked.place(("d",)) == (6, 1)
    assert marked.place(("nowhere", "at all")) == (1, 1)


def test_a_deep_nest_is_refused() -> None:
    with pytest.raises(Unreadable, match="nested too deeply"):
        read("[" * 80 + "]" * 80)
