"""The one door to a run or session for a member: whoever may not see it gets NotFound.

Synchronous ORM functions, for one hop each.
"""

from __future__ import annotations

from uuid import UUID

from django.db.models import Q, QuerySet

from agents.models import Agent, Run, Session, Team
from agents.workflows.models import Workflow
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
    return Agent.objects.filter(_runnable(principal)).select_related("published")


def _runnable(principal: Principal) -> Q:
    mine = Q(published__spec__run_roles=[])
    for role in principal.roles:
        mine |= Q(published__spec__run_roles__contains=[role])
    return _PUBLISHED & mine


_PUBLISHED = Q(published__isnull=False, is_archived=False)


def access_agent(principal: Principal, slug: str) -> Agent:
    agent = runnable_agents(principal).filter(slug=slug).first()
    if agent is None:
        raise NotFound(f"There is no agent {slug!r}.", code="unknown_component")
    return agent


def runnable_teams(principal: Principal) -> QuerySet[Team]:
    """Published teams whose revision lets one of the member's roles run it."""
    return Team.objects.filter(_runnable(principal)).select_related("published")


def runnable_workflows(principal: Principal) -> QuerySet[Workflow]:
    """Published workflows whose revision lets one of the member's roles run it."""
    # A workflow's spec leaves out what is as by default, roles as well.
    runnable = _runnable(principal) | (_PUBLISHED & ~Q(published__spec__has_key="run_roles"))
    return Workflow.objects.filter(runnable).select_related("published").defer("graph")


def access_workflow(principal: Principal, slug: str) -> Workflow:
    workflow = runnable_workflows(principal).filter(slug=slug).first()
    if workflow is None:
        raise NotFound(f"There is no workflow {slug!r}.", code="unknown_component")
    return workflow


def access_team(principal: Principal, slug: str) -> Team:
    team = runnable_teams(principal).filter(slug=slug).first()
    if team is None:
        raise NotFound(f"There is no team {slug!r}.", code="unknown_component")
    return team
