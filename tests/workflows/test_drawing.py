"""Graphs as drawings: nothing overlaps, lines lead where they should, every text is only a text."""

from __future__ import annotations

import time
import xml.etree.ElementTree as ET
from itertools import combinations
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from agents.workflows.drawing import Notes, svg
from agents.workflows.layers import Layout, laid_out
from agents.workflows.order import phases
from agents.workflows.reading import read_file
from agents.workflows.spec import Graph
from tests.workflows.examples import TRIAGE, graph

SVG = "{http://www.w3.org/2000/svg}"


def parts(drawing: str, kind: str) -> list[ET.Element]:
    return list(ET.fromstring(drawing).iter(f"{SVG}{kind}"))


def overlaps(layout: Layout, sizes: dict[str, tuple[float, float]]) -> list[tuple[str, str]]:
    found = []
    for one, other in combinations(layout.places, 2):
        (x1, y1), (x2, y2) = layout.places[one], layout.places[other]
        (w1, h1), (w2, h2) = sizes[one], sizes[other]
        if x1 < x2 + w2 and x2 < x1 + w1 and y1 < y2 + h2 - 0.01 and y2 < y1 + h1 - 0.01:
            found.append((one, other))
    return found


@st.composite
def some_graph(draw: st.DrawFn) -> tuple[dict[str, tuple[float, float]], list[tuple[str, str]]]:
    names = [f"n{number}" for number in range(draw(st.integers(1, 14)))]
    sizes = {
        name: (draw(st.floats(20, 300, width=16)), draw(st.floats(20, 200, width=16)))
        for name in names
    }
    pick = st.sampled_from(names)
    return sizes, draw(st.lists(st.tuples(pick, pick), max_size=30, unique=True))


@settings(deadline=None)
@given(some_graph())
def test_no_two_boxes_overlap_and_lines_join_them(
    given_graph: tuple[dict[str, tuple[float, float]], list[tuple[str, str]]],
) -> None:
    sizes, links = given_graph
    layout = laid_out(sizes, links)
    assert layout.places.keys() == sizes.keys()
    assert overlaps(layout, sizes) == []
    for name, (x, y) in layout.places.items():
        assert x >= 0 and y >= -0.01
        assert x + sizes[name][0] <= layout.width + 0.01
        assert y + sizes[name][1] <= layout.height + 0.01
    assert set(layout.lines) == {link for link in links if link[0] != link[1]}


@settings(deadline=None)
@given(some_graph())
def test_columns_are_the_phases(
    given_graph: tuple[dict[str, tuple[float, float]], list[tuple[str, str]]],
) -> None:
    sizes, links = given_graph
    order = {name: number for number, name in enumerate(sizes)}
    forward = [(a, b) for a, b in links if order[a] < order[b]]
    needs: dict[str, list[str]] = {name: [] for name in sizes}
    for source, target in forward:
        needs[target].append(source)
    layout = laid_out(sizes, forward)
    for number, phase in enumerate(phases(needs)):
        assert {layout.places[name][0] for name in phase} == {layout.columns[number][0]}


def test_what_can_be_drawn_without_crossings_is() -> None:
    sizes = {name: (50.0, 20.0) for name in ("a", "b", "c", "x", "y", "z")}
    layout = laid_out(sizes, [("a", "z"), ("b", "y"), ("c", "x")])
    rows = [[layout.places[name][1] for name in names] for names in ("abc", "zyx")]
    assert rows[0] == rows[1]


def test_every_node_is_drawn_with_those_inside_groups() -> None:
    spec = read_file(TRIAGE).spec
    assert spec is not None
    drawing = svg(spec)
    nodes = [one for one in parts(drawing, "g") if "wf-node" in one.get("class", "")]
    names = {one.get("data-node") for one in nodes}
    assert {"classify", "each_part", "each_part/look", "draft/review"} <= names
    assert len(nodes) == 17
    for one in nodes:
        assert one.get("tabindex") == "0" and one.get("role") == "img" and one.get("aria-label")
    labels = [one.text for one in parts(drawing, "text") if one.get("class") == "wf-label"]
    assert {"billing", "technical", "then", "else", "fallback"} <= set(labels)


def test_texts_are_never_markup() -> None:
    bad = "<script>alert(1)</script>\"'&"
    data: dict[str, Any] = graph(
        {"id": "a", "title": bad},
        {"id": "r", "kind": "router", "by": "'<b>'", "routes": {'<i>"': ["a"]}},
    )
    drawing = svg(Graph.model_validate(data), Notes(wrong={("nodes", 0): [bad]}))
    assert "<script" not in drawing and "<i>" not in drawing and "<b>" not in drawing
    assert any(bad in (one.text or "") for one in parts(drawing, "title"))


def test_a_node_with_a_flaw_is_marked_and_leads_to_its_line() -> None:
    spec = Graph.model_validate(graph({"id": "a"}, {"id": "b"}))
    notes = Notes({("nodes", 1): ["It is wrong."]}, {("nodes", 0): 2, ("nodes", 1): 6})
    drawing = svg(spec, notes)
    found = [one for one in parts(drawing, "g") if one.get("data-node") == "b"]
    assert "wf-wrong" in found[0].get("class", "") and found[0].get("data-line") == "6"
    assert found[0].get("role") == "button" and "It is wrong." in found[0].get("aria-label", "")


def test_circles_and_doubles_of_a_draft_are_drawn_too() -> None:
    data = graph(
        {"id": "a", "after": ["b"]}, {"id": "b", "after": ["a", "b"]}, {"id": "a"}, {"id": "c"}
    )
    drawing = svg(Graph.model_validate(data))
    assert len(parts(drawing, "g")) == 3


def test_five_hundred_nodes_are_drawn_in_time() -> None:
    nodes = [
        {"id": f"n{number}", "after": [f"n{number // 3}", f"n{number // 2}"] if number else []}
        for number in range(500)
    ]
    for node in nodes[1:3]:
        node["after"] = ["n0"]
    spec = Graph.model_validate(graph(*nodes))
    began = time.process_time()
    assert len(parts(svg(spec), "g")) == 500
    assert time.process_time() - began < 5
