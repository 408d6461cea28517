"""A browser signed in to a tenant, and what a test does on the chat page."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import urlsplit
from weakref import WeakKeyDictionary

import httpx
import pytest
from playwright.sync_api import (
    Browser,
    BrowserContext,
    Locator,
    Page,
    expect,
    sync_playwright,
)

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


# Profiles that no test has at the moment, by where they are at home and what they were made with.
_Idle = dict[tuple[str, str], list[BrowserContext]]
_idle: WeakKeyDictionary[Browser, _Idle] = WeakKeyDictionary()


class Visits:
    """Pages of one test, each in a browser profile of its own, watched for what must not happen.

    A profile is handed on, emptied, to later tests of the module: the first page of a new one costs
    the browser a second.
    """

    def __init__(self, browser: Browser, server: Any) -> None:
        self.browser = browser
        self.server = server
        self.made: list[tuple[tuple[str, str], BrowserContext]] = []
        self.complaints: list[str] = []
        self.hosts: set[str] = set()

    def visit(self, tenant: str = "acme", **options: Any) -> Page:
        """A page of a profile that isn't signed in."""
        options.setdefault("viewport", {"width": 1280, "height": 800})
        options.setdefault("reduced_motion", "reduce")
        url = self.server.url(tenant)
        kind = (url, repr(sorted(options.items())))
        idle = _idle.setdefault(self.browser, {}).get(kind)
        context = idle.pop() if idle else self.browser.new_context(base_url=url, **options)
        context.set_default_timeout(60_000)
        self.made.append((kind, context))
        self.hosts.add(urlsplit(url).netloc)
        page = context.new_page()
        page.on("console", lambda message: self._heard(message.type, message.text))
        page.on("pageerror", lambda error: self.complaints.append(f"script: {error}"))
        page.on("request", lambda request: self._asked(request.url))
        return page

    def signed_in(self, username: str = "member", tenant: str = "acme", **options: Any) -> Page:
        """A page of a profile that is signed in and has opened nothing yet."""
        page = self.visit(tenant, **options)
        page.context.add_cookies(_session(self.server, username, tenant))
        return page

    def sign_in(self, username: str = "member", tenant: str = "acme", **options: Any) -> Page:
        """The same at the first page after signing in."""
        page = self.signed_in(username, tenant, **options)
        page.goto("/")
        expect(page.get_by_role("heading", level=1)).to_have_text("Agents")
        return page

    def _heard(self, kind: str, text: str) -> None:
        # A 4xx that a test provokes is told of in the console too; what the page does counts.
        # So is a connection tried while the test has the browser offline.
        told = text.startswith("Failed to load resource") or "ERR_INTERNET_DISCONNECTED" in text
        if kind == "error" and not told:
            self.complaints.append(f"console: {text}")

    def _asked(self, url: str) -> None:
        host = urlsplit(url).netloc
        if urlsplit(url).scheme in ("http", "https", "ws", "wss") and host not in self.hosts:
            self.complaints.append(f"asked another host: {url}")

    def end(self) -> None:
        for kind, context in self.made:
            if context.pages:
                _empty(context, kind[0])
                _idle[self.browser].setdefault(kind, []).append(context)
        assert self.complaints == [], self.complaints


def _empty(context: BrowserContext, url: str) -> None:
    """No page, cookie or stored word is left. What came from the server's static files is kept."""
    page, *others = context.pages
    for other in others:
        other.close()
    page.unroute_all(behavior="ignoreErrors")
    context.set_offline(False)
    page.goto("about:blank")
    devtools = context.new_cdp_session(page)
    devtools.send("Storage.clearDataForOrigin", {"origin": url, "storageTypes": "all"})
    context.clear_cookies()
    page.close()


def _session(server: Any, username: str, tenant: str) -> list[Any]:
    """A session of its own, signed in to without a browser: pages of forms cost them a second."""
    url = server.url(tenant)
    where = {"Host": urlsplit(url).netloc}
    base_url = f"http://127.0.0.1:{server.port}"
    form_at = "/admin/login/?next=/admin/" if tenant == "platform" else "/sign-in/"
    with httpx.Client(base_url=base_url, headers=where, timeout=60) as http:
        http.get(form_at).raise_for_status()
        form = {"username": username, "password": PASSWORD}
        form["csrfmiddlewaretoken"] = http.cookies["csrftoken"]
        assert http.post(form_at, data=form).status_code == 302
        return [{"name": name, "value": value, "url": url} for name, value in http.cookies.items()]


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
