"""The one door to a run or session for a member: whoever may not see it gets NotFound.

Synchronous ORM functions, for one hop each.
"""

from __future__ import annotations

from uuid import UUID

from django.db.models import QuerySet

from agents.models import Agent, Run, Session
from config.errors import NotFound
from tenants.accounts.principal import Principal
from tenants.accounts.scopes import Scope


def visible_runs(principal: Principal) -> QuerySet[Run]:
    """The member's own runs, or all of the tenant's with runs:read_all."""
    # Of the revision only its number is shown; the spec would be read for every row of a list.
    runs = Run.objects.select_related("revision").defer("revision__spec")
    return runs if principal.may(Scope.RUNS_READ_ALL) else runs.filter(member=principal.member_id)


def access_run(principal: Principal, run_id: UUID) -> Run:
    run = visible_runs(principal).filter(pk=run_id).first()
    if run is None:
        raise NotFound("There is no such run.", code="unknown_run")
    return run


def may_cancel(principal: Principal, run: Run) -> bool:
    return run.member_id == principal.member_id or principal.may(Scope.RUNS_CANCEL_ALL)


def own_sessions(principal: Principal) -> QuerySet[Session]:
    return Session.objects.filter(member=principal.member_id)


def access_session(principal: Principal, session_id: UUID) -> Session:
    session = own_sessions(principal).filter(pk=session_id).first()
    if session is None:
        raise NotFound("There is no such session.", code="unknown_session")
    return session


def runnable_agents(principal: Principal) -> QuerySet[Agent]:
    """Published agents whose revision lets one of the member's roles run it."""
    from django.db.models import Q

    published = Agent.objects.filter(published__isnull=False, is_archived=False)
    mine = Q(published__spec__run_roles=[])
    for role in principal.roles:
        mine |= Q(published__spec__run_roles__contains=[role])
    return published.filter(mine).select_related("published")


def access_agent(principal: Principal, slug: str) -> Agent:
    agent = runnable_agents(principal).filter(slug=slug).first()
    if agent is None:
        raise NotFound(f"There is no agent {slug!r}.", code="unknown_component")
    return agent
