"""Pictures for the documentation, taken from a running demo server.

    make run                                        # in another terminal
    .venv/bin/python docs/make_screenshots.py 8000

Has a conversation with the demo's agent as `owner` and asks another one for what an approver signs
off, then writes docs/images/{chat,console-run,console-agents,console-approvals,console-audit}.png,
1280x800 pixels, each below 250 kB. Needs Chromium (CHROMIUM names another).
"""

from __future__ import annotations

import os
import shutil
import sys
from pathlib import Path

from playwright.sync_api import Browser, Page, expect, sync_playwright

IMAGES = Path(__file__).resolve().parent / "images"
MOST_BYTES = 250_000
FLAGS = ["--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking"]
QUESTIONS = (
    "What is 17% of 2,340?",
    "What time is it in Tokyo?",
    "Create a note saying call Ms Sato at nine, Tokyo time",
)


def take(page: Page, name: str) -> None:
    """Write one picture. Raises RuntimeError when it is too large for a repository."""
    file = IMAGES / f"{name}.png"
    page.evaluate("document.fonts.ready")
    page.mouse.move(1279, 799)  # nothing shows as pointed at
    page.screenshot(path=file, animations="disabled", caret="hide")
    size = file.stat().st_size
    if size > MOST_BYTES:
        raise RuntimeError(f"{file.name} has {size:,} bytes, at most {MOST_BYTES:,} are wanted")
    print(f"{file}  {size:,} bytes")


def sign_in(browser: Browser, base: str, username: str = "owner") -> Page:
    context = browser.new_context(
        base_url=base, viewport={"width": 1280, "height": 800}, color_scheme="light"
    )
    page = context.new_page()
    page.goto("/sign-in/?next=/chat/assistant/")
    page.get_by_label("Name").fill(username)
    page.get_by_label("Password").fill("demo-demo")
    page.get_by_role("button", name="Sign in").click()
    return page


def chat(page: Page) -> None:
    """A conversation with tools, the last one folded out, its title made by the cluster."""
    expect(page.locator(".composer")).to_have_attribute("data-connection", "open")
    for number, question in enumerate(QUESTIONS):
        message = page.get_by_role("textbox", name="Message to")
        message.fill(question)
        message.press("Enter")
        run = page.locator(".run").nth(number)
        expect(run).to_have_attribute("data-status", "completed", timeout=30_000)
    page.locator(".run").last.locator("details.tool > summary").first.click()
    first = page.locator("#recent .session-title").first
    expect(first).not_to_have_text("New conversation", timeout=30_000)
    page.get_by_role("textbox", name="Message to").focus()
    take(page, "chat")


def console(page: Page) -> None:
    page.goto("/admin/agents/run/")
    page.locator("#result_list tbody th a, #result_list tbody td a").first.click()
    expect(page.locator("ol.cx-steps > li").first).to_be_visible()
    take(page, "console-run")
    page.goto("/admin/agents/agent/")
    page.get_by_role("link", name="Assistant").first.click()
    expect(page.get_by_role("link", name="Publish…").first).to_be_visible()
    take(page, "console-agents")


def governance(member: Page, approver: Page, owner: Page) -> None:
    """A refund that waits for its sign-off, as the approver sees it; and the log of it all."""
    member.goto("/chat/approvals/")
    expect(member.locator(".composer")).to_have_attribute("data-connection", "open")
    message = member.get_by_role("textbox", name="Message to")
    message.fill("Refund order 1046 of 20 USD because it came late")
    message.press("Enter")
    run = member.locator(".run").last
    expect(run).to_have_attribute("data-status", "paused", timeout=30_000)
    approver.goto("/admin/approvals/approval/?component=approvals")
    expect(approver.get_by_role("region", name="What is asked")).to_be_visible()
    take(approver, "console-approvals")
    owner.goto("/admin/approvals/auditentry/")
    take(owner, "console-audit")


def main() -> int:
    if len(sys.argv) != 2 or not sys.argv[1].isdecimal():
        print("usage: make_screenshots.py PORT", file=sys.stderr)
        return 2
    found = os.environ.get("CHROMIUM") or shutil.which("chromium") or shutil.which("google-chrome")
    if not found:
        print("no Chromium here: name one in CHROMIUM", file=sys.stderr)
        return 1
    IMAGES.mkdir(exist_ok=True)
    flags = [*FLAGS, "--no-sandbox"] if os.geteuid() == 0 else FLAGS
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=found, args=flags)
        base = f"http://acme.localhost:{sys.argv[1]}"
        page = sign_in(browser, base)
        chat(page)
        console(page)
        governance(sign_in(browser, base, "member"), sign_in(browser, base, "approver"), page)
        browser.close()
    return 0


if __name__ == "__main__":
    sys.exit(main())
