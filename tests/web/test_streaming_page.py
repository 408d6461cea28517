"""Answers that are stopped, reloaded, cut off, on a model that waits for it."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from playwright.sync_api import Page, WebSocketRoute, expect

from tests.support.hanging import held_agent
from tests.web.browsing import Chat, Visits, answer, ended

pytestmark = pytest.mark.browser

Held = tuple[str, list[threading.Event]]


@pytest.fixture
def held(committed: None) -> Iterator[Held]:
    """An agent that stops in its answer for as long as the test wants, and how it goes on."""
    words = ["On:", *(f" wörd{n}🙂" for n in range(60))]
    with held_agent("acme", words[:30], words[30:40], words[40:50], words[50:]) as found:
        yield found


def _to_the_end(go_on: list[threading.Event]) -> None:
    for event in go_on:
        event.set()


def _writing(chat: Chat) -> None:
    """Waits until a part of the answer is there, and no more than a part."""
    expect(chat.runs.last.locator(".markdown")).to_contain_text("wörd3")
    expect(chat.runs.last).to_have_attribute("data-status", "running")


def _whole(api: Any, chat: Chat) -> str:
    """The answer as it is recorded."""
    path = f"/sessions/{chat.session_id}/messages"
    newest = api("acme", "member").get(path).json()["items"][0]
    assert newest["role"] == "assistant"
    return str(newest["content"]).replace("**", "").replace("`", "")


def _watch(page: Page) -> None:
    """Notes every state of the answer that the page shows, before the whole text is known."""
    page.evaluate(
        """() => {
            window.shown = [];
            new MutationObserver(() => {
                const text = document.querySelector(".run:last-child .markdown:last-child");
                if (text) window.shown.push(text.textContent);
            }).observe(document.getElementById("thread"), { childList: true, subtree: true });
        }"""
    )


def _only_grew(page: Page, whole: str, states: int) -> None:
    """Everything shown on the way was the beginning of the whole: nothing missing or doubled."""
    shown = [text.replace("*", "").replace("`", "").strip() for text in page.evaluate("shown")]
    assert len(set(shown)) >= states
    assert [text for text in shown if not whole.startswith(text)] == []


class Proxy:
    """Stands between page and server, and cuts the line when `cut` says so of a server's frame.

    `cut` gets the frame and how many connections there were; `lose` drops the frame as well.
    """

    def __init__(self, page: Page, cut: Callable[[dict[str, Any], int], bool], lose: bool) -> None:
        self.connections = 0
        self.sent: list[dict[str, Any]] = []
        self.cut = cut
        self.lose = lose
        page.route_web_socket("**/ws/runs/", self._connect)

    def _connect(self, route: WebSocketRoute) -> None:
        self.connections += 1
        number = self.connections
        server = route.connect_to_server()
        alive = True

        def from_page(message: Any) -> None:
            self.sent.append(json.loads(message))
            server.send(message)

        def from_server(message: Any) -> None:
            nonlocal alive
            if not alive:
                return
            cutting = self.cut(json.loads(message), number)
            if not (cutting and self.lose):
                route.send(message)
            if cutting:
                alive = False
                route.close(code=1012)
                server.close()

        route.on_message(from_page)
        server.on_message(from_server)


def test_stop_ends_the_run_and_keeps_what_was_written(visits: Visits, held: Held) -> None:
    slug, go_on = held
    chat = Chat.new(visits.signed_in(), slug)
    run = chat.say("Say on")
    _writing(chat)
    expect(chat.send_button).to_be_hidden()
    chat.stop_button.click()
    ended(run, "cancelled")
    expect(run).to_contain_text("Stopped.")
    assert "wörd3" in answer(run)
    expect(chat.send_button).to_be_visible()
    expect(chat.message).to_be_focused()
    _to_the_end(go_on)
    ended(chat.say("Once more"))
    chat.page.reload()
    expect(chat.runs.first).to_contain_text("Stopped.")


def test_escape_stops_too(visits: Visits, held: Held) -> None:
    chat = Chat.new(visits.signed_in(), held[0])
    run = chat.say("Say on")
    _writing(chat)
    chat.message.press("Escape")
    ended(run, "cancelled")


def test_a_reload_in_the_middle_goes_on_with_the_answer(
    visits: Visits, api: Any, held: Held
) -> None:
    slug, go_on = held
    chat = Chat.new(visits.signed_in(), slug)
    chat.say("Say on")
    _writing(chat)
    chat.page.reload()
    expect(chat.stop_button).to_be_visible()
    run = chat.runs.last
    expect(run.locator(".markdown")).to_contain_text("wörd20")
    _to_the_end(go_on)
    ended(run)
    assert "wörd59" in answer(run)
    assert answer(run) == _whole(api, chat)
    expect(run.locator(".tool")).to_have_count(1)


@pytest.mark.parametrize(("lose", "states"), [(False, 4), (True, 2)])
def test_a_dropped_socket_loses_and_doubles_nothing(
    visits: Visits, api: Any, held: Held, lose: bool, states: int
) -> None:
    slug, go_on = held
    page = visits.signed_in()
    gone: set[int] = set()

    def first_piece(frame: dict[str, Any], number: int) -> bool:
        """Of each of the first three connections, each of which has something to bring."""
        if number > 1:
            go_on[min(number, 4) - 2].set()
        if frame["type"] != "message.delta" or number > 3 or number in gone:
            return False
        gone.add(number)
        return True

    proxy = Proxy(page, first_piece, lose=lose)
    chat = Chat.new(page, slug)
    _watch(page)
    run = chat.say("Say on")
    ended(run)
    assert proxy.connections >= 4
    follows = [frame for frame in proxy.sent if frame["action"] == "follow"]
    assert all(frame["last_event_id"] for frame in follows[:3])
    assert len([frame for frame in proxy.sent if frame["action"] == "start"]) == 1
    whole = _whole(api, chat)
    assert answer(run) == whole
    _only_grew(page, whole, states)
    expect(run.locator(".tool")).to_have_count(1)


def test_a_start_whose_ack_was_lost_is_not_done_twice(visits: Visits, api: Any) -> None:
    page = visits.signed_in()

    lost: list[dict[str, Any]] = []

    def first_ack(frame: dict[str, Any], _: int) -> bool:
        if frame["type"] != "ack" or frame["action"] != "start" or lost:
            return False
        lost.append(frame)
        return True

    proxy = Proxy(page, first_ack, lose=True)
    chat = Chat.new(page)
    run = chat.say("What is 12*12?")
    ended(run)
    assert "144" in answer(run)
    starts = [frame for frame in proxy.sent if frame["action"] == "start"]
    assert len(starts) == 2
    assert starts[0]["idempotency_key"] == starts[1]["idempotency_key"]
    messages = api("acme", "member").get(f"/sessions/{chat.session_id}/messages").json()["items"]
    assert len(messages) == 2


def test_while_there_is_no_connection_the_page_says_so_and_keeps_the_draft(visits: Visits) -> None:
    page = visits.signed_in()
    chat = Chat.new(page)
    page.context.set_offline(True)
    expect(page.get_by_text("You are offline")).to_be_visible()
    chat.message.fill("What is 5*5?")
    expect(chat.send_button).to_be_disabled()
    chat.message.press("Enter")
    expect(chat.runs).to_have_count(0)
    page.context.set_offline(False)
    chat.connected()
    expect(chat.message).to_have_value("What is 5*5?")
    chat.message.press("Enter")
    ended(chat.runs.last)


def test_a_second_page_of_the_session_follows_the_same_answer(
    visits: Visits, api: Any, held: Held
) -> None:
    slug, go_on = held
    page = visits.signed_in()
    chat = Chat.new(page, slug)
    chat.say("Say on")
    _writing(chat)
    other = Chat(page.context.new_page())
    other.page.goto(page.url)
    _writing(other)
    _to_the_end(go_on)
    for one in (chat, other):
        ended(one.runs.last)
        assert answer(one.runs.last) == _whole(api, chat)
