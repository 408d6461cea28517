"""The platform's console: tenants made, suspended, deleted; the fleet; the task queue."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Any
from uuid import uuid4

import httpx
import pytest
from django.contrib.auth.hashers import make_password
from django.db import DatabaseError, connection

from tenants.context import use_shared, use_tenant
from tenants.owners import set_up_with_owner
from tenants.provisioning import declare_tenant
from tenants.roles import ensure_tenant_schema
from tests.admin.console import Console, words
from tests.admin.failures import record_failure
from tests.support.server import Server
from tests.support.waiting import until

Consoles = Callable[..., Console]
Visitor = Callable[..., Console]
TENANTS = "/admin/tenants/tenant/"
PASSWORD = "correct-horse-battery"


@pytest.fixture
def root(console: Consoles) -> Console:
    return console("platform", "root")


def form(slug: str, /, **fields: str) -> dict[str, str]:
    return {
        "name": f"Tenant {slug}",
        "slug": slug,
        "hosts": f"{slug}.localhost",
        "username": "ada",
        "email": "ada@example.com",
        "password": PASSWORD,
        **fields,
    }


def provision(root: Console, slug: str) -> str:
    """Sets a tenant up and gives its page, once it is active."""
    answer = root.post(f"{TENANTS}add/", form(slug))
    assert answer.status_code == 302, words(answer.text)
    path = answer.headers["location"]
    until(lambda: root.page(path), lambda page: "is served at" in page)
    return str(path)


def remove(root: Console, path: str, slug: str) -> None:
    root.post(path.replace("/change/", "/suspend/"))
    root.post(path.replace("/change/", "/remove/"), {"typed": slug})


@pytest.fixture
def tenant(root: Console) -> Iterator[tuple[str, str]]:
    slug = f"t{uuid4().hex[:8]}"
    path = provision(root, slug)
    yield path, slug
    remove(root, path, slug)


def test_a_new_tenant_is_set_up_and_its_owner_works_in_it(
    root: Console, tenant: tuple[str, str], visitor: Visitor, server: Server
) -> None:
    path, slug = tenant
    owner = visitor(slug)
    assert owner.sign_in("ada", PASSWORD).headers["location"] == "/admin/"
    page = owner.page("/admin/")
    assert f"Tenant {slug}" in page and "No agent yet" in page and "No run yet" in page
    assert "Write one, then publish it." in owner.page("/admin/agents/agent/")
    agent = owner.post(
        "/admin/agents/agent/add/",
        {
            "name": "First",
            "slug": "first",
            "model": "default",
            "tools": ["calculator"],
            "history_runs": "5",
            "max_turns": "4",
            "max_tokens": "9000",
            "max_seconds": "60",
            "_continue": "1",
        },
    ).headers["location"]
    assert owner.post(agent.replace("/change/", "/publish/")).status_code == 302
    api = httpx.Client(
        base_url=f"http://127.0.0.1:{server.port}/api/v1", headers={"X-Tenant": slug}, timeout=60
    )
    with api:
        token = api.post("/auth/token", json={"username": "ada", "password": PASSWORD}).json()
        api.headers["Authorization"] = f"Bearer {token['access']}"
        run = api.post("/agents/first/runs", json={"input": "What is 17*23?"}).json()
    assert "391" in run["output"]
    assert "391" in owner.page(f"/admin/agents/run/{run['id']}/change/")
    assert f"Declared for {slug}.localhost." in root.page(path.replace("/change/", "/history/"))


def test_the_owners_password_is_nowhere_in_the_queue(
    root: Console, tenant: tuple[str, str]
) -> None:
    _, slug = tenant

    def job() -> str:
        listed = root.get("/admin/django_q/success/").text
        rows = [row for row in listed.split("<tr") if slug in row]
        return re.findall(r"/admin/django_q/success/\w+/change/", rows[0])[0] if rows else ""

    page = root.page(until(job))
    assert slug in page and "(a password's hash)" in page
    assert PASSWORD not in page and "md5$" not in page and "pbkdf2" not in page


def test_bad_tenants_are_refused_field_by_field(root: Console) -> None:
    for wrong, said in (
        ({"slug": "Bad Slug"}, "letters"),
        ({"slug": "platform"}, "is reserved"),
        ({"slug": "acme"}, "There is a tenant with this slug already"),
        ({"hosts": "https://x.localhost"}, "is no host name"),
        ({"hosts": "acme.localhost"}, "Taken already: acme.localhost"),
        ({"hosts": " "}, "required"),
        ({"password": "123"}, "too short"),
        ({"username": "a b"}, "valid username"),
    ):
        answer = root.post(f"{TENANTS}add/", form("tbad", **wrong))
        assert answer.status_code == 200, wrong
        assert said in words(answer.text), said
    assert "tbad" not in root.page(TENANTS)


def test_a_suspended_tenant_serves_nobody_until_it_is_resumed(
    root: Console, tenant: tuple[str, str], visitor: Visitor
) -> None:
    path, slug = tenant
    browser = visitor(slug)
    assert browser.get("/admin/login/?next=/admin/").status_code == 200
    assert "Nobody gets in" in root.page(path.replace("/change/", "/suspend/"))  # asks first
    assert "is suspended" in root.told(root.post(path.replace("/change/", "/suspend/")))
    refused = browser.http.get("/admin/login/?next=/admin/", headers={"Accept": "text/html"})
    assert refused.status_code == 403 and "This workplace is paused" in words(refused.text)
    again = root.told(root.post(path.replace("/change/", "/suspend/")))
    assert "is suspended" in again  # told, and nothing else happens
    assert "is active again" in root.told(root.post(path.replace("/change/", "/resume/")))
    assert browser.get("/admin/login/?next=/admin/").status_code == 200


def test_a_tenant_is_deleted_only_once_it_is_suspended_and_its_slug_typed(
    root: Console, visitor: Visitor
) -> None:
    slug = f"t{uuid4().hex[:8]}"
    path = provision(root, slug)
    delete = path.replace("/change/", "/remove/")
    assert "suspend it first" in root.told(root.post(delete, {"typed": slug}))
    root.post(path.replace("/change/", "/suspend/"))
    for typed in ("", "acme", slug.upper()):
        answer = root.post(delete, {"typed": typed})
        assert f"Type {slug}" in words(answer.text)
    assert f"{slug} is deleted." in root.told(root.post(delete, {"typed": slug}))
    assert slug not in root.page(TENANTS)
    assert visitor(slug).get("/admin/").status_code == 404
    remove(root, provision(root, slug), slug)  # the slug is free again, the schema really gone


def test_the_platforms_own_tenant_stays(root: Console) -> None:
    listed = root.http.get(TENANTS, params={"q": "platform"}).text
    path = re.findall(rf"{TENANTS}[0-9a-f-]+/change/", listed)[0]
    for verb in ("suspend", "resume", "remove"):
        told = root.told(root.post(path.replace("/change/", f"/{verb}/"), {"typed": "platform"}))
        assert "stays as it is" in told or "Only a tenant that serves nobody" in told
    assert root.get("/admin/").status_code == 200


def test_a_failed_set_up_says_why_and_can_be_tried_again(
    root: Console, visitor: Visitor, committed: None
) -> None:
    slug = f"t{uuid4().hex[:8]}"
    tenant = declare_tenant(slug, slug, [f"{slug}.localhost"])
    ensure_tenant_schema(slug)
    with use_tenant(tenant.ref), connection.cursor() as cursor:  # in the way of the migrations
        cursor.execute("CREATE TABLE accounts_member (id int)")
    owner = (slug, "ada", "", make_password(PASSWORD))
    with use_shared(), pytest.raises(DatabaseError) as failure:
        set_up_with_owner(*owner)
    with use_shared():
        record_failure("tenants.owners.set_up_with_owner", owner, str(failure.value))
    path = f"{TENANTS}{tenant.pk}/change/"
    page = root.page(path)
    assert "couldn't be set up" in page and "accounts_member" in page
    assert slug in root.page("/admin/django_q/failure/")
    with use_tenant(tenant.ref), connection.cursor() as cursor:
        cursor.execute("DROP TABLE accounts_member")
    assert "is being set up" in root.told(root.post(path.replace("/change/", "/try-again/")))
    until(lambda: root.page(path), lambda page: "is served at" in page)
    # The owner that was asked for the first time, though only the job's arguments knew of them.
    assert visitor(slug).sign_in("ada", PASSWORD).status_code == 302
    assert slug not in root.page("/admin/django_q/failure/")
    remove(root, path, slug)


def test_a_host_is_added_to_a_tenant_and_serves_it(
    root: Console, tenant: tuple[str, str], visitor: Visitor
) -> None:
    path, slug = tenant
    tenant_id = path.split("/")[-3]
    add = "/admin/tenants/domain/add/"
    bad = root.post(add, {"domain": "http://no", "tenant": tenant_id})
    assert "is no host name" in words(bad.text)
    assert (
        root.post(add, {"domain": f"Other-{slug}.localhost", "tenant": tenant_id}).status_code
        == 302
    )
    assert f"other-{slug}.localhost" in root.page("/admin/tenants/domain/")
    assert visitor(f"other-{slug}").get("/admin/login/?next=/admin/").status_code == 200


def test_a_tenants_name_and_hosts_are_changed_on_its_page(
    root: Console, tenant: tuple[str, str], visitor: Visitor
) -> None:
    path, slug = tenant
    fields = root.fields(path)
    more = {
        "name": "Renamed Ltd",
        "domains-TOTAL_FORMS": "2",
        "domains-1-domain": "[::FFFF]",
        "domains-1-tenant": fields["domains-0-tenant"],
    }
    assert root.post(path, {**fields, **more, "_save": "1"}).status_code == 302
    assert "Renamed Ltd" in root.page(TENANTS)
    assert "[::ffff]" in root.page("/admin/tenants/domain/")
    owner = visitor(slug)
    owner.sign_in("ada", PASSWORD)
    assert "Renamed Ltd" in owner.page("/admin/")


def test_a_host_is_removed_from_a_tenant_and_serves_it_no_more(
    root: Console, tenant: tuple[str, str], visitor: Visitor
) -> None:
    path, slug = tenant
    more = {"domains-TOTAL_FORMS": "2", "domains-1-domain": f"other-{slug}.localhost"}
    fields = root.fields(path)
    more["domains-1-tenant"] = fields["domains-0-tenant"]
    assert root.post(path, {**fields, **more, "_save": "1"}).status_code == 302
    sign_in = "/admin/login/?next=/admin/"
    assert visitor(f"other-{slug}").get(sign_in).status_code == 200
    fields = root.fields(path)
    (gone,) = (
        key.removesuffix("-domain")
        for key, value in fields.items()
        if value == f"other-{slug}.localhost"
    )
    removed = root.post(path, {**fields, f"{gone}-DELETE": "on", "_save": "1"})
    assert removed.status_code == 302
    assert visitor(f"other-{slug}").get(sign_in).status_code == 404
    assert visitor(slug).get(sign_in).status_code == 200


def test_the_host_that_the_console_is_used_at_can_not_be_taken_away(root: Console) -> None:
    listed = root.get("/admin/tenants/domain/?q=platform.localhost").text
    domain = re.findall(r"/admin/tenants/domain/\d+/change/", listed)[0]
    assert root.get(domain.replace("/change/", "/delete/")).status_code == 403
    fields = root.fields(domain)
    changed = root.post(domain, {**fields, "domain": "elsewhere.localhost"})
    assert "You are at platform.localhost now" in words(changed.text)
    page = re.findall(
        rf"{TENANTS}[0-9a-f-]+/change/", root.http.get(TENANTS, params={"q": "platform"}).text
    )[0]
    fields = root.fields(page)
    (own,) = (
        key.removesuffix("-domain")
        for key, value in fields.items()
        if value == "platform.localhost"
    )
    refused = root.post(page, {**fields, f"{own}-DELETE": "on", "_save": "1"})
    assert "You are at platform.localhost now" in words(refused.text)
    assert root.get("/admin/").status_code == 200


def test_who_has_no_platform_scope_changes_nothing(root: Console, visitor: Visitor) -> None:
    stranger = visitor("platform")
    assert stranger.get(TENANTS).status_code == 302
    assert stranger.post(f"{TENANTS}add/", form("tnever")).status_code in (302, 403)
    assert "tnever" not in root.page(TENANTS)


def test_platform_members_have_the_platforms_roles(root: Console) -> None:
    page = root.page("/admin/accounts/member/add/")
    assert "platform-admin" in page and "builder" not in page
    own: Any = re.findall(
        r"/admin/accounts/member/\d+/change/", root.get("/admin/accounts/member/?q=root").text
    )[0]
    assert "You can't suspend yourself." in root.told(
        root.post(own.replace("/change/", "/suspend/"))
    )
