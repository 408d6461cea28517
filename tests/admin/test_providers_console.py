"""Model providers in the console: keys go in and never out, tests say what is wrong."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tests.admin.console import Console, words
from tests.models_llm.openai_server import Drop, Raw, Reply, Status
from tests.providers.conftest import SECRET, Endpoints, acme_api, agent, clean, endpoints, site
from tests.support.client import Api
from tests.support.ports import free_port
from tests.support.server import Server

__all__ = ["acme_api", "agent", "clean", "endpoints", "site"]

pytestmark = pytest.mark.usefixtures("clean")

LIST = "/admin/providers/provider/"
MODELS = "/admin/providers/chatmodel/"
NUMBERS = {
    "connect_seconds": "2",
    "first_token_seconds": "3",
    "idle_seconds": "3",
    "total_seconds": "9",
}
NO_FALLBACKS = {
    "fallbacks-TOTAL_FORMS": "0",
    "fallbacks-INITIAL_FORMS": "0",
    "fallbacks-MIN_NUM_FORMS": "0",
    "fallbacks-MAX_NUM_FORMS": "1000",
}


@pytest.fixture(scope="module")
def sign_in(site: Server) -> Iterator[Callable[[str], Console]]:
    made: dict[str, Console] = {}

    def signed_in(username: str) -> Console:
        if username not in made:
            made[username] = Console(site, "acme")
            assert made[username].sign_in(username).status_code == 302
        return made[username]

    yield signed_in
    for console in made.values():
        console.close()


@pytest.fixture
def owner(sign_in: Callable[[str], Console]) -> Console:
    return sign_in("owner")


def add(console: Console, url: str, **fields: Any) -> str:
    """A new provider; its change page."""
    given = {
        "name": "Ours",
        "slug": "ours",
        "kind": "openai_compatible",
        "base_url": url,
        "new_key": SECRET,
        "is_enabled": "on",
        "counts_tokens": "on",
        "_continue": "1",
        **NUMBERS,
        **fields,
    }
    answer = console.post(f"{LIST}add/", given)
    assert answer.status_code == 302, words(answer.text)
    return answer.headers["location"]


def add_model(console: Console, provider: str, **fields: Any) -> str:
    (key,) = re.findall(r"/provider/(\d+)/", provider)
    given = {
        "name": "mine",
        "provider": key,
        "model_id": "gpt-test",
        "is_enabled": "on",
        "supports_tools": "on",
        "parameters": "{}",
        "_continue": "1",
        **NO_FALLBACKS,
        **fields,
    }
    answer = console.post(f"{MODELS}add/", given)
    assert answer.status_code == 302, words(answer.text)
    return answer.headers["location"]


def changed(console: Console, path: str, **fields: Any) -> Any:
    return console.post(path, {**console.fields(path), "_continue": "1", **fields})


def probed(console: Console, path: str, **fields: Any) -> str:
    answer = console.post(path.replace("/change/", "/test/"), fields)
    assert answer.status_code == 200, answer.text[:500]
    return words(answer.text)


def test_a_provider_its_model_and_the_default_are_all_that_a_run_needs(
    owner: Console, endpoints: Endpoints, acme_api: Api
) -> None:
    provider = add(owner, endpoints.openai.base_url)
    add_model(owner, provider, input_price="2", output_price="8")
    (key,) = re.findall(r"/chatmodel/(\d+)/change", owner.get(MODELS).text)[:1]
    chosen = owner.get("/admin/providers/modelsettings/").headers["location"]
    assert changed(owner, chosen, default_model=key, currency="chf").status_code == 302
    run = acme_api.run("Hello")
    assert run["output"] == "From openai." and run["usage"]["currency"] == "CHF"
    assert endpoints.openai.requests[0].headers["Authorization"] == f"Bearer {SECRET}"
    assert "0.000046 CHF" in owner.page(f"/admin/agents/run/{run['id']}/change/")
    assert "0.000046 CHF" in owner.page("/admin/agents/run/")
    assert "gpt-test" in owner.page(MODELS) and "2 · 8" in owner.page(MODELS)


def test_a_key_is_never_shown_again_and_can_be_replaced_and_removed(
    owner: Console, endpoints: Endpoints
) -> None:
    path = add(owner, endpoints.openai.base_url)
    history = path.replace("/change/", "/history/")
    for page in (path, LIST, history):
        text = owner.get(page).text
        assert SECRET not in text and "s1:" not in text
    assert "A key is stored" in owner.page(path)
    assert changed(owner, path, name="Renamed").status_code == 302  # keeps the key
    assert "It said" in probed(owner, path, model_id="gpt-test")
    assert changed(owner, path, new_key="sk-another").status_code == 302
    probed(owner, path, model_id="gpt-test")
    sent = [seen.headers.get("Authorization") for seen in endpoints.openai.requests]
    assert sent == [f"Bearer {SECRET}", "Bearer sk-another"]
    assert changed(owner, path, remove_key="on").status_code == 302
    assert "A key is stored" not in owner.page(path)
    probed(owner, path, model_id="gpt-test")
    assert "Authorization" not in endpoints.openai.requests[-1].headers


def test_a_stored_key_is_not_sent_to_another_host(owner: Console, endpoints: Endpoints) -> None:
    path = add(owner, endpoints.openai.base_url)
    refused = changed(owner, path, base_url=endpoints.other.base_url)
    assert refused.status_code == 200 and "enter the key again" in words(refused.text)
    same = changed(owner, path, base_url=f"http://127.0.0.1:{endpoints.openai.port}/v2")
    assert same.status_code == 302  # another path of the same host
    moved = changed(owner, path, base_url=endpoints.other.base_url, new_key="sk-for-the-other")
    assert moved.status_code == 302
    probed(owner, path, model_id="m")
    assert endpoints.other.requests[0].headers["Authorization"] == "Bearer sk-for-the-other"


@pytest.mark.parametrize(
    ("fields", "told"),
    [
        ({"base_url": "http://169.254.169.254/v1"}, "never allowed"),
        ({"base_url": "file:///etc/passwd"}, "should look like"),
        ({"base_url": ""}, "need an address"),
        ({"kind": "openai", "base_url": "", "new_key": ""}, "need a key"),
        ({"new_key": "kéy"}, "characters that no key has"),
        ({"total_seconds": "0"}, "greater than or equal to 0.1"),
        ({"slug": "No Slug"}, "Small letters"),
    ],
)
def test_what_cannot_work_is_refused_when_it_is_saved(
    owner: Console, endpoints: Endpoints, fields: dict[str, str], told: str
) -> None:
    given = {"name": "X", "slug": "x", "kind": "openai_compatible", "new_key": "k", **NUMBERS}
    answer = owner.post(
        f"{LIST}add/",
        {**given, "base_url": endpoints.openai.base_url, "is_enabled": "on", **fields},
    )
    assert answer.status_code == 200 and told in words(answer.text), words(answer.text)


PROBES: list[tuple[Any, str, str]] = [
    (Reply(tokens=("ready",)), "The model answers", "It said: ready"),
    (Status(401), "The key was refused (status 401)", "Enter the key again"),
    (Status(404, '{"error": {"message": "no gpt-x"}}'), "Not found (status 404)", "no gpt-x"),
    (Status(429, headers={"Retry-After": "9"}), "Too many requests", "wait 9 seconds"),
    (
        Status(429, json.dumps({"error": {"code": "insufficient_quota", "message": "pay"}})),
        "Too many requests",
        "quota is used up",
    ),
    (Status(400, '{"error": {"message": "stream_options?"}}'), "was refused", "Untick"),
    (Status(503), "The provider failed (status 503)", "try later"),
    (Status(302, headers={"Location": "http://10.0.0.1/"}), "leads elsewhere", "redirects"),
    (Raw(b"<html>Welcome</html>", "text/html"), "Not the answer of a model", "/v1"),
    (Drop(), "No connection", "closed the connection"),
]


@pytest.mark.parametrize(("reply", "title", "said"), PROBES, ids=[title for _, title, _ in PROBES])
def test_the_test_says_what_is_wrong(
    owner: Console, endpoints: Endpoints, reply: Any, title: str, said: str
) -> None:
    path = add(owner, endpoints.openai.base_url)
    endpoints.openai.script(reply)
    page = probed(owner, path, model_id="gpt-x")
    assert title in page and said in page, page
    assert SECRET not in page and "Took" in page
    assert "Tested gpt-x: " in owner.page(path.replace("/change/", "/history/"))


@pytest.mark.parametrize(
    ("url", "title", "said"),
    [
        ("http://127.0.0.1:{closed}/v1", "No connection", "Does something listen"),
        ("http://no-such-host.invalid/v1", "No connection", "name has no address"),
        ("https://127.0.0.1:{open}/v1", "No connection", "TLS"),
    ],
    ids=["refused", "dns", "tls"],
)
def test_the_test_says_why_there_is_no_connection(
    owner: Console, endpoints: Endpoints, url: str, title: str, said: str
) -> None:
    path = add(owner, url.format(closed=free_port(), open=endpoints.openai.port))
    page = probed(owner, path, model_id="gpt-x")
    assert title in page and said in page, page


def test_a_model_is_tested_with_its_own_id(owner: Console, endpoints: Endpoints) -> None:
    model = add_model(owner, add(owner, endpoints.openai.base_url), parameters='{"top_p": 0.5}')
    assert "gpt-test" in owner.page(model.replace("/change/", "/test/"))
    assert endpoints.openai.requests == []  # looking at the page asks nothing
    assert "The model answers" in probed(owner, model)
    (seen,) = endpoints.openai.requests
    assert (seen.body["model"], seen.body["top_p"]) == ("gpt-test", 0.5)


def test_fallbacks_are_ordered_and_none_is_the_model_itself(
    owner: Console, endpoints: Endpoints
) -> None:
    provider = add(owner, endpoints.openai.base_url)
    (small,) = re.findall(r"/chatmodel/(\d+)/", add_model(owner, provider, name="small"))
    (tiny,) = re.findall(r"/chatmodel/(\d+)/", add_model(owner, provider, name="tiny"))
    big = add_model(
        owner,
        provider,
        name="big",
        **{
            "fallbacks-TOTAL_FORMS": "2",
            "fallbacks-0-position": "2",
            "fallbacks-0-fallback": small,
            "fallbacks-1-position": "1",
            "fallbacks-1-fallback": tiny,
        },
    )
    assert "tiny → small" in owner.page(MODELS)
    (own,) = re.findall(r"/chatmodel/(\d+)/", big)
    fields = owner.fields(big)
    refused = owner.post(big, {**fields, "fallbacks-0-fallback": own})
    assert refused.status_code == 200 and "its own fallback" in words(refused.text)


def test_agents_choose_among_the_models_and_hold_on_to_them(
    owner: Console, endpoints: Endpoints, agent: Callable[..., str]
) -> None:
    from tests.admin.test_agents_console import NEW

    model = add_model(owner, add(owner, endpoints.openai.base_url))
    form = owner.get("/admin/agents/agent/add/").text
    assert re.search(r'<option value="mine"\s*>mine \(Ours\)', form)
    assert re.search(r'<option value="default"\s+selected', form)
    draft = {**NEW, "name": "Held", "slug": "held-by-a-model"}
    wrong = owner.post("/admin/agents/agent/add/", {**draft, "model": "other"})
    assert wrong.status_code == 200 and "not one of the available choices" in words(wrong.text)
    agent("mine", slug="asks-mine-here")
    kept = owner.told(owner.get(model.replace("/change/", "/delete/")))
    assert "Agents use mine: asks-mine-here" in kept
    renamed = changed(owner, model, name="yours")
    assert renamed.status_code == 200 and "Agents name it so" in words(renamed.text)


@pytest.mark.parametrize(
    ("username", "sees", "writes"),
    [
        ("owner", True, True),
        ("builder", True, False),
        ("operator", True, False),
        ("auditor", True, False),
        ("approver", False, False),
    ],
)
def test_roles_see_and_change_what_their_scopes_allow(
    sign_in: Callable[[str], Console],
    owner: Console,
    endpoints: Endpoints,
    username: str,
    sees: bool,
    writes: bool,
) -> None:
    path = add(owner, endpoints.openai.base_url)
    console = sign_in(username)
    for page in (LIST, path, MODELS):
        assert console.get(page).status_code == (200 if sees else 403), page
    assert console.get(f"{LIST}add/").status_code == (200 if writes else 403)
    probe = console.post(path.replace("/change/", "/test/"), {"model_id": "m"})
    assert probe.status_code == (200 if writes else 403)
    assert len(endpoints.openai.requests) == (1 if writes else 0)
    if sees:
        assert SECRET not in console.get(path).text
