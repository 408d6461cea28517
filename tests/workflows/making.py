"""Workflows of a test's own, published in the demo's tenants, and their runs over HTTP."""

from __future__ import annotations

from typing import Any

from tenants.context import use_tenant
from tests.support.client import Api
from tests.support.waiting import until
from tests.teams.making import Crew, ended, flat, steps, tree

__all__ = ["Flows", "by_node", "ended", "flat", "run_flow", "steps", "tree"]


class Flows(Crew):
    """Workflows, and the agents and teams in them, whose slugs end in `mark`."""

    def flow(self, name: str, *nodes: dict[str, Any], **fields: Any) -> str:
        """A published workflow of these nodes; its slug. `fields` are the graph's and the row's."""
        row = {key: fields.pop(key) for key in ("description",) if key in fields}
        roles = fields.pop("run_roles", ())
        slug = f"{name}-{self.mark}"
        with use_tenant(self.ref):
            from django.contrib.auth.models import Group

            from agents.services.publish_workflow import publish_workflow
            from agents.workflows.models import Workflow

            made, _ = Workflow.objects.get_or_create(
                slug=slug, defaults={"name": name, "graph": {}}
            )
            made.graph = {"nodes": list(nodes), **fields}
            for key, value in row.items():
                setattr(made, key, value)
            made.save()
            made.run_roles.set(Group.objects.filter(name__in=roles))
            publish_workflow(None, made.pk)
        return slug


def run_flow(client: Api, slug: str, input: Any, **fields: Any) -> dict[str, Any]:
    """The run as it is answered: ended, or paused."""
    answer = client.post(f"/workflows/{slug}/runs", json={"input": input, **fields})
    assert answer.status_code == 200, answer.text
    return dict(answer.json())


def by_node(client: Api, run_id: str) -> dict[str, dict[str, Any]]:
    """The steps of a run's nodes by their keys."""
    return {one["key"]: one for one in steps(client, run_id) if one["kind"] == "node"}


def statuses(client: Api, run_id: str) -> dict[str, str]:
    """What each node came to; "waiting" and "started" where it isn't over."""
    found = {}
    for key, step in by_node(client, run_id).items():
        found[key] = (step["output"] or {}).get("status") or step["status"]
    return found


def paused(client: Api, run_id: str) -> dict[str, Any]:
    return dict(
        until(lambda: client.get(f"/runs/{run_id}").json(), lambda run: run["status"] == "paused")
    )
