"""The page on the catalogue has what ships, all of it, as it ships."""

from __future__ import annotations

import re
from typing import Any

from agents.catalog.files import read, slugs
from agents.showcase.sources import source
from tests.docs.reading import ROOT, prose, table_codes

PAGE = "docs/catalogue.md"


def of_kind(kind: str) -> dict[str, Any]:
    return {slug: spec for slug in slugs() if (spec := read(slug).spec).kind == kind}


def test_every_team_is_there_with_its_mode_and_members() -> None:
    rows = table_codes(PAGE, "## The same members under four modes\n")
    shown = {row[0][0]: (row[1][0], tuple(row[2])) for row in rows}
    assert shown == {
        slug: (spec.mode, tuple(member.slug for member in spec.members))
        for slug, spec in of_kind("team").items()
    }


def test_every_workflow_is_there_with_its_input() -> None:
    rows = table_codes(PAGE, "## Workflows\n")
    shown = {row[0][0]: set(row[2]) for row in rows}
    assert shown == {
        slug: set(spec.input["properties"]) for slug, spec in of_kind("workflow").items()
    }


def test_every_agent_is_in_a_table_or_part_of_something() -> None:
    by_themselves = {row[0][0] for row in table_codes(PAGE, "has more of them.\n")}
    parts = {need for slug in slugs() for need in read(slug).needs}
    assert by_themselves | (parts & of_kind("agent").keys()) == of_kind("agent").keys()


def test_the_companies_and_the_budget_are_those_that_ship() -> None:
    text = prose(ROOT / PAGE)
    companies = text.partition("The companies are ")[2].partition(".")[0]
    assert re.findall(r"`([A-Z]+)`", companies) == [
        one["symbol"] for one in source("market")["companies"]
    ]
    deadline = of_kind("workflow")["emergency-dispatch"].limits.deadline_ms
    assert f"`deadline_ms: {deadline}`" in text
