"""Signing in by the API: tokens, their tenant, their end."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx
import jwt
import pytest
from django.conf import settings

from tests.support.client import Api
from tests.support.server import Server


def anonymous(server: Server, tenant: str = "acme") -> Api:
    return Api(server, tenant, None)


def is_problem(answer: httpx.Response, status: int, code: str) -> None:
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"].startswith("application/problem+json")
    body = answer.json()
    assert body["type"].endswith(f":{code}"), body
    assert body["status"] == status
    assert body["detail"] and len(body["trace_id"]) == 32


def test_a_password_gives_tokens_that_say_who_one_is(api: Any) -> None:
    me = api("acme", "builder").get("/me").json()
    assert (me["username"], me["tenant"], me["roles"]) == ("builder", "acme", ["builder"])
    assert "agents:publish" in me["scopes"]


@pytest.mark.parametrize(("username", "password"), [("member", "wrong"), ("nobody", "demo-demo")])
def test_a_wrong_name_and_a_wrong_password_look_the_same(
    server: Server, username: str, password: str
) -> None:
    answer = anonymous(server).post(
        "/auth/token", json={"username": username, "password": password}
    )
    is_problem(answer, 401, "bad_credentials")


def test_a_token_of_one_tenant_is_refused_in_another(server: Server, api: Any) -> None:
    stranger = Api(server, "globex", api("acme").token)
    is_problem(stranger.get("/me"), 401, "token_tenant")
    is_problem(stranger.post("/agents/assistant/runs", json={"input": "x"}), 401, "token_tenant")


def test_no_token_and_a_broken_one_are_401_with_a_challenge(server: Server) -> None:
    answer = anonymous(server).get("/me")
    is_problem(answer, 401, "no_token")
    assert answer.headers["www-authenticate"] == "Bearer"
    is_problem(Api(server, "acme", "not.a.token").get("/me"), 401, "token_invalid")


def test_an_expired_token_says_so(server: Server, api: Any) -> None:
    claims = jwt.decode(api("acme").token, options={"verify_signature": False})
    claims["exp"] = claims["iat"] - 10
    old = jwt.encode(claims, settings.SIMPLE_JWT["SIGNING_KEY"], "HS256")
    is_problem(Api(server, "acme", old).get("/me"), 401, "token_expired")


def test_a_token_can_not_claim_scopes_its_roles_do_not_give(server: Server, api: Any) -> None:
    claims = jwt.decode(api("acme").token, options={"verify_signature": False})
    claims["scopes"] = [*claims["scopes"], "runs:read_all", "members:write"]
    greedy = jwt.encode(claims, settings.SIMPLE_JWT["SIGNING_KEY"], "HS256")
    scopes = Api(server, "acme", greedy).get("/me").json()["scopes"]
    assert "members:write" not in scopes and "runs:read_all" not in scopes


def test_a_refresh_token_is_traded_once(server: Server) -> None:
    client = anonymous(server)
    pair = client.post("/auth/token", json={"username": "member", "password": "demo-demo"}).json()
    traded = client.post("/auth/refresh", json={"refresh": pair["refresh"]})
    assert traded.status_code == 200
    assert Api(server, "acme", traded.json()["access"]).get("/me").status_code == 200
    again = client.post("/auth/refresh", json={"refresh": pair["refresh"]})
    is_problem(again, 401, "token_revoked")


def test_a_refresh_token_that_comes_again_ends_everything_of_its_sign_in(server: Server) -> None:
    client = anonymous(server)
    body = {"username": "member", "password": "demo-demo"}
    stolen, other = (client.post("/auth/token", json=body).json() for _ in range(2))
    traded = client.post("/auth/refresh", json={"refresh": stolen["refresh"]}).json()
    access = Api(server, "acme", traded["access"])
    assert access.get("/me").status_code == 200
    reused = client.post("/auth/refresh", json={"refresh": stolen["refresh"]})
    is_problem(reused, 401, "token_revoked")
    is_problem(
        client.post("/auth/refresh", json={"refresh": traded["refresh"]}), 401, "token_revoked"
    )
    is_problem(access.get("/me"), 401, "token_revoked")
    is_problem(Api(server, "acme", stolen["access"]).get("/me"), 401, "token_revoked")
    assert Api(server, "acme", other["access"]).get("/me").status_code == 200
    log = server.log.read_text()
    assert "refresh token reused: tenant acme" in log
    assert not any(token in log for pair in (stolen, traded) for token in pair.values())


def test_of_two_trades_at_once_one_wins(server: Server) -> None:
    pair = anonymous(server).post(
        "/auth/token", json={"username": "member", "password": "demo-demo"}
    )
    body = {"refresh": pair.json()["refresh"]}
    with ThreadPoolExecutor(4) as threads:
        clients = [anonymous(server) for _ in range(4)]
        answers = list(threads.map(lambda c: c.post("/auth/refresh", json=body), clients))
    assert sorted(answer.status_code for answer in answers) == [200, 401, 401, 401]


def test_a_revoked_refresh_token_is_no_good_and_revoking_repeats(server: Server) -> None:
    client = anonymous(server)
    pair = client.post("/auth/token", json={"username": "member", "password": "demo-demo"}).json()
    for _ in range(2):
        assert client.post("/auth/revoke", json={"refresh": pair["refresh"]}).status_code == 204
    is_problem(
        client.post("/auth/refresh", json={"refresh": pair["refresh"]}), 401, "token_revoked"
    )
    is_problem(Api(server, "acme", pair["access"]).get("/me"), 401, "token_revoked")


def test_an_access_token_is_no_refresh_token_nor_the_other_way_round(server: Server) -> None:
    client = anonymous(server)
    pair = client.post("/auth/token", json={"username": "member", "password": "demo-demo"}).json()
    is_problem(client.post("/auth/refresh", json={"refresh": pair["access"]}), 401, "token_invalid")
    is_problem(Api(server, "acme", pair["refresh"]).get("/me"), 401, "token_invalid")


def test_the_host_names_the_tenant(server: Server) -> None:
    for tenant in ("acme", "globex"):
        answer = httpx.post(
            f"http://127.0.0.1:{server.port}/api/v1/auth/token",
            headers={"Host": f"{tenant}.localhost:{server.port}"},
            json={"username": "member", "password": "demo-demo"},
        )
        claims = jwt.decode(answer.json()["access"], options={"verify_signature": False})
        assert claims["tenant"] == tenant


@pytest.mark.parametrize("headers", [{"X-Tenant": "nowhere"}, {"Host": "nowhere.localhost"}])
def test_an_unknown_tenant_is_a_404_problem(server: Server, headers: dict[str, str]) -> None:
    answer = httpx.get(f"http://127.0.0.1:{server.port}/api/v1/me", headers=headers)
    is_problem(answer, 404, "unknown_tenant")


def test_a_header_does_not_turn_pages_towards_another_tenant(server: Server) -> None:
    answer = httpx.get(
        f"http://127.0.0.1:{server.port}/sign-in/",
        headers={"Host": f"acme.localhost:{server.port}", "X-Tenant": "globex"},
    )
    assert "Acme" in answer.text and "Globex" not in answer.text


def test_a_callers_trace_goes_on(server: Server) -> None:
    trace = "0af7651916cd43dd8448eb211c80319c"
    answer = httpx.get(
        f"http://127.0.0.1:{server.port}/api/v1/me",
        headers={"traceparent": f"00-{trace}-b7ad6b7169203331-01"},
    )
    assert answer.headers["x-trace-id"] == trace
    assert answer.json()["trace_id"] == trace
