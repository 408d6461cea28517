"""The documentation as tests see it: pages, their examples, links and tables."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]

_FENCE = re.compile(
    r"(?:^<!-- prints: (?P<prints>.+?) -->\n)?^```(?P<language>\w+)(?P<test> test)?\n"
    r"(?P<code>.*?)^```$",
    re.MULTILINE | re.DOTALL,
)
_LINK = re.compile(r"\[[^\]]*\]\((?P<to>[^)\s]+)\)")


@dataclass(frozen=True, slots=True)
class Example:
    """A fenced block. `prints` are words that its output has, `never` those that it has not."""

    page: str
    language: str
    code: str
    tested: bool
    prints: tuple[str, ...]
    never: tuple[str, ...]


def name(page: Path) -> str:
    return str(page.relative_to(ROOT))


def examples(page: Path) -> Iterator[Example]:
    for found in _FENCE.finditer(page.read_text(encoding="utf-8")):
        words = (found["prints"] or "").split(" and ") if found["prints"] else []
        yield Example(
            page=name(page),
            language=found["language"],
            code=found["code"],
            tested=bool(found["test"]),
            prints=tuple(word for word in words if not word.startswith("not ")),
            never=tuple(word.removeprefix("not ") for word in words if word.startswith("not ")),
        )


def runnable(page: str, language: str) -> list[Example]:
    """The examples of a page that are marked to be run, in order."""
    found = [e for e in examples(ROOT / page) if e.tested and e.language == language]
    assert found, f"{page} has no {language} example marked `test`"
    return found


def check_output(example: Example, output: str) -> None:
    """What an example says that it prints, it prints."""
    for word in example.prints:
        assert word in output, f"{example.page}: {word!r} is not in:\n{output}\n{example.code}"
    for word in example.never:
        assert word not in output, f"{example.page}: {word!r} is in:\n{output}\n{example.code}"


def prose(page: Path) -> str:
    """A page without its fenced blocks."""
    return _FENCE.sub("", page.read_text(encoding="utf-8"))


def links(page: Path) -> Iterator[str]:
    for found in _LINK.finditer(prose(page)):
        yield found["to"]


def anchors(page: Path) -> set[str]:
    """The names under which the headings of a page can be linked to."""
    headings = re.findall(r"^#+ (.+)$", prose(page), re.MULTILINE)
    words = (re.sub(r"[^\w\- ]", "", heading.lower()) for heading in headings)
    return {word.strip().replace(" ", "-") for word in words}


def table_codes(page: str, after: str) -> list[list[list[str]]]:
    """Rows of the first table after a line that ends so; each cell as the `code` words in it."""
    _, found, below = (ROOT / page).read_text(encoding="utf-8").partition(f"{after}\n")
    assert found, f"{page} has no line that ends with {after!r}"
    rows = []
    for line in below.splitlines():
        if line.startswith("|"):
            rows.append([re.findall(r"`([^`]+)`", cell) for cell in line.split("|")[1:-1]])
        elif rows or line.startswith("#"):
            break
    return rows[2:]
