"""API keys: shown once, one tenant's, no more than their scopes, gone at once when revoked."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from tenants.accounts.models import ApiKey, Member
from tenants.context import TenantRef, use_tenant
from tests.api.test_auth import is_problem
from tests.support.client import Api
from tests.support.server import Server
from tests.support.waiting import until

Made = Callable[..., Member]
TenantOf = Callable[[str], TenantRef]


@pytest.fixture
def account(made: Made) -> Member:
    return made("acme", "integrator", service=True)


def new_key(api: Any, account: Member, tenant: str = "acme", **fields: Any) -> dict[str, Any]:
    body = {"account": account.username, "name": "a test's", **fields}
    answer = api(tenant, "owner").post("/api-keys", json=body)
    assert answer.status_code == 201, answer.text
    assert answer.headers["cache-control"] == "no-store"
    return dict(answer.json())


def test_a_key_says_who_one_is_and_runs_agents(server: Server, api: Any, account: Member) -> None:
    made = new_key(api, account, scopes=["agents:run", "profile:read"])
    client = Api(server, "acme", made["key"])
    me = client.get("/me").json()
    assert (me["username"], me["tenant"]) == (account.username, "acme")
    assert (me["authenticated_by"], me["scopes"]) == ("key", ["agents:run", "profile:read"])
    assert made["key"].split("_")[:3] == ["ck", "acme", me["key"]]
    assert client.run("What is 3*111?")["status"] == "completed"
    is_problem(client.get("/runs"), 403, "scope_missing")


def test_a_key_is_shown_once_and_only_its_hash_is_kept(
    api: Any, account: Member, tenant_of: TenantOf
) -> None:
    made = new_key(api, account)
    secret = made["key"].rpartition("_")[2]
    assert len(secret) == 64
    listed = api("acme", "owner").get("/api-keys", params={"limit": 500})
    (row,) = [item for item in listed.json()["items"] if item["id"] == made["id"]]
    assert "key" not in row and secret not in listed.text
    assert row["shown"] == made["key"].replace(secret, "…")
    assert (row["state"], row["created_by"], row["account"]) == (
        "active",
        "owner",
        account.username,
    )
    with use_tenant(tenant_of("acme")):
        key = ApiKey.objects.get(pk=made["id"])
        assert secret not in str(vars(key)) and len(key.digest) == 64


def test_a_key_of_one_tenant_is_refused_in_another(
    server: Server, api: Any, account: Member
) -> None:
    key = new_key(api, account)["key"]
    is_problem(Api(server, "globex", key).get("/me"), 401, "token_tenant")
    renamed = key.replace("ck_acme_", "ck_globex_")
    is_problem(Api(server, "globex", renamed).get("/me"), 401, "token_invalid")


def test_what_is_like_a_key_but_none_is_refused(server: Server, api: Any, account: Member) -> None:
    key = new_key(api, account)["key"]
    head, _, secret = key.rpartition("_")
    flipped = ("0" if secret[0] != "0" else "1") + secret[1:]
    for wrong in ("ck_", "ck_acme", "ck_acme_x_y", f"{head}_", f"{head}_{flipped}", f"{key}0"):
        is_problem(Api(server, "acme", wrong).get("/me"), 401, "token_invalid")
    assert Api(server, "acme", key).get("/me").status_code == 200


def test_a_revoked_key_is_no_good_from_the_answer_on(
    server: Server, api: Any, account: Member
) -> None:
    made = new_key(api, account)
    other = Api(server, "acme", new_key(api, account)["key"])
    client = Api(server, "acme", made["key"])
    assert client.get("/me").status_code == 200
    for _ in range(2):
        assert api("acme", "owner").http.delete(f"/api-keys/{made['id']}").status_code == 204
    is_problem(client.get("/me"), 401, "token_revoked")
    assert other.get("/me").status_code == 200
    # Whoever has not the secret isn't told that there was such a key.
    guessed = made["key"].rpartition("_")[0] + "_" + "0" * 64
    is_problem(Api(server, "acme", guessed).get("/me"), 401, "token_invalid")
    unknown = api("globex", "owner").http.delete(f"/api-keys/{made['id']}")
    is_problem(unknown, 404, "unknown_key")


def test_a_key_ends_with_its_time_and_with_its_accounts_suspension(
    server: Server, api: Any, account: Member, tenant_of: TenantOf
) -> None:
    soon = (timezone.now() + timedelta(hours=1)).isoformat()
    made = new_key(api, account, expires_at=soon)
    client = Api(server, "acme", made["key"])
    assert client.get("/me").status_code == 200
    with use_tenant(tenant_of("acme")):
        ApiKey.objects.filter(pk=made["id"]).update(expires_at=timezone.now())
    is_problem(client.get("/me"), 401, "token_expired")
    lasting = Api(server, "acme", new_key(api, account)["key"])
    with use_tenant(tenant_of("acme")):
        account.is_active = False
        account.save()
    is_problem(lasting.get("/me"), 401, "member_inactive")


def test_a_role_that_is_taken_away_takes_its_scopes_from_keys(
    server: Server, api: Any, account: Member, tenant_of: TenantOf
) -> None:
    client = Api(server, "acme", new_key(api, account)["key"])
    assert "agents:run" in client.get("/me").json()["scopes"]
    with use_tenant(tenant_of("acme")):
        account.groups.clear()
    is_problem(client.get("/me"), 403, "scope_missing")


def test_nobody_makes_a_key_that_may_more_than_its_account_or_they_themselves(
    server: Server, api: Any, account: Member, made: Made
) -> None:
    owner = api("acme", "owner")
    body = {"account": account.username, "name": "x"}
    greedy = owner.post("/api-keys", json={**body, "scopes": ["members:write"]})
    is_problem(greedy, 422, "key_scopes")
    # With a key that may nothing but run and make keys: no more than that, for itself alone.
    narrow = new_key(api, account, scopes=["agents:run", "keys:read", "keys:write"])
    client = Api(server, "acme", narrow["key"])
    is_problem(
        client.post("/api-keys", json={"name": "x", "scopes": ["runs:read"]}), 403, "key_scopes"
    )
    mine = client.post("/api-keys", json={"name": "next"})
    assert mine.status_code == 201
    assert set(mine.json()["scopes"]) == {"agents:run", "keys:read", "keys:write"}
    other = made("acme", "integrator", service=True)
    theirs = new_key(api, other)
    is_problem(
        client.post("/api-keys", json={**body, "account": other.username}), 404, "unknown_account"
    )
    is_problem(client.http.delete(f"/api-keys/{theirs['id']}"), 404, "unknown_key")
    seen = {item["account"] for item in client.get("/api-keys").json()["items"]}
    assert seen == {account.username}
    # It can put the new in the place of the old.
    assert client.http.delete(f"/api-keys/{narrow['id']}").status_code == 204
    assert Api(server, "acme", mine.json()["key"]).get("/api-keys").status_code == 200


def test_who_may_see_keys_may_not_make_them(api: Any, account: Member, made: Made) -> None:
    key = new_key(api, account)
    operator = api("acme", "operator")
    assert key["id"] in {row["id"] for row in operator.get("/api-keys?limit=500").json()["items"]}
    body = {"account": account.username, "name": "x"}
    is_problem(operator.post("/api-keys", json=body), 403, "scope_missing")
    is_problem(operator.http.delete(f"/api-keys/{key['id']}"), 403, "scope_missing")
    is_problem(api("acme", "member").get("/api-keys"), 403, "scope_missing")


def test_keys_are_for_service_accounts_that_are_active(
    api: Any, account: Member, tenant_of: TenantOf
) -> None:
    owner = api("acme", "owner")
    is_problem(owner.post("/api-keys", json={"name": "mine"}), 409, "not_a_service_account")
    person = owner.post("/api-keys", json={"name": "x", "account": "member"})
    is_problem(person, 404, "unknown_account")
    body = {"account": account.username, "name": "x"}
    for wrong in ({"name": " "}, {"expires_at": "2020-01-01T00:00:00Z"}, {"name": "\x00"}):
        is_problem(owner.post("/api-keys", json={**body, **wrong}), 422, "key_form")
    for wrong in ({"rate": 0}, {"scopes": ["all"]}, {"more": 1}, {"expires_at": "2030-01-01"}):
        assert owner.post("/api-keys", json={**body, **wrong}).status_code == 422
    with use_tenant(tenant_of("acme")):
        account.is_active = False
        account.save()
    is_problem(owner.post("/api-keys", json=body), 409, "account_suspended")


def test_an_account_has_only_so_many_keys(api: Any, account: Member) -> None:
    keys = [new_key(api, account) for _ in range(20)]
    owner = api("acme", "owner")
    body = {"account": account.username, "name": "x"}
    is_problem(owner.post("/api-keys", json=body), 409, "too_many_keys")
    assert owner.http.delete(f"/api-keys/{keys[0]['id']}").status_code == 204
    assert owner.post("/api-keys", json=body).status_code == 201


def test_a_service_account_signs_in_nowhere(
    server: Server, account: Member, tenant_of: TenantOf
) -> None:
    with use_tenant(tenant_of("acme")):
        account.set_password("correct-horse-battery")
        account.save()
        account.refresh_from_db()
        assert not account.has_usable_password()
    answer = Api(server, "acme", None).post(
        "/auth/token", json={"username": account.username, "password": "correct-horse-battery"}
    )
    is_problem(answer, 401, "bad_credentials")


def test_beyond_its_rate_a_key_is_told_when_to_come_back(
    server: Server, api: Any, account: Member
) -> None:
    client = Api(server, "acme", new_key(api, account, rate=3)["key"])
    free = Api(server, "acme", new_key(api, account)["key"])
    # A minute may turn in between: the fourth of one minute is refused.
    answers = [client.get("/me") for _ in range(8)]
    refused = [answer for answer in answers if answer.status_code != 200]
    assert 2 <= len(refused) <= 5
    is_problem(refused[0], 429, "key_rate")
    assert 1 <= int(refused[0].headers["retry-after"]) <= 61
    assert free.get("/me").status_code == 200


def test_the_last_use_is_written_after_the_answer(
    server: Server, api: Any, account: Member
) -> None:
    made = new_key(api, account)
    owner = api("acme", "owner")

    def used() -> Any:
        rows = owner.get("/api-keys", params={"limit": 500}).json()["items"]
        return next(row["last_used_at"] for row in rows if row["id"] == made["id"])

    assert used() is None
    client = Api(server, "acme", made["key"])
    assert client.get("/me").status_code == 200
    first = until(used)
    assert [client.get("/me").status_code for _ in range(3)] == [200] * 3
    assert used() == first  # at most once a minute


def test_keys_never_come_to_the_log(server: Server, api: Any, account: Member) -> None:
    made = new_key(api, account)
    secret = made["key"].rpartition("_")[2]
    client = Api(server, "acme", made["key"])
    for path in ("/me", "/runs", "/nowhere", "/runs/not-an-id"):
        assert secret not in client.get(path).text
    assert secret not in client.post("/agents/assistant/runs", json={"input": 1}).text
    assert secret not in Api(server, "globex", made["key"]).get("/me").text
    assert made["shown"].split("_")[2] in server.log.read_text()  # that it was made, is
    assert secret not in server.log.read_text()
