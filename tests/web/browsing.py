"""A browser signed in to a tenant, and what a test does on the chat page."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Browser, BrowserContext, Locator, Page, expect, sync_playwright

from tests.support.client import PASSWORD

# Of what a page is expected to show; pages are slow where the machine is busy.
expect.set_options(timeout=30_000)

_FOUND = ("chromium", "chromium-browser", "google-chrome")
_FLAGS = [
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
PHONE = {
    "viewport": {"width": 390, "height": 844},
    "is_mobile": True,
    "has_touch": True,
    "device_scale_factor": 2,
}


def browser_path() -> str | None:
    named = os.environ.get("CHROMIUM")
    return named or next(filter(None, map(shutil.which, _FOUND)), None)


@contextmanager
def running_browser() -> Iterator[Browser]:
    """Chromium for as long as the block lasts; skips the test where there is none.

    Playwright holds this thread's event loop meanwhile: no ORM and no async test beside it.
    """
    path = browser_path()
    if path is None:
        pytest.skip("no chromium here: install Debian's, or name one in CHROMIUM")
    flags = [*_FLAGS, "--no-sandbox"] if os.geteuid() == 0 else _FLAGS
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=flags, timeout=120_000)
        yield browser
        browser.close()


class Visits:
    """Pages of one test, each in a browser profile of its own, watched for what must not happen."""

    def __init__(self, browser: Browser, server: Any) -> None:
        self.browser = browser
        self.server = server
        self.contexts: list[BrowserContext] = []
        self.complaints: list[str] = []
        self.hosts: set[str] = set()

    def visit(self, tenant: str = "acme", **options: Any) -> Page:
        """A page of a profile that isn't signed in."""
        options.setdefault("viewport", {"width": 1280, "height": 800})
        url = self.server.url(tenant)
        context = self.browser.new_context(base_url=url, **options)
        context.set_default_timeout(60_000)
        self.contexts.append(context)
        self.hosts.add(urlsplit(url).netloc)
        page = context.new_page()
        page.on("console", lambda message: self._heard(message.type, message.text))
        page.on("pageerror", lambda error: self.complaints.append(f"script: {error}"))
        page.on("request", lambda request: self._asked(request.url))
        return page

    def sign_in(self, username: str = "member", tenant: str = "acme", **options: Any) -> Page:
        page = self.visit(tenant, **options)
        page.goto("/sign-in/")
        submit_sign_in(page, username)
        expect(page.get_by_role("heading", level=1)).to_have_text("Agents")
        page.wait_for_load_state()
        return page

    def _heard(self, kind: str, text: str) -> None:
        # A 4xx that a test provokes is told of in the console too; what the page does counts.
        if kind == "error" and not text.startswith("Failed to load resource"):
            self.complaints.append(f"console: {text}")

    def _asked(self, url: str) -> None:
        host = urlsplit(url).netloc
        if urlsplit(url).scheme in ("http", "https", "ws", "wss") and host not in self.hosts:
            self.complaints.append(f"asked another host: {url}")

    def end(self) -> None:
        for context in self.contexts:
            context.close()
        assert self.complaints == [], self.complaints


def submit_sign_in(page: Page, username: str, password: str = PASSWORD) -> None:
    page.get_by_label("Name").fill(username)
    page.get_by_label("Password").fill(password)
    page.get_by_role("button", name="Sign in").click()


class Chat:
    """The chat page as its reader and writer sees it."""

    def __init__(self, page: Page) -> None:
        self.page = page
        self.message = page.get_by_role("textbox", name="Message to")
        self.send_button = page.get_by_role("button", name="Send")
        self.stop_button = page.get_by_role("button", name="Stop the answer")
        self.runs = page.locator(".run")

    @classmethod
    def new(cls, page: Page, slug: str = "assistant") -> Chat:
        page.goto(f"/chat/{slug}/")
        chat = cls(page)
        chat.connected()
        return chat

    def connected(self) -> None:
        expect(self.page.locator(".composer")).to_have_attribute("data-connection", "open")

    def say(self, text: str) -> Locator:
        """Sends `text` and gives the run that it starts."""
        before = self.runs.count()
        self.message.fill(text)
        self.message.press("Enter")
        expect(self.runs).to_have_count(before + 1)
        return self.runs.nth(before)

    def ask(self, text: str) -> Locator:
        """Like `say`, and waits for the answer."""
        run = self.say(text)
        ended(run)
        return run

    @property
    def session_id(self) -> str:
        return self.page.url.rstrip("/").rpartition("/")[2]


def ended(run: Locator, status: str = "completed") -> None:
    expect(run).to_have_attribute("data-status", status, timeout=120_000)


def answer(run: Locator) -> str:
    """The words of the answer, without those of its tools."""
    return "\n".join(run.locator(".markdown").all_inner_texts())
