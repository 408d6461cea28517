"""Installs the agents `plain` and `tool` into the demo's tenant acme, published as usual.

With --guarded instead `guarded`: as `plain`, with the usual guardrails.

DJANGO_SETTINGS_MODULE=config.settings.local python benchmarks/bench_agents.py
"""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

GUARDRAILS = ("pii", "secrets", "injection")
INSTRUCTIONS = "You are a helpful assistant. Keep answers short and say what you did."


def main() -> None:
    import django

    django.setup()
    from django.contrib.auth.models import Group

    from agents.models import Agent
    from agents.services.publish_agent import publish_agent
    from tenants.context import use_shared, use_tenant
    from tenants.models import Tenant

    with use_shared():
        acme = Tenant.objects.get(schema_name="acme").ref
    with use_tenant(acme):
        guarded = "--guarded" in sys.argv
        wanted = (("guarded", []),) if guarded else (("plain", []), ("tool", ["calculator"]))
        for slug, tools in wanted:
            if Agent.objects.filter(slug=slug).exists():
                continue
            agent = Agent.objects.create(
                name=slug.capitalize(),
                slug=slug,
                instructions=INSTRUCTIONS,
                tools=tools,
                history_runs=10,
                max_tokens=10_000_000,
                guardrails=[{"kind": kind} for kind in GUARDRAILS] if guarded else [],
            )
            agent.run_roles.set(Group.objects.all())
            publish_agent(None, agent.pk, note="For the benchmark")


if __name__ == "__main__":
    main()
