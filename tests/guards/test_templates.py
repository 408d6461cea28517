"""No template holds code: what the pages' content policy refuses is found before a browser does."""

from __future__ import annotations

import re
from html.parser import HTMLParser
from pathlib import Path

import django
import pytest
import unfold

ROOT = Path(__file__).resolve().parent.parent.parent / "templates"
OURS = sorted(path for path in ROOT.rglob("*.html") if "mail" not in path.parts)
# The theme's and Django's own pages of the console: an update must not bring any in.
THEIRS = sorted(
    path
    for package, folder in ((unfold, "templates"), (django, "contrib/admin/templates"))
    for path in (Path(str(package.__file__)).parent / folder).rglob("*.html")
    if "unfold_crispy" not in path.parts  # for a package that isn't here
)
# What the door says before there is a tenant: it has a policy of its own.
OWN_STYLE = {"web/refused.html"}


class Suspects(HTMLParser):
    """`code` is what no page may hold, `style` what the web app's pages may not."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.code: list[str] = []
        self.style: list[str] = []
        self.feed(re.sub(r"\{%.*?%\}|\{\{.*?\}\}|\{#.*?#\}", "", text, flags=re.S))

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        named = {name: value or "" for name, value in attrs}
        shown = str(self.get_starttag_text())
        data = named.get("type") in ("application/json", "application/ld+json")
        if (
            (tag == "script" and "src" not in named and not data)
            or any(re.fullmatch(r"on[a-z]+|hx-on.*", name) for name in named)
            or any(value.strip().lower().startswith("javascript:") for value in named.values())
            or any(re.match(r"(?:https?:)?//", named.get(name, "")) for name in ("src", "srcset"))
        ):
            self.code.append(shown)
        # A value handed to the style sheet is no style yet.
        own = re.fullmatch(r"(--[a-z-]+:[^:;]*;?)*", named.get("style", ""))
        if tag == "style" or not own:
            self.style.append(shown)


def name(path: Path) -> str:
    return path.relative_to(ROOT).as_posix() if path.is_relative_to(ROOT) else path.name


@pytest.mark.parametrize("template", OURS, ids=name)
def test_our_templates_hold_no_code_and_no_style(template: Path) -> None:
    found = Suspects(template.read_text(encoding="utf-8"))
    assert found.code == []
    if name(template) not in OWN_STYLE:
        assert found.style == []


def test_the_web_apps_templates_hand_nothing_to_the_style_sheet_either() -> None:
    for template in OURS:
        if name(template).startswith("web/") and name(template) not in OWN_STYLE:
            assert 'style="' not in template.read_text(encoding="utf-8"), name(template)


def test_the_consoles_theme_brings_no_code() -> None:
    assert len(THEIRS) > 100
    found = {name(path): Suspects(path.read_text(encoding="utf-8")).code for path in THEIRS}
    assert {key: code for key, code in found.items() if code} == {}


@pytest.mark.parametrize(
    "bad",
    [
        "<script>go()</script>",
        '<button onclick="go()">x</button>',
        '<a href="{% if a %}{% endif %}javascript:go()">x</a>',
        '<script src="https://elsewhere.example/x.js"></script>',
        '<div hx-on:click="go()"></div>',
    ],
)
def test_code_is_found(bad: str) -> None:
    assert Suspects(bad).code != []


def test_style_is_found_and_values_for_the_style_sheet_are_none() -> None:
    assert Suspects('<p style="color:red">x</p>').style != []
    assert Suspects("<style>p {}</style>").style != []
    assert Suspects('<p style="--at:{{ at }};--width:3">x</p>').style == []
