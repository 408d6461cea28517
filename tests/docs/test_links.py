"""Links and pictures of the documentation lead somewhere."""

from __future__ import annotations

import struct
from pathlib import Path
from xml.etree import ElementTree

import pytest

from tests.docs.reading import PAGES, ROOT, anchors, links, name, prose

MOST_BYTES = 250_000
PICTURES = sorted((ROOT / "docs" / "images").glob("*.png"))


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_relative_links_lead_to_files_and_headings(page: Path) -> None:
    broken = []
    for link in links(page):
        if "://" in link:
            continue
        path, _, anchor = link.partition("#")
        target = (page.parent / path).resolve() if path else page
        if not target.exists() or (anchor and anchor not in anchors(target)):
            broken.append(link)
    assert broken == []


def test_every_page_can_be_reached_from_the_readme() -> None:
    reached, ahead = set(), [ROOT / "README.md"]
    while ahead:
        page = ahead.pop()
        if page in reached or page.suffix != ".md" or not page.exists():
            continue
        reached.add(page)
        ahead += [
            (page.parent / link.partition("#")[0]).resolve()
            for link in links(page)
            if "://" not in link
        ]
    assert [name(page) for page in PAGES if page not in reached] == []


def test_every_picture_is_shown_and_small() -> None:
    of_console = {f"console-{name}" for name in ("run", "agents", "approvals", "audit")}
    assert {picture.stem for picture in PICTURES} == {"chat"} | of_console
    text = "".join(prose(page) for page in PAGES)
    for picture in PICTURES:
        head = picture.read_bytes()[:24]
        assert head.startswith(b"\x89PNG"), picture.name
        assert struct.unpack(">II", head[16:24]) == (1280, 800), picture.name
        assert picture.stat().st_size < MOST_BYTES, picture.name
        assert picture.name in text, picture.name


def test_the_drawing_is_well_formed_and_asks_nobody() -> None:
    drawing = ROOT / "docs" / "images" / "architecture.svg"
    tree = ElementTree.parse(drawing)
    tags = {element.tag.rpartition("}")[2] for element in tree.iter()}
    assert {"title", "desc"} <= tags
    assert not tags & {"script", "image", "foreignObject", "use"}
    assert "architecture.svg" in prose(ROOT / "README.md")


def test_no_line_is_wider_than_an_editor() -> None:
    wide = [
        f"{name(page)}:{number}"
        for page in PAGES
        for number, line in enumerate(page.read_text(encoding="utf-8").splitlines(), 1)
        if len(line) > 130 and not line.lstrip().startswith("|")
    ]
    assert wide == []
