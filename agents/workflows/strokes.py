"""What drawings are made of: frames, boxes and lines as SVG. Colours are the page's own."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import pairwise

from django.utils.html import escape
from django.utils.safestring import SafeString, mark_safe

from agents.workflows.layers import Point, Size


def framed(label: str, size: Size, body: str) -> SafeString:
    """A whole drawing around `body`, which is SVG already."""
    width, height = number(size[0]), number(size[1])
    return mark_safe(
        f'<svg class="wf-graph" xmlns="http://www.w3.org/2000/svg" role="group" '
        f'aria-label="{escape(label)}" '
        f'width="{width}" height="{height}" viewBox="0 0 {width} {height}">'
        '<defs><marker id="wf-arrow" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="7" '
        'markerHeight="7" orient="auto-start-reverse"><path class="wf-head" d="M0 0L8 4L0 8z"/>'
        f"</marker></defs>{body}</svg>"
    )


def line(kind: str, points: Sequence[Point], said: str) -> str:
    """An arrow through these points; `kind` is part of its class."""
    return (
        f'<path class="wf-line wf-{kind}" d="{curve(points)}" marker-end="url(#wf-arrow)">'
        f"<title>{escape(said)}</title></path>"
    )


def box(
    attributes: str, said: str, corner: Point, size: Size, lines: Iterable[tuple[str, str]]
) -> str:
    """A box with lines of text, each a class and its words. Left open: end it with `</g>`."""
    (left, top), (width, height) = corner, size
    texts = "".join(
        f'<text class="{kind}" x="{number(left + 14)}" y="{number(top + 19 + 18 * at)}">'
        f"{escape(words)}</text>"
        for at, (kind, words) in enumerate(lines)
    )
    return (
        f"<g {attributes}><title>{escape(said)}</title>"
        f'<rect class="wf-box" x="{number(left)}" y="{number(top)}" width="{number(width)}" '
        f'height="{number(height)}" rx="8"/>'
        f'<rect class="wf-stripe" x="{number(left)}" y="{number(top + 8)}" width="4" '
        f'height="{number(height - 16)}" rx="2"/>{texts}'
    )


def curve(points: Sequence[Point]) -> str:
    """A path through the points, smooth between them."""
    parts = [f"M{number(points[0][0])} {number(points[0][1])}"]
    for (x0, y0), (x1, y1) in pairwise(points):
        if abs(y0 - y1) < 0.5:
            parts.append(f"L{number(x1)} {number(y1)}")
            continue
        middle = (x0 + x1) / 2
        parts.append(
            f"C{number(middle)} {number(y0)} {number(middle)} {number(y1)} "
            f"{number(x1)} {number(y1)}"
        )
    return "".join(parts)


def cut(text: str, most: int) -> str:
    """The text on one line of at most so many characters."""
    flat = " ".join(text.split())
    return flat if len(flat) <= most else f"{flat[: max(most - 1, 1)].rstrip()}…"


def number(value: float) -> str:
    """A number without digits that nobody sees."""
    return f"{value:.1f}".rstrip("0").rstrip(".")
