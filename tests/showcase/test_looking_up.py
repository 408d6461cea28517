"""Tools that read: they find what is asked for, work out the rest, and name the source."""

from __future__ import annotations

import itertools
from typing import Any

import pytest

from agents.showcase import prices
from agents.showcase.corpus import search
from agents.showcase.sources import NOTE, source
from agents.tools.errors import ToolError

pytestmark = pytest.mark.django_db


def test_a_search_finds_what_has_to_do_with_it_best_first() -> None:
    found = [one["id"] for one in search("articles", "heat pumps in old houses", 5)]
    assert found[0] == "heat-pump-old-houses" and "four-day-week" not in found
    assert [one["id"] for one in search("articles", "the EU AI Act", 1)] == ["ai-act-timeline"]
    assert search("articles", "what is new", 5) == []
    assert search("articles", "Zanzibar", 5) == []
    news = search("articles", "AI regulation", 5, ("news",))
    assert news and {one["kind"] for one in news} == {"news"}


def test_what_a_search_gives_can_be_read_whole(call: Any) -> None:
    found = call("search_web", query="grid batteries", limit=2)
    assert found["source"] == NOTE and found["results"][0]["id"] == "battery-storage"
    whole = call("read_article", article_id="battery-storage")
    assert whole["text"].startswith("The price of a finished grid battery")
    with pytest.raises(ToolError, match="no article 'nothing'"):
        call("read_article", article_id="nothing")


def test_figures_come_with_their_change(call: Any) -> None:
    [one] = call("find_figures", query="electric buses in cities")["results"]
    assert (one["last_year_percent"], one["yearly_percent"]) == (19.1, 32.8)
    assert "2025: 56" in one["text"]


def test_price_figures_are_worked_out() -> None:
    rising = [100.0, 110.0, 121.0]
    assert prices.change_percent(rising, 1) == 10.0
    assert prices.change_percent(rising, 99) == 21.0
    assert prices.mean_of_last(rising, 2) == 115.5
    assert prices.strength_index(rising) == 100.0
    assert prices.volatility_percent(rising) == 0.0
    assert prices.worst_fall_percent([100.0, 80.0, 120.0, 90.0]) == -25.0
    index = [100.0, 101.0, 99.0, 102.0]
    twice = [50.0]
    for before, after in itertools.pairwise(index):
        twice.append(twice[-1] * (1 + 2 * (after / before - 1)))
    assert prices.beta(twice, index) == 2.0
    assert prices.strength_index([1.0, 2.0, 1.0]) == 50.0


@pytest.mark.parametrize("tool", ["get_quote", "get_financials", "get_indicators"])
def test_a_company_goes_by_its_symbol_or_name(call: Any, tool: str) -> None:
    for company in source("market")["companies"]:
        by_symbol = call(tool, symbol=company["symbol"].lower())
        assert by_symbol == call(tool, symbol=company["name"])
        assert by_symbol["company"] == company["name"] and by_symbol["source"] == NOTE
    with pytest.raises(ToolError, match=r"no company 'XYZ'; it has HELI \(Helion Grid\)"):
        call(tool, symbol="XYZ")


def test_a_loss_has_no_price_to_earnings(call: Any) -> None:
    assert call("get_financials", symbol="QLNR")["price_to_earnings"] == "no profit"
    assert call("get_risk_figures", symbol="QLNR")["class"] == "high"


def test_a_draft_is_checked_by_the_rules_that_can_be_counted(call: Any) -> None:
    body = "It does what it says. " * 20
    good = f"# A title\n\n{body}\n\n**Sources**\n\n- Demo Courier"
    assert call("check_draft", draft=good) == {"approved": True, "notes": [], "words": 107}
    for draft, note in (
        ("# A title\n\nShort.\n\nSources: none", "too short"),
        (good + body * 10, "too long"),
        (good.replace("# ", ""), "title"),
        (good.replace("**Sources**", ""), "Sources"),
        (good.replace("It does", "It is revolutionary and does"), "empty praise: revolutionary"),
    ):
        checked = call("check_draft", draft=draft)
        assert not checked["approved"]
        assert any(note in one for one in checked["notes"]), checked
