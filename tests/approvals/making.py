"""An agent of the test's own whose tools ask first, in a tenant that has the demo's members."""

from __future__ import annotations

import secrets
from dataclasses import dataclass, field
from typing import Any

from tenants.context import use_shared, use_tenant
from tests.support.client import Api
from tests.support.waiting import until


@dataclass(eq=False)
class Careful:
    """`grants`: by tool, the fields of its grant."""

    tenant: str
    grants: dict[str, dict[str, Any]]
    tools: tuple[str, ...] = ("create_note", "calculator")
    slug: str = field(default_factory=lambda: f"careful-{secrets.token_hex(4)}")

    def make(self) -> Careful:
        with use_tenant(self.ref):
            from agents.models import Agent
            from agents.services.publish_agent import publish_agent
            from approvals.models import Grant

            agent = Agent.objects.create(name=self.slug, slug=self.slug, tools=list(self.tools))
            for tool, fields in self.grants.items():
                Grant.objects.create(agent=agent, tool=tool, **fields)
            publish_agent(None, agent.pk)
        return self

    @property
    def ref(self) -> Any:
        from tenants.models import Tenant

        with use_shared():
            return Tenant.objects.get(schema_name=self.tenant).ref

    def notes(self, mark: str) -> list[str]:
        with use_tenant(self.ref):
            from agents.models import Note

            found = Note.objects.filter(text__contains=mark).order_by("id")
            return list(found.values_list("text", flat=True))


def waiting(client: Api, run_id: str, number: int = 1) -> list[dict[str, Any]]:
    """The run's open approvals, as soon as there are so many, the oldest first."""

    def look() -> list[dict[str, Any]]:
        answer = client.get("/approvals", params={"run_id": run_id, "status": "waiting"})
        assert answer.status_code == 200, answer.text
        return list(reversed(answer.json()["items"]))

    return until(look, lambda items: len(items) >= number)


def ended(client: Api, run_id: str) -> dict[str, Any]:
    return dict(
        until(
            lambda: client.get(f"/runs/{run_id}").json(),
            lambda run: run["finished_at"],
        )
    )


def decide(client: Api, approval_id: str, decision: str, **fields: Any) -> Any:
    body = {"decision": decision, **fields}
    return client.post(f"/approvals/{approval_id}/decision", json=body)
