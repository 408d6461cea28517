"""The page that publishes an agent: what would change, a note, one button."""

from __future__ import annotations

from typing import Any

from django.core.exceptions import ValidationError
from django.http import HttpRequest, HttpResponse
from pydantic import ValidationError as SpecError

from agents.admin.pages import attempt, change_url, console_page, log_change, to
from agents.models import Agent
from agents.providers.services import check_model
from agents.services.differences import Difference, differences
from agents.services.publish_agent import draft_spec, publish_agent
from agents.specs import AgentSpec
from config.errors import Invalid


class PublishingPages:
    """For the agents' admin class; rights are asked by the action that calls it."""

    def publish_page(self, request: HttpRequest, agent: Agent) -> HttpResponse:
        if request.method == "POST" and attempt(request, lambda: self._publish(request, agent)):
            return to(change_url(agent))
        changes, problems = _compare(agent)
        context: dict[str, Any] = {
            "title": f"Publish {agent.name}",
            "original": agent,
            "agent": agent,
            "changes": changes,
            "problems": problems,
            "next_number": agent.published.number + 1 if agent.published else 1,
            "note": request.POST.get("note", ""),
        }
        return console_page(self, request, "admin/console/publish.html", context)  # type: ignore[arg-type]

    def _publish(self, request: HttpRequest, agent: Agent) -> str:
        note = " ".join(request.POST.get("note", "").split())
        revision, new = publish_agent(request.user, agent.pk, note)  # type: ignore[arg-type]
        if not new:
            return f"{agent.name} is published as r{revision.number} already: nothing has changed."
        log_change(request, agent, f"Published r{revision.number}. {note}".strip())
        return f"{agent.name} r{revision.number} is published: new runs use it from now on."


def _compare(agent: Agent) -> tuple[list[Difference], list[str]]:
    """What differs from the published spec, and why the draft can't be published, if it can't."""
    before = AgentSpec.model_validate(agent.published.spec) if agent.published else None
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
