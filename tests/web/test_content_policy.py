"""Every page of the web app and of both consoles in a real browser: the content policy holds.

Pages are found by the addresses that need nothing filled in and by following links, one for each
route: what is added is covered without naming it here.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit
from zlib import crc32

import httpx
import pytest
from django.conf import settings
from django.urls import Resolver404, URLPattern, get_resolver
from playwright.sync_api import Error as PlaywrightError
from playwright.sync_api import Page, expect

from tests.support.client import PASSWORD
from tests.support.server import Server
from tests.web.browsing import Visits

pytestmark = pytest.mark.browser
# Ends the sign-in that the walk is made with, or leads to a tenant's own host.
LEAVES = {"logout", "sign-out", "sign-out-elsewhere", "tenants_tenant_open_tenant"}
# The same template for every model: of these pages a third is looked at.
ALIKE = ("/history/", "/delete/")
_LISTEN = """addEventListener("securitypolicyviolation", (event) => console.error(
  `policy: ${event.violatedDirective} ${event.blockedURI} ${event.sourceFile}`))"""
_CODE = """() => [...document.querySelectorAll("*")].flatMap((element) => [
  ...[...element.attributes].filter((one) => one.name.startsWith("on")).map((one) => one.name),
  ...(element.matches("script:not([src]):not([type='application/json'])") ? ["script"] : []),
])"""
_LINKS = "() => [...document.links].map((link) => link.href)"


def plain_addresses(urlconf: str) -> Iterator[str]:
    """Every address of these urls that takes no argument."""

    def walk(patterns: list[Any], prefix: str) -> Iterator[tuple[str, Any]]:
        for pattern in patterns:
            route = prefix + str(pattern.pattern)
            if isinstance(pattern, URLPattern):
                yield route, pattern.name
            else:
                yield from walk(pattern.url_patterns, route)

    for route, name in walk(get_resolver(urlconf).url_patterns, "/"):
        if not re.search(r"[<(?^]", route) and name not in LEAVES and "/api/" not in route:
            yield route


class Walk:
    """Visits one page of each route that it comes across."""

    def __init__(self, page: Page, urlconf: str) -> None:
        self.page = page
        self.resolver = get_resolver(urlconf)
        self.seen: dict[str, str] = {}
        self.waiting = ["/", *plain_addresses(urlconf)]
        page.context.add_init_script(_LISTEN)

    def _route(self, path: str) -> str | None:
        try:
            match = self.resolver.resolve(path)
        except Resolver404:
            return None
        return None if match.url_name in LEAVES else str(match.route)

    def run(self) -> dict[str, str]:
        """Route -> the address that was visited."""
        host = urlsplit(self.page.url).netloc
        while self.waiting:
            path = self.waiting.pop(0)
            route = self._route(path)
            if route is None or route in self.seen or path.startswith(("/static/", "/api/")):
                continue
            if route.endswith(ALIKE) and crc32(route.encode()) % 3:
                continue
            self.seen[route] = path
            try:
                answer = self.page.goto(path)
            except PlaywrightError as error:
                # Nothing to show: a refusal without words, or a file.
                assert re.search("ERR_HTTP_RESPONSE_CODE_FAILURE|Download", str(error)), path
                # The browser's own page about it comes late, and would come into the next visit.
                self.page = self.page.context.new_page()
                continue
            assert answer is not None and answer.status < 500, path
            if "text/html" not in answer.headers.get("content-type", ""):
                continue
            policy = answer.headers["content-security-policy"]
            assert "script-src 'self'" in policy, path
            assert "'unsafe-inline'" not in policy.partition("script-src")[2].partition(";")[0]
            assert self.page.evaluate(_CODE) == [], path
            for link in self.page.evaluate(_LINKS):
                if urlsplit(link).netloc == host:
                    self.waiting.append(urlsplit(link).path)
        return self.seen


def test_the_pages_of_a_tenant_keep_to_their_policy(visits: Visits, api: Any) -> None:
    api("acme", "owner").run("What is 17*23?")
    page = visits.sign_in("owner")
    seen = Walk(page, settings.ROOT_URLCONF).run()
    assert len(seen) > 50
    for part in (
        "chat/<slug:slug>/<uuid:session_id>/",
        "admin/agents/run/<path:object_id>/change/",
    ):
        assert part in seen


def test_the_pages_of_the_platform_keep_to_their_policy(visits: Visits) -> None:
    page = visits.visit("platform")
    page.goto("/admin/")
    page.locator("#id_username").fill("root")
    page.locator("#id_password").fill(PASSWORD)
    page.get_by_role("button", name="Log in").click()
    expect(page.locator("h1")).to_contain_text("Overview")
    seen = Walk(page, settings.PLATFORM_URLCONF).run()
    assert len(seen) > 20
    assert "admin/tenants/tenant/<path:object_id>/change/" in seen


def test_pages_before_signing_in_and_of_errors_keep_to_their_policy(visits: Visits) -> None:
    page = visits.visit()
    page.context.add_init_script(_LISTEN)
    for path in ("/sign-in/", "/password/forgot/", "/admin/login/?next=/admin/", "/nowhere/"):
        answer = page.goto(path)
        assert answer is not None and "content-security-policy" in answer.headers
        assert page.evaluate(_CODE) == [], path


def test_the_apis_documentation_works_under_its_policy(visits: Visits) -> None:
    page = visits.visit()
    page.context.add_init_script(_LISTEN)
    answer = page.goto("/api/v1/docs")
    assert answer is not None
    assert "script-src 'self';" in answer.headers["content-security-policy"]
    expect(page.get_by_text("/api/v1/me", exact=True)).to_be_visible()


def test_the_policy_names_the_hosts_own_socket_and_no_other(server: Server) -> None:
    def policy(path: str) -> str:
        answer = httpx.get(
            f"http://127.0.0.1:{server.port}{path}", headers={"Host": "acme.localhost:4711"}
        )
        return answer.headers["content-security-policy"]

    assert policy("/sign-in/").endswith("connect-src 'self' ws://acme.localhost:4711")
    assert "'unsafe" not in policy("/sign-in/")
    assert "'unsafe-eval'" in policy("/admin/login/?next=/admin/")
    assert policy("/admin/login/?next=/admin/").endswith("connect-src 'self'")
