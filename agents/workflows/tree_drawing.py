"""A tree of runs as SVG: who asked is left of who was asked, each in the colour of its state.

What would be the same box many times over, members of one name in one state that asked nobody
themselves, is one box that says how many, so that hundreds of runs stay readable.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from django.utils.html import escape
from django.utils.safestring import SafeString

from agents.workflows.layers import Size, laid_out
from agents.workflows.strokes import box, cut, framed, line

NODE: Size = (210.0, 66.0)
MANY = 8
"""With more below one run than this, those that are alike are drawn as one."""
_MARGIN = 14.0
_LETTERS = 26
_KIND = {"agent": "Agent", "team": "Team", "workflow": "Workflow"}


@dataclass(slots=True)
class Leaf:
    """A run, or several alike. `key`: of the fold-out that tells more of it, or ""."""

    key: str
    kind: str
    name: str
    state: str
    took: str
    task: str
    below: list[Leaf] = field(default_factory=list)
    times: int = 1


def drawn(root: Leaf) -> SafeString:
    """The drawing, to be put into a page: boxes are reached with the keyboard."""
    leaves: dict[str, Leaf] = {}
    links: dict[tuple[str, str], str] = {}
    for place, above, leaf in _walk(root, "0"):
        leaves[place] = leaf
        if above:
            links[above, place] = f"{leaves[above].name} asks {leaf.name}: {leaf.task}"
    layout = laid_out(dict.fromkeys(leaves, NODE), list(links))
    lines = [
        line("data", [(x + _MARGIN, y + _MARGIN) for x, y in layout.lines[link]], said)
        for link, said in links.items()
    ]
    boxes = [_box(leaf, layout.places[place]) for place, leaf in leaves.items()]
    number = sum(leaf.times for leaf in leaves.values())
    size = (layout.width + 2 * _MARGIN, layout.height + 2 * _MARGIN)
    return framed(f"Delegations: {number} runs", size, "".join(lines + boxes))


def _walk(leaf: Leaf, place: str, above: str = "") -> Iterator[tuple[str, str, Leaf]]:
    yield place, above, leaf
    for at, child in enumerate(_together(leaf.below)):
        yield from _walk(child, f"{place}.{at}", place)


def _together(leaves: list[Leaf]) -> list[Leaf]:
    if len(leaves) <= MANY:
        return leaves
    found: list[Leaf] = []
    alike: dict[tuple[str, str], Leaf] = {}
    for leaf in leaves:
        same = None if leaf.below else alike.get((leaf.name, leaf.state))
        if same is not None:
            same.times += 1
            same.task, same.took = f"the first: {same.task}" if same.times == 2 else same.task, ""
            continue
        found.append(leaf)
        if not leaf.below:
            alike[leaf.name, leaf.state] = leaf
    return found


def _box(leaf: Leaf, corner: tuple[float, float]) -> str:
    place = (corner[0] + _MARGIN, corner[1] + _MARGIN)
    count = f" x {leaf.times}" if leaf.times > 1 else ""
    kind = f"{_KIND.get(leaf.kind, leaf.kind)} · {leaf.state}"
    if leaf.took and leaf.took != "—":
        kind = f"{kind} · {leaf.took}"
    said = f"{leaf.name}{count}: {kind}" + (f"\n{leaf.task}" if leaf.task else "")
    attributes = (
        f'class="wf-node wf-kind-{escape(leaf.kind)} wf-state-{leaf.state}" tabindex="0" '
        f'role="{"button" if leaf.key else "img"}" aria-label="{escape(said)}" '
        f'data-node="{escape(leaf.key or "root")}"'
    )
    if leaf.key:
        attributes += f' data-step="{escape(leaf.key)}"'
    texts = [
        ("wf-kind", cut(kind, _LETTERS + 6)),
        ("wf-title", cut(leaf.name, _LETTERS - len(count)) + count),
        ("wf-task", cut(leaf.task, _LETTERS + 6)),
    ]
    return box(attributes, said, place, NODE, texts) + "</g>"
