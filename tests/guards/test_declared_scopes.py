"""Deny by default: what declares no scope keeps the server from starting."""

from __future__ import annotations

import pytest
from ninja import NinjaAPI, Router

from agents import checks, consumers
from config import api as assembled
from tenants.accounts.guard import Public, Requires, Undeclared, public, requires
from tenants.accounts.scopes import ROLES, Scope, scopes_of


def test_every_route_and_action_declares_its_scope() -> None:
    assert checks.routes_declare_scopes(None) == []
    assert checks.socket_actions_declare_scopes(None) == []


def test_a_route_that_declares_none_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    other = NinjaAPI(auth=Undeclared(), urls_namespace="undeclared")
    router = Router()

    @router.get("/open")
    async def careless(request: object) -> str:
        return "anybody's"

    @router.get("/fine", auth=requires(Scope.RUNS_READ))
    async def fine(request: object) -> str:
        return "declared"

    @router.get("/none", auth=None)
    async def none(request: object) -> str:
        return "anybody's"

    other.add_router("", router)
    monkeypatch.setattr(assembled, "api", other)
    found = [error.msg for error in checks.routes_declare_scopes(None)]
    assert len(found) == 2
    assert "/open" in found[0] and "/none" in found[1]


def test_a_socket_action_that_declares_none_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(consumers.ACTIONS, "cancel")
    assert [error.id for error in checks.socket_actions_declare_scopes(None)] == ["concord.E002"]


def test_public_routes_are_few_and_say_why() -> None:
    open_routes = {}
    for prefix, router in assembled.api._routers:
        for path, view in router.path_operations.items():
            for operation in view.operations:
                (auth,) = operation.auth_callbacks
                assert isinstance(auth, (Public, Requires))
                if isinstance(auth, Public):
                    open_routes[prefix + path] = auth.why
    assert set(open_routes) == {"/auth/token", "/auth/refresh", "/auth/revoke"}
    assert all(open_routes.values())
    assert public("why").why == "why"


def test_unknown_roles_give_nothing_and_roles_add_up() -> None:
    assert scopes_of(["nobody", "platform-admin"]) == frozenset()
    assert scopes_of(["member", "auditor"]) == ROLES["member"] | ROLES["auditor"]
    assert not any(scope.startswith("platform:") for scope in ROLES["owner"])
