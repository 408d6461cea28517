"""Market data of a few made-up companies: price, last year's figures, indicators, risk."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import Field

from agents.showcase import prices
from agents.showcase.sources import NOTE, source
from agents.tools.errors import ToolError
from agents.tools.registry import tool
from agents.tools.spec import Arguments, Effect, ToolContext
from tenants.accounts.scopes import Scope

TOOLKIT = "market_data"
_MONTH, _QUARTER = 21, 63  # trading days


class Company(Arguments):
    symbol: Annotated[
        str,
        Field(min_length=1, max_length=60, description="Ticker symbol of the company, or its name"),
    ]


@tool(effect=Effect.READ, scope=Scope.DESK_READ, toolkit=TOOLKIT)
async def get_quote(context: ToolContext, args: Company) -> dict[str, Any]:
    """Get the price of a company's share and how it moved over a day, a month and a quarter."""
    company = _find(args.symbol)
    closes = company["closes"]
    index = source("market")["index"]
    return {
        **_named(company),
        "business": company["business"],
        "price": closes[-1],
        "currency": company["currency"],
        "day_percent": prices.change_percent(closes, 1),
        "month_percent": prices.change_percent(closes, _MONTH),
        "quarter_percent": prices.change_percent(closes, _QUARTER),
        "index": index["name"],
        "index_quarter_percent": prices.change_percent(index["closes"], _QUARTER),
        "source": NOTE,
    }


@tool(effect=Effect.READ, scope=Scope.DESK_READ, toolkit=TOOLKIT)
async def get_financials(context: ToolContext, args: Company) -> dict[str, Any]:
    """Get a company's last year: revenue, growth, margin, profit, cash flow, debt, valuation."""
    company = _find(args.symbol)
    year = company["financials"]
    earned = year["earnings_per_share"]
    return {
        **_named(company),
        "currency": f"millions of {company['currency']}",
        "year": year["year"],
        "revenue": year["revenue_m"],
        "revenue_growth_percent": _percent(year["revenue_m"], year["revenue_before_m"]),
        "operating_margin_percent": year["operating_margin"],
        "net_income": year["net_income_m"],
        "free_cash_flow": year["free_cash_flow_m"],
        "net_debt": year["net_debt_m"],
        "price_to_earnings": round(company["closes"][-1] / earned, 1)
        if earned > 0
        else "no profit",
        "dividend_yield_percent": round(year["dividend"] / company["closes"][-1] * 100, 1),
        "source": NOTE,
    }


@tool(effect=Effect.READ, scope=Scope.DESK_READ, toolkit=TOOLKIT)
async def get_indicators(context: ToolContext, args: Company) -> dict[str, Any]:
    """Get technical indicators of a share: moving averages, trend, relative strength."""
    company = _find(args.symbol)
    closes = company["closes"]
    short, long = prices.mean_of_last(closes, 20), prices.mean_of_last(closes, 60)
    strength = prices.strength_index(closes)
    return {
        **_named(company),
        "price": closes[-1],
        "average_20_days": short,
        "average_60_days": long,
        "trend": _trend(closes[-1], short, long),
        "relative_strength_14_days": strength,
        "reading": "overbought" if strength > 70 else "oversold" if strength < 30 else "neutral",
        "high_90_days": max(closes),
        "low_90_days": min(closes),
        "source": NOTE,
    }


@tool(effect=Effect.READ, scope=Scope.DESK_READ, toolkit=TOOLKIT)
async def get_risk_figures(context: ToolContext, args: Company) -> dict[str, Any]:
    """Get risk figures of a share: volatility, deepest fall, beta, debt, and known risks."""
    company = _find(args.symbol)
    closes, year = company["closes"], company["financials"]
    volatility = prices.volatility_percent(closes)
    return {
        **_named(company),
        "volatility_percent_a_year": volatility,
        "class": "high" if volatility > 35 else "medium" if volatility > 15 else "low",
        "deepest_fall_percent": prices.worst_fall_percent(closes),
        "beta": prices.beta(closes, source("market")["index"]["closes"]),
        "net_debt_to_revenue_percent": round(year["net_debt_m"] / year["revenue_m"] * 100, 1),
        "known_risks": company["known_risks"],
        "source": NOTE,
    }


def _find(text: str) -> dict[str, Any]:
    wanted = text.strip().lower()
    companies: list[dict[str, Any]] = source("market")["companies"]
    for company in companies:
        if wanted in (company["symbol"].lower(), company["name"].lower()):
            return company
    known = ", ".join(f"{one['symbol']} ({one['name']})" for one in companies)
    raise ToolError(f"the demo data has no company {text!r}; it has {known}")


def _named(company: dict[str, Any]) -> dict[str, Any]:
    return {"symbol": company["symbol"], "company": company["name"]}


def _percent(now: float, before: float) -> float:
    return round((now / before - 1) * 100, 1)


def _trend(price: float, short: float, long: float) -> str:
    if price > short > long:
        return "rising: the price is above its averages, the short one above the long one"
    if price < short < long:
        return "falling: the price is below its averages, the short one below the long one"
    return "sideways: price and averages don't agree"
