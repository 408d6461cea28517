"""Every route that needs a scope refuses a key that hasn't it, and a request that has none."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any
from uuid import uuid4

import pytest
from django.contrib.auth.models import Group

from config.api import api as assembled
from tenants.accounts.guard import Requires
from tenants.accounts.models import Member
from tenants.accounts.scopes import Scope
from tenants.context import use_shared, use_tenant
from tenants.models import Tenant
from tests.support.client import Api
from tests.support.server import Server


def guarded_routes() -> Iterator[tuple[str, str, Scope]]:
    """(method, an address of it, scope) of each route that isn't public."""
    for prefix, router in assembled._routers:
        for path, view in router.path_operations.items():
            for operation in view.operations:
                (auth,) = operation.auth_callbacks
                if isinstance(auth, Requires):
                    place = re.sub(r"\{uuid\w*:\w+\}", str(uuid4()), prefix + path)
                    place = re.sub(r"\{int:\w+\}", "1", place)
                    place = re.sub(r"\{(?:\w+:)?\w+\}", "x", place)
                    for method in operation.methods:
                        yield method, place, auth.scope


@pytest.fixture(scope="module")
def account(database: None, django_db_blocker: Any) -> Iterator[str]:
    with django_db_blocker.unblock():
        with use_shared():
            ref = Tenant.objects.get(schema_name="acme").ref
        with use_tenant(ref):
            made = Member.objects.create_user(f"guard{uuid4().hex[:8]}", kind=Member.Kind.SERVICE)
            made.groups.set(Group.objects.filter(name="owner"))
        yield made.username
        with use_tenant(ref):
            made.delete()


def test_every_route_refuses_a_key_without_its_scope(
    server: Server, api: Any, account: str
) -> None:
    routes = list(guarded_routes())
    assert len(routes) > 15
    keys = {}
    for other in (Scope.AUDIT_READ, Scope.PROFILE_READ):
        body = {"account": account, "name": "guard", "scopes": [other], "rate": 100_000}
        keys[other] = api("acme", "owner").post("/api-keys", json=body).json()["key"]
    clients = {scope: Api(server, "acme", key) for scope, key in keys.items()}
    nobody = Api(server, "acme", None)
    for method, place, scope in routes:
        wrong = Scope.PROFILE_READ if scope is Scope.AUDIT_READ else Scope.AUDIT_READ
        answer = clients[wrong].http.request(method, place, json={})
        assert answer.status_code == 403, (method, place, answer.text)
        assert answer.json()["scope"] == scope, (method, place)
        assert nobody.http.request(method, place, json={}).status_code == 401, (method, place)
