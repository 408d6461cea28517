"""Looking things up: a small corpus of web pages and news, the house's archive, yearly figures."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import Field

from agents.showcase.corpus import search
from agents.showcase.sources import NOTE, source
from agents.tools.errors import ToolError
from agents.tools.registry import tool
from agents.tools.spec import Arguments, Effect, ToolContext
from tenants.accounts.scopes import Scope

TOOLKIT = "library"

Query = Annotated[str, Field(min_length=2, max_length=1_000, description="What to look for")]


class Search(Arguments):
    query: Query
    limit: Annotated[int, Field(ge=1, le=10, description="At most so many results")] = 3
    news_only: Annotated[bool, Field(description="Leave out everything but news")] = False


class Lookup(Arguments):
    query: Query


class ArticleChoice(Arguments):
    article_id: Annotated[
        str, Field(min_length=1, max_length=60, description="The id that a search gave")
    ]


@tool(effect=Effect.READ, scope=Scope.DESK_READ, toolkit=TOOLKIT, untrusted=True)
async def search_web(context: ToolContext, args: Search) -> dict[str, Any]:
    """Search web pages and news: titles, outlets, dates and what the pages say."""
    kinds = ("news",) if args.news_only else ()
    return {
        "results": [_shown(entry) for entry in search("articles", args.query, args.limit, kinds)],
        "source": NOTE,
    }


@tool(effect=Effect.READ, scope=Scope.DESK_READ, toolkit=TOOLKIT, untrusted=True)
async def read_article(context: ToolContext, args: ArticleChoice) -> dict[str, Any]:
    """Read a whole article that a search found, by its id."""
    for entry in source("articles")["entries"]:
        if entry["id"] == args.article_id:
            return {**_shown(entry), "source": NOTE}
    raise ToolError(f"there is no article {args.article_id!r}; search_web gives the ids")


@tool(effect=Effect.READ, scope=Scope.DESK_READ, toolkit=TOOLKIT)
async def search_archive(context: ToolContext, args: Lookup) -> dict[str, Any]:
    """Search what this house has published before: what readers know, and in which form."""
    found = search("archive", args.query, 2)
    return {
        "results": [
            {"id": one["id"], "title": one["title"], "date": one["date"], "text": _text(one)}
            for one in found
        ],
        "source": NOTE,
    }


@tool(effect=Effect.READ, scope=Scope.DESK_READ, toolkit=TOOLKIT)
async def find_figures(context: ToolContext, args: Lookup) -> dict[str, Any]:
    """Find yearly figures about a subject, with the change of the last year and the yearly mean."""
    return {
        "results": [_series(one) for one in search("figures", args.query, 2)],
        "source": NOTE,
    }


def _shown(entry: dict[str, Any]) -> dict[str, Any]:
    return {
        "id": entry["id"],
        "title": entry["title"],
        "outlet": entry["outlet"],
        "date": entry["date"],
        "text": _text(entry),
    }


def _text(entry: dict[str, Any]) -> str:
    return str(entry["text"]).strip()


def _series(one: dict[str, Any]) -> dict[str, Any]:
    years, values = one["years"], one["values"]
    last = round((values[-1] / values[-2] - 1) * 100, 1)
    yearly = round(((values[-1] / values[0]) ** (1 / (len(values) - 1)) - 1) * 100, 1)
    listed = ", ".join(f"{year}: {value:g}" for year, value in zip(years, values, strict=True))
    return {
        "id": one["id"],
        "title": one["title"],
        "text": (
            f"{one['title']} ({one['unit']}): {listed}. That is {last:+g}% in the last year, and "
            f"{yearly:+g}% a year since {years[0]}."
        ),
        "unit": one["unit"],
        "last_year_percent": last,
        "yearly_percent": yearly,
    }
