"""The page that publishes a component: what would change, a note, one button."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, ClassVar

from django.core.exceptions import ValidationError
from django.http import HttpRequest, HttpResponse
from pydantic import ValidationError as SpecError

from agents.admin.pages import attempt, change_url, console_page, log_change, to
from agents.models import Agent, Revision, Team
from agents.providers.services import check_model
from agents.services.differences import Difference, differences
from agents.services.publish_agent import draft_spec, publish_agent
from agents.services.publish_team import check_draft, publish_team
from agents.specs import read_spec
from config.errors import Invalid

Compared = tuple[list[Difference], list[str]]
"""What differs from the published spec, and why the draft can't be published, if it can't."""


@dataclass(frozen=True, slots=True)
class Publishing:
    """How a kind of component is published, and compared with what is."""

    publish: Callable[[Any, int, str], tuple[Revision, bool]]
    compare: Callable[[Any], Compared]


class PublishingPages:
    """For the admin class of a component; rights are asked by the action that calls it."""

    publishing: ClassVar[Publishing]

    def publish_page(self, request: HttpRequest, row: Agent | Team) -> HttpResponse:
        if request.method == "POST" and attempt(request, lambda: self._publish(request, row)):
            return to(change_url(row))
        changes, problems = self.publishing.compare(row)
        context: dict[str, Any] = {
            "title": f"Publish {row.name}",
            "original": row,
            "published": row.published,
            "changes": changes,
            "problems": problems,
            "next_number": row.published.number + 1 if row.published else 1,
            "note": request.POST.get("note", ""),
            "back": change_url(row),
        }
        return console_page(self, request, "admin/console/publish.html", context)  # type: ignore[arg-type]

    def _publish(self, request: HttpRequest, row: Agent | Team) -> str:
        note = " ".join(request.POST.get("note", "").split())
        revision, new = self.publishing.publish(request.user, row.pk, note)
        if not new:
            return f"{row.name} is published as r{revision.number} already: nothing has changed."
        log_change(request, row, f"Published r{revision.number}. {note}".strip())
        return f"{row.name} r{revision.number} is published: new runs use it from now on."


def _compare_agent(agent: Agent) -> Compared:
    before = read_spec(agent.published.spec) if agent.published else None
    try:
        agent.full_clean()
        check_model(agent.model, with_tools=bool(agent.tools))
        return differences(before, draft_spec(agent)), []
    except ValidationError as error:
        return [], error.messages
    except Invalid as problem:
        return [], [problem.detail]
    except SpecError as error:
        return [], [f"{'.'.join(map(str, e['loc']))}: {e['msg']}" for e in error.errors()]


def _compare_team(team: Team) -> Compared:
    before = read_spec(team.published.spec) if team.published else None
    try:
        return differences(before, check_draft(team)), []
    except Invalid as problem:
        return [], [problem.detail]


AGENTS = Publishing(publish_agent, _compare_agent)
TEAMS = Publishing(publish_team, _compare_team)
