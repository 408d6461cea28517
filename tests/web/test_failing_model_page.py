"""A model that can't be reached: the page says so, and lets one try again."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, expect

from tests.support.ports import free_port
from tests.support.server import Server
from tests.web.browsing import Chat, Visits, ended

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def failing_server(server: Server) -> Iterator[Server]:
    """Configured with a model at a port where nobody listens."""
    env = {
        "TEST_MODEL_BASE_URL": f"http://127.0.0.1:{free_port()}/v1",
        "TEST_MODEL_NAME": "unreachable",
        "TEST_MODEL_API_KEY": "none",
        "RETRY_BASE_SECONDS": "0.05",
    }
    with Server.started(env) as failing:
        yield failing


@pytest.fixture
def visits(browser: Browser, failing_server: Server) -> Iterator[Visits]:
    made = Visits(browser, failing_server)
    yield made
    made.end()


def test_a_failed_run_says_why_and_can_be_tried_again(visits: Visits) -> None:
    page = visits.sign_in()
    expect(page.get_by_text("Offline demo model")).to_have_count(0)
    chat = Chat.new(page)
    expect(page.get_by_text("Offline demo model")).to_have_count(0)
    run = chat.say("What is 7*6?")
    ended(run, "failed")
    notice = run.locator(".notice")
    expect(notice).to_contain_text(re.compile(r"Trace id [0-9a-f]{32}"))
    said = notice.inner_text()
    assert "Traceback" not in said and len(said.splitlines()[0]) > 10
    notice.get_by_role("button", name="Try again").click()
    expect(chat.runs).to_have_count(2)
    expect(chat.runs.last).to_contain_text("What is 7*6?")
    ended(chat.runs.last, "failed")
    page.reload()
    assert chat.runs.first.locator(".notice").inner_text() == said
