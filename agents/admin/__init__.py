"""The operators' console: two admin sites, a tenant's own and the platform's.

Importing it, as Django's autodiscovery does, registers the classes and the check of their scopes.
"""

from agents.admin import (
    agents,
    approvals,
    audit,
    checks,
    delegations,
    desk,
    fleet,
    fleet_paused,
    grants,
    guardrails,
    invitations,
    members,
    prompt_settings,
    providers,
    queue,
    revisions,
    roles,
    runs,
    service_accounts,
    sessions,
    usage,
)
from agents.admin import tenants as tenants_pages

__all__ = [
    "agents",
    "approvals",
    "audit",
    "checks",
    "delegations",
    "desk",
    "fleet",
    "fleet_paused",
    "grants",
    "guardrails",
    "invitations",
    "members",
    "prompt_settings",
    "providers",
    "queue",
    "revisions",
    "roles",
    "runs",
    "service_accounts",
    "sessions",
    "tenants_pages",
    "usage",
]
