"""Who gets into the console, and what those see who don't."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from agents.admin import checks
from agents.admin.platform_site import platform_site
from agents.admin.scoped import ScopedAdmin
from agents.admin.site import ConsoleSite, tenant_site
from agents.models import Note
from tenants.accounts.scopes import Scope
from tests.admin.console import Console, words

Consoles = Callable[..., Console]
Visitor = Callable[..., Console]


def test_whoever_is_not_signed_in_is_led_to_the_sign_in_and_back(visitor: Visitor) -> None:
    console = visitor("acme")
    answer = console.get("/admin/agents/run/")
    assert answer.status_code == 302
    assert answer.headers["location"] == "/admin/login/?next=/admin/agents/run/"
    assert console.get("/admin/login/").headers["location"] == "/admin/login/?next=/admin/"


def test_a_wrong_password_and_a_role_without_console_are_told_apart(visitor: Visitor) -> None:
    console = visitor("acme")
    assert "don't belong together" in words(console.sign_in("owner", "wrong").text)
    refused = console.sign_in("member")
    assert refused.status_code == 200
    assert "none of your roles may use the console" in words(refused.text)
    assert "sessionid" not in console.http.cookies


def test_a_member_of_the_app_is_told_so_instead_of_being_asked_again(visitor: Visitor) -> None:
    console = visitor("acme")
    console.get("/sign-in/")
    answer = console.post("/sign-in/", {"username": "member", "password": "demo-demo"})
    assert answer.status_code == 302
    for path in ("/admin/", "/admin/login/", "/admin/agents/run/"):
        answer = console.get(path)
        assert answer.status_code == 403
        assert "None of your roles may use the console" in words(answer.text)
        assert 'href="/"' in answer.text  # the way back to the app
    assert console.post("/admin/logout/").headers["location"] == "/admin/login/"
    assert console.get("/admin/").status_code == 302


def test_a_session_of_one_tenant_is_nothing_in_another(console: Consoles, visitor: Visitor) -> None:
    key = console("acme", "owner").http.cookies["sessionid"]
    other = visitor("globex")
    other.http.cookies.set("sessionid", key)
    assert other.get("/admin/").status_code == 302


def test_members_of_a_tenant_are_unknown_on_the_platform(visitor: Visitor) -> None:
    console = visitor("platform")
    assert console.sign_in("owner").status_code == 200
    assert console.get("/admin/").status_code == 302


def test_signing_out_leads_back_to_the_same_console(visitor: Visitor) -> None:
    for tenant, username in (("acme", "owner"), ("platform", "root")):
        console = visitor(tenant)
        assert console.sign_in(username).headers["location"] == "/admin/"
        assert console.get("/admin/").status_code == 200
        assert console.post("/admin/logout/").headers["location"] == "/admin/login/"
        assert console.get("/admin/").status_code == 302


def test_each_console_says_whose_it_is(console: Consoles) -> None:
    assert "Acme Industries" in console("acme").page("/admin/")
    assert "Globex Corporation" in console("globex").page("/admin/")
    assert "Platform" in console("platform", "root").page("/admin/")
    assert console("platform", "root").get("/admin/agents/run/").status_code == 404
    assert console("acme").get("/admin/tenants/tenant/").status_code == 404


PAGES = {
    "/admin/": "console:use",
    "/admin/agents/agent/": "agents:read",
    "/admin/agents/agent/add/": "agents:write",
    "/admin/agents/revision/": "agents:read",
    "/admin/agents/run/": "runs:read_all",
    "/admin/agents/session/": "sessions:read_all",
    "/admin/accounts/member/": "members:read",
    "/admin/accounts/member/add/": "members:write",
    "/admin/accounts/role/": "members:read",
    "/admin/accounts/role/compare/": "members:read",
}


@pytest.mark.parametrize("role", ["owner", "builder", "operator", "approver", "auditor"])
def test_each_role_sees_what_its_scopes_give_and_nothing_else(console: Consoles, role: str) -> None:
    from tenants.accounts.scopes import ROLES

    browser = console("acme", role)
    menu = browser.get("/admin/").text
    for path, scope in PAGES.items():
        allowed = Scope(scope) in ROLES[role]
        assert browser.get(path).status_code == (200 if allowed else 403), path
        if path.count("/") == 4 and not path.endswith("add/"):
            assert (f'href="{path}"' in menu) is allowed, path


def test_every_page_class_and_action_declares_its_scope() -> None:
    assert checks.console_declares_scopes(None) == []


def test_what_declares_none_is_found() -> None:
    class Careless(ScopedAdmin):
        actions_detail = ("touch",)

        def touch(self, request: Any, object_id: str) -> None:
            """Anybody's."""

        touch.attrs = {}  # type: ignore[attr-defined]

        def extra_pages(self) -> Any:
            return (("open/", "open", self.touch),)

    site = ConsoleSite(name="careless")
    site.register(Note, Careless)
    found = "\n".join(checks.undeclared(site))
    for sentence in ("view_scope", "delete_scope", "the action 'touch'", "agents/note/open/"):
        assert sentence in found


def test_both_sites_are_walked() -> None:
    assert len(tenant_site._registry) >= 6
    assert len(platform_site._registry) >= 9
