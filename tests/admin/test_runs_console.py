"""Runs in the console: found, read step by step, cancelled; and the sessions they belong to."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Any
from uuid import UUID, uuid4

import pytest

from agents.admin.cancelling import cancel_from_thread
from agents.runtime.bridge import serving_loop
from config.errors import Forbidden, NotFound
from tenants.accounts.models import Member
from tenants.context import use_shared, use_tenant
from tenants.models import Tenant
from tests.admin.console import Console, words
from tests.support.client import Api
from tests.support.server import Server
from tests.support.waiting import until

Consoles = Callable[..., Console]
RUNS = "/admin/agents/run/"


@pytest.fixture
def operator(console: Consoles) -> Console:
    return console("acme", "operator")


@pytest.fixture
def slow_api(slow_server: Server) -> Iterator[Api]:
    api = Api.signed_in(slow_server, "acme", "member")
    yield api
    api.close()


@pytest.fixture
def slow_operator(slow_server: Server) -> Iterator[Console]:
    console = Console(slow_server, "acme")
    console.sign_in("operator")
    yield console
    console.close()


def start_slowly(api: Api) -> str:
    """A run that is live for many seconds."""
    answer = api.post(
        "/agents/assistant/runs", json={"input": "Tell me about yourself", "background": True}
    )
    assert answer.status_code == 202, answer.text
    return str(answer.json()["id"])


def test_a_run_is_read_step_by_step(operator: Console, api: Any) -> None:
    run = api("acme", "member").run("What is 17*23?")
    page = operator.get(f"{RUNS}{run['id']}/change/").text
    told = words(page)
    assert "What is 17*23?" in told and "391" in told
    assert "Completed" in told and "assistant r1" in told and "offline demo model" in told
    assert run["trace_id"] in told and "Member" in told
    assert f"{run['usage']['input_tokens']} in · {run['usage']['output_tokens']} out" in told
    # Three bars in the order of the journal, each within the axis.
    names = re.findall(r'class="cx-clip">([^<]+)</span>', page)
    assert names[1] == "calculator" and len(names) == 3
    bars = re.findall(r'style="--left:([\d.]+)%;--width:([\d.]+)%"', page)
    assert len(bars) == 3
    assert all(float(left) + float(width) <= 100.01 for left, width in bars)
    assert [float(left) for left, _ in bars] == sorted(float(left) for left, _ in bars)
    assert '"expression": "17*23"' in told  # the tool's input, folded away
    assert "data-refresh" not in page  # it has ended


def test_a_tool_that_failed_says_so_without_being_opened(operator: Console, api: Any) -> None:
    run = api("acme", "member").run("What is 1/0?")
    page = operator.get(f"{RUNS}{run['id']}/change/").text
    assert re.search(r'class="cx-step-error">[^<]*division by zero', page)


def test_long_values_are_cut_with_a_page_for_the_whole(operator: Console, api: Any) -> None:
    text = "Create a note: " + "oat milk " * 700
    run = api("acme", "member").run(text)
    try:
        page = operator.get(f"{RUNS}{run['id']}/change/").text
        link = re.search(rf'href="({RUNS}{run["id"]}/steps/\d+/)">Show all', page)
        assert link is not None
        assert operator.page(link[1]).count("oat milk") >= 700
        assert operator.get(f"{RUNS}{run['id']}/steps/99/").status_code == 404
    finally:
        api("acme", "member").run("Delete all my notes about oat milk")


def test_runs_are_found_by_id_trace_input_and_filters(operator: Console, api: Any) -> None:
    run = api("acme", "approver").run("What is 20260*3?")
    address = f"{RUNS}{run['id']}/change/"
    for search in (run["id"], run["trace_id"], "20260*3"):
        found = operator.http.get(RUNS, params={"q": search})
        assert re.findall(rf"{RUNS}[0-9a-f-]+/change/", found.text) == [address], search
    for filters in (
        {"status": "completed", "q": "20260*3"},
        {"slug": "assistant", "q": "20260*3"},
        {"member": "approv", "q": "20260*3"},
    ):
        assert address in operator.http.get(RUNS, params=filters).text, filters
    for filters in (
        {"status": "live", "q": "20260*3"},
        {"member": "nobody-like-this"},
        {"took": "600", "q": "20260*3"},
        {"created_at_from": "2999-01-01"},
        {"q": "there is no such input"},
    ):
        answer = operator.http.get(RUNS, params=filters)
        assert "Nothing fits" in words(answer.text), filters


def test_the_newest_run_is_first_and_nothing_is_counted(operator: Console, api: Any) -> None:
    first = api("acme", "member").run("What is 1+1?")
    second = api("acme", "member").run("What is 2+2?")
    page = operator.get(RUNS).text
    assert page.index(second["id"]) < page.index(first["id"])
    (header,) = re.findall(r"<h1.*?</h1>", page, flags=re.S)
    assert words(header).endswith("Runs")


def test_only_who_may_cancel_sees_and_can_cancel(console: Consoles, api: Any) -> None:
    run = api("acme", "member").run("What is 3+3?")
    for role in ("builder", "approver", "auditor"):
        browser = console("acme", role)
        assert browser.get(f"{RUNS}{run['id']}/change/").status_code == 200
        assert browser.get(f"{RUNS}{run['id']}/cancel/").status_code == 403
        assert browser.post(f"{RUNS}{run['id']}/cancel/").status_code == 403
        assert "cancel_selected" not in browser.get(RUNS).text
    ended = console("acme", "operator")
    told = ended.told(ended.post(f"{RUNS}{run['id']}/cancel/"))
    assert "The run has ended: it is completed" in told


def test_a_live_run_is_cancelled_at_once(slow_api: Api, slow_operator: Console) -> None:
    run = start_slowly(slow_api)
    page = slow_operator.get(f"{RUNS}{run}/change/").text
    assert f'data-refresh="{RUNS}{run}/live/"' in page
    assert "Cancel this run?" in slow_operator.page(f"{RUNS}{run}/cancel/")
    told = slow_operator.told(slow_operator.post(f"{RUNS}{run}/cancel/"))
    assert "The run is cancelled." in told and "Cancelled" in told
    assert slow_api.get(f"/runs/{run}").json()["status"] == "cancelled"
    part = slow_operator.get(f"{RUNS}{run}/live/")
    assert 'id="run"' in part.text and "data-refresh" not in part.text
    assert "no-store" in part.headers["cache-control"]


def test_a_run_held_by_another_process_is_cancelled_too(slow_api: Api, operator: Console) -> None:
    run = start_slowly(slow_api)
    told = operator.told(operator.post(f"{RUNS}{run}/cancel/"))
    assert "cancel" in told
    until(lambda: slow_api.get(f"/runs/{run}").json()["status"], lambda s: s == "cancelled")


def test_without_an_executor_in_the_process_the_cancel_is_asked_for(
    slow_api: Api, committed: None
) -> None:
    run = UUID(start_slowly(slow_api))
    with use_shared():
        acme = Tenant.objects.get(schema_name="acme").ref
    assert serving_loop() is None
    with use_tenant(acme):
        member, builder, operator = (
            Member.objects.get(username=name) for name in ("member", "builder", "operator")
        )
        with pytest.raises(Forbidden):
            cancel_from_thread(builder, run)
        with pytest.raises(NotFound):
            cancel_from_thread(member, uuid4())
        assert cancel_from_thread(operator, run) == "running"
    until(lambda: slow_api.get(f"/runs/{run}").json()["status"], lambda s: s == "cancelled")
    with use_tenant(acme):
        assert cancel_from_thread(member, run) == "cancelled"


def test_several_runs_are_cancelled_after_a_confirmation(
    slow_api: Api, slow_operator: Console, api: Any
) -> None:
    runs = [start_slowly(slow_api), start_slowly(slow_api)]
    ended = api("acme", "member").run("What is 4+4?")["id"]
    chosen = {"action": "cancel_selected", "_selected_action": [*runs, ended]}
    asked = slow_operator.post(RUNS, chosen)
    assert "Cancel 2 live runs?" in words(asked.text)
    assert slow_api.get(f"/runs/{runs[0]}").json()["status"] == "running"
    confirmed = {**chosen, "_selected_action": runs, "confirmed": "yes"}
    assert "2 runs cancelled." in slow_operator.told(slow_operator.post(RUNS, confirmed))
    assert {slow_api.get(f"/runs/{run}").json()["status"] for run in runs} == {"cancelled"}
    again = slow_operator.post(RUNS, chosen)
    assert "None of the selected runs is live." in slow_operator.told(again)


def test_a_session_shows_what_was_said_to_those_who_may(console: Consoles, api: Any) -> None:
    run = api("acme", "member").run("What is 5*111?")
    address = f"/admin/agents/session/{run['session_id']}/change/"
    for role in ("operator", "auditor", "owner"):
        page = console("acme", role).page(address)
        assert "What is 5*111?" in page and "555" in page
    for role in ("builder", "approver"):
        assert console("acme", role).get(address).status_code == 403
        page = console("acme", role).get(f"{RUNS}{run['id']}/change/").text
        assert address not in page
    found = console("acme", "operator").http.get(
        "/admin/agents/session/", params={"member": "memb"}
    )
    assert address in found.text


def test_runs_and_sessions_of_one_tenant_are_unknown_in_another(
    console: Consoles, api: Any
) -> None:
    run = api("acme", "member").run("What is 6*111?")
    other = console("globex", "owner")
    assert other.get(f"{RUNS}{run['id']}/change/").status_code == 404
    assert other.get(f"{RUNS}{run['id']}/live/").status_code == 404
    assert other.post(f"{RUNS}{run['id']}/cancel/").status_code == 404
    assert other.get(f"/admin/agents/session/{run['session_id']}/change/").status_code == 404
    assert "Nothing fits" in other.page(f"{RUNS}?q={run['id']}")


def test_the_overview_counts_what_happened(operator: Console, api: Any) -> None:
    run = api("acme", "member").run("What is 7*111?")
    page = operator.get("/admin/").text
    assert f"{RUNS}{run['id']}/change/" in page
    assert int(re.search(r"Runs, 24 h</span><strong>(\d+)", page)[1]) >= 1  # type: ignore[index]
