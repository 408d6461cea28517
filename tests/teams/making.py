"""Teams of a test's own, of agents of its own, in the demo's tenants."""

from __future__ import annotations

import secrets
from dataclasses import dataclass, field
from typing import Any

from tenants.context import use_shared, use_tenant
from tests.support.client import Api
from tests.support.waiting import until

NOTES = "Keeps notes: creates and lists them."
SUMS = "Calculates: arithmetic, sums and products."


@dataclass(eq=False)
class Crew:
    """Agents and teams of one tenant whose slugs end in `mark`, so that they are nobody else's."""

    tenant: str
    mark: str = field(default_factory=lambda: secrets.token_hex(4))

    @property
    def ref(self) -> Any:
        from tenants.models import Tenant

        with use_shared():
            return Tenant.objects.get(schema_name=self.tenant).ref

    def agent(
        self,
        name: str,
        description: str,
        *tools: str,
        grants: dict[str, dict[str, Any]] | None = None,
        published: bool = True,
        roles: tuple[str, ...] = (),
        **fields: Any,
    ) -> str:
        """A published agent; its slug. `grants`: by tool, the fields of its grant."""
        with use_tenant(self.ref):
            from django.contrib.auth.models import Group

            from agents.models import Agent
            from agents.services.publish_agent import publish_agent
            from approvals.models import Grant

            slug = f"{name}-{self.mark}"
            made = Agent.objects.create(
                name=name, slug=slug, description=description, tools=list(tools), **fields
            )
            made.run_roles.set(Group.objects.filter(name__in=roles))
            for tool, given in (grants or {}).items():
                Grant.objects.create(agent=made, tool=tool, **given)
            if published:
                publish_agent(None, made.pk)
        return slug

    def team(
        self, name: str, mode: str, *members: str, roles: tuple[str, ...] = (), **fields: Any
    ) -> str:
        """A published team of these agents and teams, by their slugs; its slug.

        `contracts`: by slug, more fields of a member's place in it.
        """
        slug = self.draft(name, mode, *members, **fields)
        with use_tenant(self.ref):
            from django.contrib.auth.models import Group

            from agents.models import Team
            from agents.services.publish_team import publish_team

            made = Team.objects.get(slug=slug)
            made.run_roles.set(Group.objects.filter(name__in=roles))
            publish_team(None, made.pk)
        return slug

    def draft(
        self,
        name: str,
        mode: str,
        *members: str,
        contracts: dict[str, dict[str, Any]] | None = None,
        **fields: Any,
    ) -> str:
        with use_tenant(self.ref):
            from agents.models import Agent, Team, TeamMember

            slug = f"{name}-{self.mark}"
            made = Team.objects.create(name=name, slug=slug, mode=mode, **fields)
            for position, member in enumerate(members):
                agent = Agent.objects.filter(slug=member).first()
                nested = None if agent else Team.objects.get(slug=member)
                TeamMember.objects.create(
                    team=made,
                    position=position,
                    agent=agent,
                    nested=nested,
                    **(contracts or {}).get(member, {}),
                )
        return slug

    def notes(self) -> list[str]:
        """The texts of the notes that hold this crew's mark."""
        with use_tenant(self.ref):
            from agents.models import Note

            found = Note.objects.filter(text__contains=self.mark).order_by("id")
            return list(found.values_list("text", flat=True))


def run_team(client: Api, slug: str, input: str, **fields: Any) -> dict[str, Any]:
    """The run as it is answered: ended, or paused."""
    answer = client.post(f"/teams/{slug}/runs", json={"input": input, **fields})
    assert answer.status_code == 200, answer.text
    return dict(answer.json())


def tree(client: Api, run_id: str) -> dict[str, Any]:
    answer = client.get(f"/runs/{run_id}/tree")
    assert answer.status_code == 200, answer.text
    return dict(answer.json())


def flat(run: dict[str, Any]) -> list[dict[str, Any]]:
    """A tree's runs, the root first."""
    return [run, *(below for child in run["children"] for below in flat(child))]


def ended(client: Api, run_id: str, seconds: float = 40) -> dict[str, Any]:
    return dict(
        until(
            lambda: client.get(f"/runs/{run_id}").json(),
            lambda run: run["finished_at"],
            seconds=seconds,
        )
    )


def steps(client: Api, run_id: str) -> list[dict[str, Any]]:
    return list(client.get(f"/runs/{run_id}/steps").json()["items"])
