"""The grants of the current tenant, as each process remembers them, and the ruling on a call."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django.conf import settings
from django.db.models.signals import post_delete, post_save

from approvals.conditions import Facts, read
from approvals.models import Grant
from approvals.policy import (
    EVERY_AGENT,
    Rule,
    Rules,
    Ruling,
    least_timeout,
    rule,
    rule_of,
    strictest,
    team_key,
)
from approvals.tiers import ADMIN, RANK
from tenants import notices
from tenants.accounts.principal import Principal
from tenants.context import current_tenant, use_shared
from tenants.kept_of_tenant import KeptOfTenant


@dataclass(frozen=True, slots=True)
class Granted:
    """Every grant of one tenant, and what its expressions ask about the tenant."""

    rules: Rules
    domains: tuple[str, ...] = ()


async def ruling_for(
    agent_slug: str,
    tool_name: str,
    declared_tier: str,
    effect: str,
    arguments: Mapping[str, Any],
    member: Principal,
    tainted: bool,
    teams: Sequence[str] = (),
) -> Ruling:
    """What holds for this call in the current tenant, with the rights and roles of `member`.

    `teams`: the slugs of those that the agent works in just now. What they have grants for, these
    and the agent's both allow: the stricter of them rules.

    `arguments` are those the tool would get, in JSON: parsed, with their defaults, so that a number
    is a number whatever the model wrote. Memory only, unless a grant has changed since.
    """
    found = await granted()
    facts = Facts(
        args=arguments,
        username=member.username,
        email_domain=member.email_domain,
        roles=member.roles,
        tenant=current_tenant().schema,
        domains=found.domains,
        tainted=tainted,
        component=agent_slug,
    )
    holders = [team_key(slug) for slug in teams if (team_key(slug), tool_name) in found.rules]
    return strictest(
        [
            rule(
                found.rules,
                holder,
                tool_name,
                declared_tier,
                effect,
                facts,
                expires_minutes=settings.APPROVAL_EXPIRES_MINUTES,
            )
            for holder in (agent_slug, *holders)
        ]
    )


async def timeout_of(agent_slug: str, tool_name: str, teams: Sequence[str] = ()) -> int | None:
    """Milliseconds that one call may take by the grants that hold for it; None: no such limit."""
    rules = (await granted()).rules
    found = [rule_of(rules, agent_slug, tool_name)]
    found += [rules.get((team_key(slug), tool_name)) for slug in teams]
    return least_timeout([one for one in found if one is not None])


async def granted() -> Granted:
    """The current tenant's grants, from memory but for the first time after a change."""
    return await _granted.get()


def read_grants() -> Granted:
    """The current tenant's grants from the database. Synchronous, two statements."""
    from tenants.models import Domain

    rows = Grant.objects.select_related("agent", "team").only(
        *(field.name for field in Grant._meta.fields), "agent__slug", "team__slug"
    )
    schema = current_tenant().schema
    with use_shared():
        hosts = Domain.objects.filter(tenant__schema_name=schema).order_by("domain")
        domains = tuple(hosts.values_list("domain", flat=True))
    return Granted({(one.agent, one.tool): one for one in map(rule_from, rows)}, domains)


def rule_from(grant: Grant) -> Rule:
    """A row as policy applies it. What a row can't mean is read as the strictest it could."""
    return Rule(
        id=grant.pk,
        agent=_holder(grant),
        tool=grant.tool,
        tier=grant.tier if grant.tier in RANK else ADMIN,
        conditions=read(grant.conditions),
        calls_per_run=grant.calls_per_run,
        calls_per_hour=grant.calls_per_hour,
        timeout_ms=grant.timeout_ms,
        decider_roles=tuple(str(role) for role in grant.decider_roles),
        quorum=grant.quorum,
        own_requests=grant.own_requests,
        expires_minutes=grant.expires_minutes,
        on_expiry=grant.on_expiry,
        escalate_to=grant.escalate_to,
        untrusted=grant.untrusted,
    )


def _holder(grant: Grant) -> str:
    if grant.team is not None:
        return team_key(grant.team.slug)
    return grant.agent.slug if grant.agent is not None else EVERY_AGENT


_granted = KeptOfTenant(
    read_grants,
    kinds=("grants",),
    everybodys=("tenant",),  # its domains are among the facts
    seconds=lambda: settings.GRANTS_CACHE_SECONDS,
)


def _changed(**kwargs: Any) -> None:
    notices.notify("grants")


def connect() -> None:
    """Any change of a grant is told to every process on commit."""
    for signal in (post_save, post_delete):
        signal.connect(_changed, sender=Grant, dispatch_uid="notice of a changed grant")
    # Rules are known by the agent's slug, which a draft may still change.
    post_save.connect(_changed, sender="agents.Agent", dispatch_uid="notice of a renamed agent")
    post_save.connect(_changed, sender="agents.Team", dispatch_uid="notice of a renamed team")
