"""Publishes the shapes as workflows, and a broadcast of four members, in the demo's tenant acme.

DJANGO_SETTINGS_MODULE=benchmarks.graphs.settings python benchmarks/graphs/install.py
"""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent.parent))

from benchmarks.graphs.shapes import PATH, SHAPES, graph

MEMBERS = ("first", "second", "third", "fourth")


def main() -> None:
    import django

    django.setup()
    from django.contrib.auth.models import Group

    from tenants.context import use_shared, use_tenant
    from tenants.models import Tenant

    with use_shared():
        acme = Tenant.objects.get(schema_name="acme").ref
    with use_tenant(acme):
        from agents.models import Agent, Team, TeamMember
        from agents.services.publish_agent import publish_agent
        from agents.services.publish_team import publish_team
        from agents.services.publish_workflow import publish_workflow
        from agents.workflows.models import Workflow

        everybody = Group.objects.all()
        for shape in (PATH, *SHAPES):
            slug = f"bench-{shape.name}"
            flow = Workflow.objects.create(name=shape.name, slug=slug, graph=graph(shape))
            flow.run_roles.set(everybody)
            publish_workflow(None, flow.pk)
        team = Team.objects.create(name="Four", slug="bench-four", mode="broadcast")
        team.run_roles.set(everybody)
        for position, slug in enumerate(MEMBERS):
            agent = Agent.objects.create(name=slug, slug=slug, instructions="Answer shortly.")
            agent.run_roles.set(everybody)
            publish_agent(None, agent.pk)
            TeamMember.objects.create(team=team, position=position, agent=agent)
        publish_team(None, team.pk)


if __name__ == "__main__":
    main()
