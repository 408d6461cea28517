"""Every route of the API x everybody x own tenant and the others, as the route's scope says."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from itertools import product
from typing import NamedTuple

from django.urls import URLPattern, get_resolver

from config.api import api
from tenants.accounts.guard import Public, Requires
from tests.matrix.asking import Answer, Asker, each, filled
from tests.matrix.people import PLACES, Person

# Beside the routes: their description, for everybody. `api-root` is never found.
ABOUT = {"openapi.json", "docs", ""}


class Route(NamedTuple):
    method: str
    path: str
    auth: Public | Requires


def routes() -> Iterator[Route]:
    for prefix, router in api._routers:
        for path, view in router.path_operations.items():
            for operation in view.operations:
                (auth,) = operation.auth_callbacks
                assert isinstance(auth, (Public, Requires))
                for method in operation.methods:
                    yield Route(method, prefix + path, auth)


def expected(route: Route, who: Person, place: str, answer: Answer) -> str:
    """ "" when the answer is what the declarations say, else what it should have been."""
    if answer.status >= 500:
        return "no failure"
    if isinstance(route.auth, Public):
        return "open" if answer.code in ("no_token", "token_tenant", "scope_missing") else ""
    if not who.bearer:
        return "" if (answer.status, answer.code) == (401, "no_token") else "401 no_token"
    if who.tenant != place:
        return "" if (answer.status, answer.code) == (401, "token_tenant") else "401 token_tenant"
    scope = str(route.auth.scope)
    if scope not in who.scopes:
        refused = answer.status == 403 and answer.problem.get("scope") == scope
        return "" if refused else f"403 for want of {scope}"
    return f"let through by {scope}" if answer.status == 401 or _wants(answer, scope) else ""


def _wants(answer: Answer, scope: str) -> bool:
    return answer.code == "scope_missing" and answer.problem.get("scope") == scope


def test_every_route_answers_everybody_as_it_declares(asker: Asker, people: list[Person]) -> None:
    def wrong(cell: tuple[Route, Person, str]) -> str | None:
        route, who, place = cell
        headers = {"X-Tenant": place, "Content-Type": "application/json"}
        if who.bearer:
            headers["Authorization"] = f"Bearer {who.bearer}"
        body = None if route.method == "GET" else b'{"of_no_route": 1}'
        path = "/api/v1" + filled(route.path)
        answer = asker.ask(route.method, path, headers, body)
        should = expected(route, who, place, answer)
        said = f"{route.method} {path} by {who} at {place}: {answer.status} {answer.code}"
        return f"{said}, not {should}" if should else None

    cells = list(product(routes(), people, PLACES))
    assert len(cells) > 1000
    assert each(wrong, cells) == []


def test_no_address_of_the_api_is_left_out() -> None:
    resolver = get_resolver("config.urls")
    (mounted,) = (one for one in resolver.url_patterns if str(one.pattern) == "api/v1/")
    served = set()
    for pattern in mounted.url_patterns:
        assert isinstance(pattern, URLPattern)
        served.add(str(pattern.pattern))
    walked = {route.path.lstrip("/").replace("{", "<").replace("}", ">") for route in routes()}
    assert {path.replace("<str:", "<") for path in served - ABOUT} <= {
        path.replace("<str:", "<") for path in walked
    }
    assert walked


def test_the_matrix_finds_what_is_open_or_closed_by_mistake(people: list[Person]) -> None:
    guarded = next(route for route in routes() if isinstance(route.auth, Requires))
    assert isinstance(guarded.auth, Requires)
    scope = str(guarded.auth.scope)
    nobody = people[0]
    owner = next(who for who in people if who.name == "owner" and who.tenant == "acme")
    fine = Answer(200, "", {}, "")
    closed = Answer(403, "", {"type": "urn:x:scope_missing", "scope": scope}, "")
    assert expected(guarded, nobody, "acme", fine)
    assert expected(guarded, owner, "globex", fine)
    assert expected(guarded, replace(owner, scopes=frozenset()), "acme", fine)
    assert expected(guarded, owner, "acme", closed)
    assert not expected(guarded, owner, "acme", fine)
