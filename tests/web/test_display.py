"""The pages on a phone, in the dark, and without a mouse."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Page, expect

from tests.web.browsing import PHONE, Chat, Visits, ended, submit_sign_in

pytestmark = pytest.mark.browser


def _fits(page: Page) -> None:
    """Nothing is wider than the window."""
    wide = page.evaluate("document.documentElement.scrollWidth - window.innerWidth")
    assert wide <= 0, page.url


def _small_targets(page: Page) -> list[str]:
    """Visible buttons and the like that are lower or narrower than 40 pixels."""
    return list(
        page.evaluate(
            """() => [...document.querySelectorAll(
                "button, summary, .button, .nav a, .me, input, select")]
                .filter((one) => one.checkVisibility({ visibilityProperty: true }))
                .filter((one) => one.type !== "hidden")
                .filter((one) => one.offsetHeight < 40 || one.offsetWidth < 40)
                .map((one) => one.outerHTML.slice(0, 120))"""
        )
    )


@pytest.mark.parametrize("width", [320, 390])
def test_every_page_fits_a_phone(visits: Visits, width: int) -> None:
    page = visits.signed_in(**{**PHONE, "viewport": {"width": width, "height": 740}})
    chat = Chat.new(page)
    chat.ask("Remember: " + "unbreakable" * 12)
    chat.runs.last.locator(".tool summary").click()
    _fits(page)
    assert _small_targets(page) == []
    for path in ("/", "/sessions/", "/account/", "/nowhere/"):
        page.goto(path)
        _fits(page)
        assert _small_targets(page) == []


def test_the_sidebar_is_a_drawer_on_a_phone(visits: Visits) -> None:
    page = visits.sign_in(**PHONE)
    sidebar = page.locator("#sidebar")
    expect(sidebar).to_be_hidden()
    page.get_by_role("button", name="Open the menu").click()
    expect(sidebar).to_be_visible()
    expect(page.get_by_role("button", name="Close the menu")).to_be_focused()
    page.keyboard.press("Escape")
    expect(sidebar).to_be_hidden()
    expect(page.get_by_role("button", name="Open the menu")).to_be_focused()
    page.get_by_role("button", name="Open the menu").click()
    sidebar.get_by_role("link", name="Conversations").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Conversations")


def test_the_composer_stays_in_sight_on_a_phone(visits: Visits) -> None:
    page = visits.signed_in(**PHONE)
    chat = Chat.new(page)
    for _ in range(3):
        chat.ask("Hello there")
    expect(chat.message).to_be_in_viewport()
    expect(chat.runs.last.locator("footer")).to_be_in_viewport()


def _ground(page: Page) -> str:
    return str(page.evaluate("getComputedStyle(document.body).backgroundColor"))


def test_the_theme_follows_the_system_until_one_is_chosen(visits: Visits) -> None:
    page = visits.sign_in(color_scheme="dark")
    dark = _ground(page)
    page.emulate_media(color_scheme="light")
    light = _ground(page)
    assert dark != light
    toggle = page.get_by_role("button", name="Theme:")
    expect(toggle).to_have_accessible_name(re.compile("Theme: system"))
    toggle.click()
    expect(toggle).to_have_accessible_name(re.compile("Theme: light"))
    toggle.click()
    expect(toggle).to_have_accessible_name(re.compile("Theme: dark"))
    assert _ground(page) == dark
    page.goto("/sessions/")
    assert _ground(page) == dark
    toggle.click()
    assert _ground(page) == light


def test_text_is_readable_in_both_themes(visits: Visits) -> None:
    """WCAG AA: 4.5 to 1 for text, measured on what is drawn."""
    for scheme in ("light", "dark"):
        page = visits.signed_in(color_scheme=scheme)
        chat = Chat.new(page)
        chat.ask("What is 4*4?")
        for path in (page.url, "/", "/sessions/", "/account/"):
            page.goto(path)
            faint = page.evaluate(_CONTRAST)
            assert faint == [], (scheme, path)


def test_everything_is_done_by_keyboard(visits: Visits) -> None:
    page = visits.visit()
    page.goto("/")
    expect(page.get_by_label("Name")).to_be_focused()
    page.keyboard.type("member")
    page.keyboard.press("Tab")
    page.keyboard.type("demo-demo")
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", level=1)).to_have_text("Agents")
    page.keyboard.press("Tab")
    expect(page.get_by_role("link", name="Skip to content")).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.locator("#main")).to_be_focused()
    links = page.locator(".card-link")
    inbox = page.locator("#main .inbox-link")  # stands before them where something waits
    page.keyboard.press("Tab")
    if inbox.is_visible() and inbox.evaluate("(one) => one === document.activeElement"):
        page.keyboard.press("Tab")
    expect(links.first).to_be_focused()
    expect(page.locator(".card:focus-within")).to_have_css("outline-style", "solid")
    assistant = page.get_by_role("link", name="Assistant", exact=True)
    for _ in range(links.count()):
        if assistant.evaluate("(one) => one === document.activeElement"):
            break
        page.keyboard.press("Tab")
    expect(assistant).to_be_focused()
    page.keyboard.press("Enter")
    chat = Chat(page)
    chat.connected()
    expect(chat.message).to_be_focused()
    page.keyboard.type("What is")
    page.keyboard.press("Shift+Enter")
    page.keyboard.type("8*8?")
    expect(chat.message).to_have_value("What is\n8*8?")
    page.keyboard.press("Enter")
    ended(chat.runs.last)
    expect(chat.message).to_be_focused()
    page.keyboard.press("Shift+Tab")  # the copy button of the answer
    page.keyboard.press("Shift+Tab")  # the tool call
    expect(page.locator(".tool summary")).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.get_by_label("Result")).to_have_text("64")
    page.keyboard.press("Space")
    expect(page.get_by_label("Result")).to_be_hidden()


def test_without_motion_nothing_moves(visits: Visits) -> None:
    page = visits.visit(reduced_motion="reduce")
    page.goto("/sign-in/")
    submit_sign_in(page, "member")
    Chat.new(page)
    moving = page.evaluate(
        "document.getAnimations().filter((one) => one.effect.getTiming().duration > 1).length"
    )
    assert moving == 0


_CONTRAST = """() => {
    const canvas = document.createElement("canvas").getContext("2d", { willReadFrequently: true });
    const rgba = (color) => {
        canvas.clearRect(0, 0, 1, 1);
        canvas.fillStyle = color;
        canvas.fillRect(0, 0, 1, 1);
        return [...canvas.getImageData(0, 0, 1, 1).data];
    };
    const light = ([r, g, b]) => {
        const [x, y, z] = [r, g, b].map((c) => {
            c /= 255;
            return c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4;
        });
        return 0.2126 * x + 0.7152 * y + 0.0722 * z;
    };
    const ground = (element) => {
        for (let one = element; one; one = one.parentElement) {
            const color = rgba(getComputedStyle(one).backgroundColor);
            if (color[3] === 255) return color;
        }
        return [255, 255, 255, 255];
    };
    const faint = [];
    for (const element of document.querySelectorAll("body *")) {
        const own = [...element.childNodes].some((n) => n.nodeType === 3 && n.data.trim());
        const seen = { opacityProperty: true, visibilityProperty: true };
        if (!own || !element.checkVisibility(seen)) continue;
        if (element.closest(".visually-hidden, .skip, :disabled")) continue;
        const a = light(rgba(getComputedStyle(element).color));
        const b = light(ground(element));
        const ratio = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
        if (ratio < 4.5) faint.push([element.textContent.trim().slice(0, 40), ratio]);
    }
    return faint;
}"""
