"""Every page of the web app and of both consoles x everybody x own tenant and the others.

Of those whom a page lets through, of those whom it refuses and of those from another tenant it is
asked by MATRIX_EACH (1) each, drawn by its address; by all with a number that is large enough.
"""

from __future__ import annotations

import os
import random
from collections.abc import Iterator
from typing import Any, NamedTuple

import pytest
from django.http import HttpRequest
from django.urls import URLPattern, get_resolver

from agents.admin.scoped import ScopedRights
from tenants.accounts.scopes import Scope
from tenants.context import use_shared, use_tenant
from tenants.models import Tenant
from tests.matrix.asking import Answer, Asker, each, filled
from tests.matrix.people import Person

_EACH = int(os.environ.get("MATRIX_EACH", "1"))
_WRITERS = max(1, _EACH // 3)
TOKEN = "m" * 32  # of a form, as its cookie says it
# Django's pages of an admin class, and which of its rights they ask.
RIGHTS = {
    "changelist_view": "view",
    "add_view": "add",
    "change_view": "view",
    "delete_view": "delete",
    "history_view": "view",
    "user_change_password": "change",
}
# The site's own: open to everyone, or to everyone who may use the console.
OPEN = {"login", "logout"}
SITE = {
    "index",
    "password_change",
    "password_change_done",
    "autocomplete_view",
    "jsi18n",
    "i18n_javascript",
    "app_index",
    "catch_all_view",
    "search",
    "shortcut",
    "RedirectView",
}


class Rule(NamedTuple):
    """Who is let through: with one of `scopes`, or all if there are none; `open`: everyone.

    `console`: only with console:use. `asks`: what is in the request decides as well.
    """

    scopes: frozenset[str] = frozenset()
    open: bool = False
    console: bool = False
    asks: bool = False

    def lets(self, who: Person) -> bool:
        if self.open:
            return True
        if self.console and Scope.CONSOLE_USE not in who.scopes:
            return False
        return not self.scopes or bool(self.scopes & who.scopes)


class Cell(NamedTuple):
    """`empty`: the page is of a row, and there is none to show. `writes`: it is sent a form too."""

    route: str
    path: str
    empty: bool
    rule: Rule
    who: Person
    place: str
    writes: bool


def layers(view: Any) -> Iterator[Any]:
    while view is not None:
        yield view
        view = getattr(view, "__wrapped__", None)


def console_rule(view: Any) -> Rule | None:
    """What a console's page declares; None when it can't be told."""
    owner = None
    for layer in layers(view):
        scope = getattr(layer, "required_scope", None)
        if scope is not None:
            return Rule(frozenset({scope}), console=True)
        found = getattr(layer, "model_admin", None) or getattr(layer, "__self__", None)
        owner = found if isinstance(found, ScopedRights) else owner
        kind = getattr(layer, "view_class", None)
        name = kind.__name__ if kind else getattr(layer, "__name__", "")
        if owner is not None and name in RIGHTS:
            return Rule(_scopes(owner, RIGHTS[name]), console=True)
        if name in OPEN:
            return Rule(open=True)
        if name in SITE:
            return Rule(console=True, asks=name == "autocomplete_view")
    return None


def _scopes(owner: ScopedRights, right: str) -> frozenset[str]:
    declared = {getattr(owner, f"{right}_scope")}
    if right == "view":  # who may change a thing sees it
        declared.add(owner.change_scope)
    return frozenset(scope for scope in declared if isinstance(scope, Scope)) or frozenset({"-"})


def page_rule(view: Any) -> Rule | None:
    declared = getattr(view, "declared", None)
    if declared is None:
        return None
    return Rule(frozenset({declared.scope})) if declared.scope else Rule(open=True)


def patterns(urlconf: str) -> Iterator[tuple[str, URLPattern]]:
    def walk(found: list[Any], prefix: str) -> Iterator[tuple[str, URLPattern]]:
        for pattern in found:
            route = prefix + str(pattern.pattern)
            if isinstance(pattern, URLPattern):
                yield route, pattern
            elif not route.startswith("/api/"):
                yield from walk(pattern.url_patterns, route)

    yield from walk(get_resolver(urlconf).url_patterns, "/")


def rules(urlconf: str) -> dict[str, tuple[URLPattern, Rule | None]]:
    found = {}
    for route, pattern in patterns(urlconf):
        if not route.startswith("/admin/"):
            # The platform's host leads its root to its console.
            leads = getattr(pattern.callback, "view_class", None) is not None
            rule = Rule(open=True) if leads else page_rule(pattern.callback)
        else:
            rule = console_rule(pattern.callback)
        found[route] = (pattern, rule)
    return found


def address(route: str, pattern: URLPattern, place: str) -> tuple[str, bool]:
    """An address of the page: of a real row where the page is Django's own, else of nothing.

    And whether it is one of Django's own that had none.
    """
    if "(?P" in route:
        return "/admin/agents/" if "app_label" in route else "/admin/no/such/page/", False
    for layer in layers(pattern.callback):
        owner = getattr(layer, "model_admin", None) or getattr(layer, "__self__", None)
        if isinstance(owner, ScopedRights) and getattr(layer, "__name__", "") in RIGHTS:
            with use_shared():
                ref = Tenant.objects.get(schema_name=place).ref
            with use_tenant(ref):
                row = owner.get_queryset(HttpRequest()).first()  # type: ignore[attr-defined]
            return filled(route, None if row is None else str(row.pk)), row is None
    return filled(route), False


def at_the_door(
    visitors: list[Person], place: str, route: str, rule: Rule
) -> Iterator[tuple[Person, bool]]:
    """Nobody, and some of each kind; and whether it is who sends the page a form as well.

    Forms are sent only by members who must be refused. What those who are known elsewhere only
    have, whatever their role there, is a session that isn't one here.
    """
    drawn = random.Random(f"{place} {route}")
    kinds: dict[str, list[Person]] = {"nobody": [], "stranger": [], "let": [], "refused": []}
    for who in drawn.sample(visitors, len(visitors)):
        known = who.tenant == place
        kind = "let" if known and rule.lets(who) else "refused" if known else "stranger"
        kinds[kind if who.tenant else "nobody"].append(who)
    writers = [who for who in kinds["refused"] if Scope.CONSOLE_USE in who.scopes]
    some = set(writers[:_WRITERS])
    for kind, found in kinds.items():
        asked = found if kind == "nobody" else found[:_EACH]
        yield from ((who, who in some) for who in asked)
        yield from ((who, True) for who in found if who in some and who not in asked)


def wrong(asker: Asker, cell: Cell) -> str | None:
    """The answers to GET and, where a form is sent, to POST, compared with the rule."""
    host = f"{cell.place}.localhost:{asker.port}"
    cookies = f"csrftoken={TOKEN}"
    if cell.who.session:
        cookies += f"; sessionid={cell.who.session}"
    headers = {"Host": host, "Cookie": cookies, "X-CSRFToken": TOKEN}
    known = cell.who.tenant == cell.place and bool(cell.who.session)
    lets = cell.rule.lets(cell.who) and (known or cell.rule.open)
    for method in ("GET", "POST") if cell.writes else ("GET",):
        answer = asker.ask(method, cell.path, headers, b"" if method == "POST" else None)
        said = f"{method} {cell.path} ({cell.route}) by {cell.who} at {cell.place}"
        should = expected(cell, answer, lets=lets, known=known)
        if should:
            return f"{said}: {answer.status} {answer.location}, not {should}"
    return None


def expected(cell: Cell, answer: Answer, *, lets: bool, known: bool) -> str:
    """ "" when the answer is what the rule says, else what it should have been."""
    if answer.status >= 500:
        return "no failure"
    if lets:
        # The sign-in tells whoever may not use the console so.
        told = cell.rule.open and cell.path.startswith("/admin/")
        refused = answer.status in (401, 403) and not (told or cell.rule.asks)
        return "let through" if refused else ""
    if not known:
        to_sign_in = "/login/?next=" in answer.location or "/sign-in/?next=" in answer.location
        return "" if answer.status == 302 and to_sign_in else "led to the sign-in"
    if answer.status == 403 and "out of date" not in answer.text:
        return ""
    # Some look for the row first, and lead away from one that isn't there.
    return "" if cell.empty and answer.status in (302, 404) else "403"


def test_every_page_answers_everybody_as_it_declares(
    asker: Asker, api: Any, people: list[Person]
) -> None:
    api("acme").run("What is 1+1?")  # so that there are rows to show
    visitors = [who for who in people if who.session or not who.tenant]
    cells = []
    for place, urlconf in (("acme", "config.urls"), ("platform", "config.urls_platform")):
        for route, (pattern, rule) in rules(urlconf).items():
            assert rule is not None, route
            path, empty = address(route, pattern, place)
            cells += [
                Cell(route, path, empty, rule, who, place, writes)
                for who, writes in at_the_door(visitors, place, route, rule)
            ]
    assert len(cells) > 1500
    assert each(lambda cell: wrong(asker, cell), cells) == []


@pytest.mark.parametrize("urlconf", ["config.urls", "config.urls_platform"])
def test_no_page_is_left_out(urlconf: str) -> None:
    silent = [route for route, (_, rule) in rules(urlconf).items() if rule is None]
    assert silent == []


def test_a_page_without_a_declaration_has_no_rule() -> None:
    def careless(request: object) -> None:
        """Anybody's."""

    assert console_rule(careless) is None
    assert page_rule(careless) is None
    assert not Rule(frozenset({"-"}), console=True).lets(
        Person("owner", "acme", frozenset({Scope.CONSOLE_USE}))
    )
