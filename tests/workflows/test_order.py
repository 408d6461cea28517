"""The order of a graph: every node once, none before what it needs, none later than it could."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agents.workflows.order import Order, circles, phases

Graph = Mapping[int, Sequence[int]]


@st.composite
def acyclic(draw: st.DrawFn) -> dict[int, list[int]]:
    """A random graph whose links lead from earlier numbers to later ones, in any order."""
    size = draw(st.integers(0, 25))
    needs = {
        node: draw(st.lists(st.integers(0, node - 1), max_size=6) if node else st.just([]))
        for node in range(size)
    }
    order = draw(st.permutations(range(size)))
    return {node: needs[node] for node in order}


@st.composite
def any_graph(draw: st.DrawFn) -> dict[int, list[int]]:
    size = draw(st.integers(1, 15))
    links = st.lists(st.integers(0, size - 1), max_size=4)
    return {node: draw(links) for node in range(size)}


@settings(deadline=None)
@given(acyclic(), st.randoms())
def test_each_node_is_ready_once_and_as_soon_as_its_needs_are_finished(
    needs: dict[int, list[int]], chance: object
) -> None:
    order = Order(needs)
    finished: set[int] = set()
    running: list[int] = []
    given_out: list[int] = []
    while not order.done:
        running += order.ready()
        given_out += [node for node in running if node not in given_out]
        could = {node for node in needs if set(needs[node]) <= finished}
        assert could == finished | set(running)
        chance.shuffle(running)  # type: ignore[attr-defined]
        node = running.pop()
        order.finish(node)
        finished.add(node)
    assert sorted(given_out) == sorted(needs)
    assert order.ready() == []


@settings(deadline=None)
@given(acyclic(), st.data())
def test_a_run_entered_again_goes_on_where_it_was(
    needs: dict[int, list[int]], data: st.DataObject
) -> None:
    whole = [node for phase in phases(needs) for node in phase]
    done = whole[: data.draw(st.integers(0, len(whole)))]
    order = Order(needs, finished=done)
    left = []
    while ready := order.ready():
        left += ready
        for node in ready:
            order.finish(node)
    assert sorted(done + left) == sorted(needs) and order.done


@settings(deadline=None)
@given(acyclic())
def test_a_phase_holds_what_is_as_many_steps_away(needs: dict[int, list[int]]) -> None:
    found = phases(needs)
    depth = {node: number for number, phase in enumerate(found) for node in phase}
    assert depth.keys() == needs.keys()
    for node, sources in needs.items():
        assert depth[node] == max((depth[source] for source in sources), default=-1) + 1


@settings(deadline=None)
@given(any_graph())
def test_circles_are_named_exactly_where_there_are_some(needs: dict[int, list[int]]) -> None:
    found = circles(needs)
    in_order = {node for phase in phases(needs) for node in phase}
    assert bool(found) == (len(in_order) < len(needs))
    for way in found:
        assert len(set(way)) == len(way)
        for source, target in zip(way, [*way[1:], way[0]], strict=True):
            assert source in needs[target]
    assert not {node for way in found for node in way} & in_order


def test_what_a_node_needs_and_is_no_node_counts_as_finished() -> None:
    assert phases({"b": ["gone", "a"], "a": []}) == [["a"], ["b"]]


def test_one_that_is_no_node_cannot_finish() -> None:
    with pytest.raises(KeyError):
        Order({"a": []}).finish("b")


def test_a_chain_of_ten_thousand_is_no_matter() -> None:
    chain = {number: [number - 1] if number else [] for number in range(10_000)}
    assert len(phases(chain)) == 10_000
    assert len(circles({**chain, 0: [9_999]})[0]) == 10_000
