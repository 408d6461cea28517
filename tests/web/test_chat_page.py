"""A conversation in a browser: tools, streaming, what is kept, what a model can't do."""

from __future__ import annotations

import re
from typing import Any

import pytest
from playwright.sync_api import expect

from tests.web.browsing import Chat, Visits, answer, ended

pytestmark = pytest.mark.browser


def test_the_agents_are_cards_that_lead_to_a_conversation(visits: Visits) -> None:
    page = visits.sign_in()
    card = page.locator(".card").filter(has_text="Assistant")
    expect(card).to_contain_text("Calculator")
    expect(page.get_by_text("Offline demo model")).to_be_visible()
    card.click()
    expect(page).to_have_url(re.compile(r"/chat/assistant/$"))
    expect(page.get_by_role("heading", name="Assistant", level=2)).to_be_visible()
    expect(page.get_by_text("Offline demo model")).to_be_visible()


def test_an_answer_streams_and_its_tool_call_folds(visits: Visits) -> None:
    chat = Chat.new(visits.signed_in())
    run = chat.ask("What is 17*23?")
    assert "391" in answer(run)
    tool = run.locator(".tool")
    expect(tool).to_have_attribute("data-state", "done")
    expect(tool.locator("pre").first).to_be_hidden()
    tool.locator("summary").click()
    expect(tool.get_by_label("Arguments")).to_contain_text("17*23")
    expect(tool.get_by_label("Result")).to_have_text("391")
    tool.locator("summary").click()
    expect(tool.get_by_label("Result")).to_be_hidden()
    expect(chat.page).to_have_url(re.compile(r"/chat/assistant/[0-9a-f-]{36}/$"))
    expect(chat.page.locator("#announcer")).to_contain_text("391")


def test_a_tool_that_refuses_shows_its_error(visits: Visits) -> None:
    chat = Chat.new(visits.signed_in())
    tool = chat.ask("What is 1/0?").locator(".tool")
    expect(tool).to_have_attribute("data-state", "failed")
    tool.locator("summary").click()
    expect(tool.locator(".tool-body")).to_contain_text("division by zero")


def test_the_page_drawn_anew_is_the_page_that_streamed(visits: Visits) -> None:
    chat = Chat.new(visits.signed_in())
    chat.ask("What is 6*7?")
    chat.ask("What time is it in Tokyo?")
    chat.ask("Hello there 👋🏽")
    expect(chat.page.locator("#session-title")).to_have_text("What is 6*7?")

    texts = chat.runs.all_inner_texts()
    parts = [chat.runs.nth(index).locator(".parts").inner_html() for index in range(3)]
    chat.page.reload()
    expect(chat.page.locator(".markdown.drawn")).to_have_count(3)
    assert chat.runs.all_inner_texts() == texts
    for index, before in enumerate(parts):
        after = chat.runs.nth(index).locator(".parts").inner_html()
        assert _plain(after) == _plain(before)


def _plain(html: str) -> str:
    """Without the order of attributes, empty hidden ones and white space between elements."""
    tags = re.sub(r"<(\w+)([^>]*)>", lambda tag: f"<{tag[1]} {sorted(tag[2].split())}>", html)
    return re.sub(r"\s+", "", tags.replace('hidden=""', ""))


def test_the_next_message_goes_on_with_the_session(visits: Visits, api: Any) -> None:
    chat = Chat.new(visits.signed_in())
    chat.ask("What is 3*3?")
    first = chat.session_id
    chat.ask("What is 3*4?")
    assert chat.session_id == first
    messages = api("acme", "member").get(f"/sessions/{first}/messages").json()["items"]
    assert len(messages) == 4


def test_markup_in_a_model_s_text_is_inert(visits: Visits) -> None:
    page = visits.signed_in()
    opened: list[str] = []
    page.on("dialog", lambda dialog: (opened.append(dialog.message), dialog.dismiss()))
    chat = Chat.new(page)
    run = chat.ask(
        "Remember: <img src=x onerror=alert(1)> <script>alert(2)</script> "
        "[click](javascript:alert(3)) ![pixel](http://tracker.invalid/p.png) "
        "[fine](https://example.com/) <svg onload=alert(4)>"
    )
    shown = run.locator(".markdown").last
    for _ in range(2):
        expect(shown).to_contain_text("<img src=x onerror=alert(1)>")
        assert shown.locator("img, script, svg, iframe, [onerror], [onload], [style]").count() == 0
        assert shown.locator('a[href^="javascript" i]').count() == 0
        link = shown.get_by_role("link", name="fine")
        expect(link).to_have_attribute("rel", "noopener noreferrer nofollow")
        expect(link).to_have_attribute("target", "_blank")
        expect(shown.get_by_role("link", name="Image: pixel")).to_be_visible()
        page.reload()  # the stored text goes the same way
        shown = page.locator(".run .markdown").last
        expect(shown).to_have_class(re.compile("drawn"))
    assert opened == []
    bubble = page.locator(".bubble").first
    expect(bubble).to_contain_text("<script>alert(2)</script>")
    assert bubble.locator("*").count() == 0


def test_markdown_is_drawn_as_what_it_means(visits: Visits) -> None:
    page = visits.signed_in()
    Chat.new(page)
    text = (
        "# Title\n\n| a | b |\n|:--|--:|\n| 1 | 2 |\n\n```python\nprint('x')\n\n\ny = 1\n```\n\n"
        "3. three\n4. four\n\nfile.py and https://example.com/a_b\n\n"
        '<b onclick="x()">no</b> &amp; <style>p{}</style>'
    )
    found = page.evaluate(
        """async (text) => {
            const { render, GrowingMarkdown } = await import("/static/web/js/markdown.js");
            const whole = document.createElement("div");
            whole.append(render(text));
            const growing = document.createElement("div");
            const drawing = new GrowingMarkdown(growing);
            const frame = () => new Promise(requestAnimationFrame);
            const points = Array.from(text);
            for (let end = 1; end <= points.length; end += 7) {
                drawing.update(points.slice(0, end).join(""));
                await frame();
                await frame();
            }
            const during = growing.textContent;
            drawing.finish(text);
            return { whole: whole.innerHTML, grown: growing.innerHTML, during };
        }""",
        text,
    )
    html = found["whole"]
    assert found["grown"] == html
    assert "Title" in found["during"] and "three" in found["during"]
    assert "<h1>Title</h1>" in html
    assert '<td class="align-right">2</td>' in html
    assert '<ol start="3">' in html
    assert "print('x')\n\n\ny = 1" in html
    assert 'href="https://example.com/a_b"' in html
    assert 'href="http://file.py"' not in html
    assert "&lt;b onclick" in html and "<style" not in html


def test_pieces_are_put_at_offsets_that_count_code_points(visits: Visits) -> None:
    page = visits.sign_in()
    found = page.evaluate(
        """async () => {
            const { StepText, isBehind } = await import("/static/web/js/text.js");
            const text = new StepText();
            const went = [
                text.apply(1, 0, "a👩‍🚀b"),   // 5 code points
                text.apply(1, 5, "🙂c"),
                text.apply(1, 5, "🙂cd"),     // the same again, and more
                text.apply(1, 9, "gap"),
            ];
            const first = text.text;
            const again = text.apply(2, 0, "new");
            const behind = [
                ["3.9", "3.10"], ["3.10", "3.10"], ["3.10", "3.9"],
                ["20.0~7.345", "20.0~7.345"], ["20.0~7.350", "20.0~7.345"],
                ["20.0", "20.0~7.350"], ["20.0~7.350~9.1", "20.0~7.350~9.4"],
            ].map(([id, last]) => isBehind(id, last));
            return { went, first, again, second: text.text, behind };
        }"""
    )
    assert found["went"] == [True, True, True, False]
    assert found["first"] == "a👩‍🚀b🙂cd"
    assert found["again"] is True
    assert found["second"] == "new"
    assert found["behind"] == [True, True, False, True, False, False, True]


def test_a_problem_is_readable_and_the_text_isn_t_lost(visits: Visits, api: Any) -> None:
    page = visits.signed_in("builder")
    chat = Chat.new(page)
    chat.ask("What is 9*9?")
    api("acme", "builder").http.delete(f"/sessions/{chat.session_id}").raise_for_status()
    chat.message.fill("What is 9*8?")
    chat.message.press("Enter")
    problem = page.get_by_role("alert")
    expect(problem).to_contain_text("There is no such session of yours.")
    expect(problem).to_contain_text(re.compile(r"Trace id [0-9a-f]{32}"))
    expect(chat.message).to_have_value("What is 9*8?")
    expect(chat.message).to_be_focused()
    expect(chat.runs).to_have_count(1)
    problem.get_by_role("button", name="Dismiss").click()
    expect(problem).to_be_hidden()


def test_more_than_may_be_said_can_t_be_sent(visits: Visits) -> None:
    chat = Chat.new(visits.signed_in())
    chat.message.fill("🙂" * 95_000)
    expect(chat.page.get_by_text("95,000 of 100,000 characters")).to_be_visible()
    expect(chat.send_button).to_be_enabled()
    chat.message.fill("x" * 100_001)
    expect(chat.page.get_by_text("100,001 of 100,000 characters")).to_be_visible()
    expect(chat.send_button).to_be_disabled()
    chat.message.fill("   ")
    expect(chat.send_button).to_be_disabled()


def test_earlier_messages_come_when_asked_for(visits: Visits, api: Any) -> None:
    client = api("globex", "builder")
    first = client.run("What is 1+100?")
    for number in range(1, 22):
        client.run(f"What is {number}+200?", session_id=first["session_id"])
    page = visits.signed_in("builder", "globex")
    page.goto(f"/chat/assistant/{first['session_id']}/")
    runs = page.locator(".run")
    expect(runs).to_have_count(20)
    expect(runs.last).to_be_in_viewport()
    page.get_by_role("button", name="Show earlier messages").click()
    expect(runs).to_have_count(22)
    expect(runs.first).to_contain_text("What is 1+100?")
    expect(runs.first.locator(".markdown.drawn")).to_contain_text("101")
    expect(page.get_by_role("button", name="Show earlier messages")).to_have_count(0)


def test_a_reader_s_place_is_left_alone(visits: Visits) -> None:
    chat = Chat.new(visits.signed_in(viewport={"width": 900, "height": 420}))
    for _ in range(2):
        chat.ask("Hello there")
    expect(chat.runs.last.locator("footer")).to_be_in_viewport()
    box = chat.page.locator("#scroll")
    box.hover()
    chat.page.mouse.wheel(0, -5_000)
    latest = chat.page.get_by_role("button", name="Jump to latest")
    expect(latest).to_be_visible()
    chat.page.evaluate("document.querySelector('.markdown').append('x '.repeat(4000))")
    expect(latest).to_be_visible()
    latest.click()
    expect(latest).to_be_hidden()
    expect(chat.runs.last.locator("footer")).to_be_in_viewport()
    ended(chat.runs.last)
