"""Start a run: the one way in for API, socket, admin and jobs."""

from __future__ import annotations

import hashlib
import json
import time
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from django.conf import settings
from psycopg.errors import UniqueViolation

from agents.ids import uuid7
from agents.limits.begin import begin
from agents.runtime import sql
from agents.runtime.agent_loop import begins_with_model, model_step
from agents.runtime.build import Built, built
from agents.runtime.components import Component, look_up, remembered
from agents.runtime.executor import executor
from agents.runtime.log import RunLog
from agents.runtime.model_shown import shown_model
from agents.runtime.outcomes import as_jsonb
from agents.runtime.state import Held, OpenStep, RunState
from agents.runtime.store import load_run, started_event
from agents.runtime.titles import make_title
from agents.runtime.variables import variables_of
from agents.services.admission import admitted, held_here
from agents.services.input_check import check_given, check_typed
from agents.services.looked_at_input import LookedAtInput, look_at_input
from agents.services.roster import roster_of
from agents.services.taken_over import TakenOver
from approvals.audit import sealing
from approvals.audit.run_sql import starter
from config.errors import (
    Conflict,
    Forbidden,
    Invalid,
    NotFound,
    PaymentRequired,
    TooManyRequests,
)
from config.trace import new_trace_id, trace_id
from tenants.accounts.principal import Principal
from tenants.accounts.scopes import Scope
from tenants.context import current_tenant
from tenants.pool import tenant_connection


@dataclass(frozen=True, slots=True)
class StartRun:
    """What a caller asks for. `idempotency_key`: the same key of a member is the same run.

    `taken`: nodes of an earlier run that this one has from its beginning.
    """

    slug: str
    input: str | dict[str, Any]
    kind: str = "agent"
    session_id: UUID | None = None
    revision: int | None = None
    idempotency_key: str | None = None
    taken: TakenOver | None = None

    def digest(self) -> str:
        given = (
            self.input if isinstance(self.input, str) else json.dumps(self.input, sort_keys=True)
        )
        parts = [self.kind, self.slug, given, str(self.session_id), str(self.revision)]
        if self.taken is not None:
            parts += [str(self.taken.of), self.taken.node]
        return hashlib.sha256("\x1f".join(parts).encode("utf-8", "replace")).hexdigest()


@dataclass(frozen=True, slots=True)
class Started:
    """`repeated`: the idempotency key was known, nothing new was started."""

    run: RunState
    repeated: bool = False


@admitted
async def start_run(principal: Principal, request: StartRun) -> Started:
    """Start `request` on behalf of the principal; durable when it returns.

    Raises Forbidden, NotFound (component, session), Invalid (input), Conflict (the session has a
    live run, the idempotency key was used for something else, or a team's member isn't published),
    TooManyRequests or PaymentRequired (a limit is reached). Nothing is written then.
    """
    if not principal.may(Scope.AGENTS_RUN):
        raise Forbidden("Running agents needs the scope agents:run.")
    check_given(request.input)
    if request.idempotency_key is not None and not 0 < len(request.idempotency_key) <= 200:
        raise Invalid("An idempotency key has 1 to 200 characters.", code="idempotency_key")
    component = remembered(request.kind, request.slug)
    while True:
        fresh = component is None
        component = component or await _component(principal, request)
        chosen = await _chosen(principal, request, component)
        check_typed(chosen.agent, request.input)
        model = await shown_model(chosen.agent)
        variables = await variables_of(
            chosen.agent.prompt,
            member_name=principal.name,
            username=principal.username,
            time_zone=principal.time_zone,
        )
        looked = await look_at_input(chosen.agent, request.input)
        roster = await roster_of(chosen.agent)
        plan = _plan(principal, request, component, chosen, model, variables, looked, roster)
        in_session = request.session_id is not None
        statement = looked.statement(request.kind, in_session=in_session)
        if request.taken is not None:
            statement = request.taken.statement(looked, in_session=in_session)
            plan.values.update(request.taken.values(looked))
        try:
            row = await begin(principal, statement, plan.values)
        except UniqueViolation as violation:
            return await _existing(principal, request, violation)
        except (TooManyRequests, PaymentRequired):
            if (known := await _by_key(principal, request)) is None:
                raise
            return known  # sent again: the limit has counted it
        if row is None and fresh and request.session_id:
            raise await _session_problem(principal, request)
        if row is not None:
            break
        component = None  # what was remembered is out of date: look, then start again
    sealing.mark()
    run = _state(principal, request, plan, row)
    if not plan.values["owner"]:
        executor().wake()
        return Started(run)
    run.deadline_clock = time.monotonic() + chosen.agent.spec.limits.seconds
    events = RunLog(run.source)
    events.publish(started_event(run))
    looked.tell(run, events)
    if request.taken is not None:
        request.taken.tell(run, looked, events)
    first = plan.first_step(run.started_at)
    history = [(role, content) for role, content in row[3] or ()]
    executor().adopt(Held(run, chosen.agent, fence=1, first_step=first, history=history), events)
    return Started(run)


async def _component(principal: Principal, request: StartRun) -> Component:
    """The published component as it is now."""
    found = await look_up(request.kind, request.slug)
    # A draft is nothing to know of for those who may not write it.
    if found is None or (found.revision_id is None and not principal.may(Scope.AGENTS_WRITE)):
        raise _unknown(request)
    if found.revision_id is None:
        raise Conflict(f"{found.name} is a draft: publish it first.", code="not_published")
    return found


def _unknown(request: StartRun) -> NotFound:
    return NotFound(f"There is no {request.kind} {request.slug!r}.", code="unknown_component")


@dataclass(frozen=True, slots=True)
class _Chosen:
    """The revision to run."""

    revision_id: int
    number: int
    agent: Built


async def _chosen(principal: Principal, request: StartRun, component: Component) -> _Chosen:
    assert component.revision_id is not None and component.number is not None
    revision_id, number = component.revision_id, component.number
    if request.revision is not None and request.revision != number:
        wanted = {"kind": request.kind, "slug": request.slug, "number": request.revision}
        async with tenant_connection(settings.START_DATABASE_SECONDS) as conn:
            pinned = await (await conn.execute(sql.REVISION_BY_NUMBER, wanted)).fetchone()
        if pinned is None:
            raise NotFound(
                f"{component.name} has no revision {request.revision}.", code="unknown_revision"
            )
        revision_id, number = pinned
    agent = await built(revision_id)
    roles = agent.spec.run_roles
    if roles and not set(roles) & set(principal.roles):
        raise _unknown(request)
    return _Chosen(revision_id, number, agent)


@dataclass(frozen=True, slots=True)
class _Plan:
    """A start as it goes into the statement, and what of it is needed again afterwards."""

    chosen: _Chosen
    model: dict[str, Any]
    step_key: str
    step_name: str
    step_input: dict[str, Any]
    values: dict[str, Any]
    looked: LookedAtInput
    roster: dict[str, int] | None

    def first_step(self, at: datetime | None) -> OpenStep | None:
        """The model step that the start has begun; None where guardrails come before it."""
        if self.values["step_key"] is None:
            return None
        seq = self.looked.steps + 1
        return OpenStep(
            seq, self.step_key, "model", self.step_name, 1, seq + 1, self.step_input, at
        )


def _plan(
    principal: Principal,
    request: StartRun,
    component: Component,
    chosen: _Chosen,
    model: dict[str, Any],
    variables: dict[str, str],
    looked: LookedAtInput,
    roster: dict[str, int] | None,
) -> _Plan:
    spec, own = chosen.agent.spec, executor()
    here = held_here()
    step_key, step_name, step_input = model_step(0, spec, model, variables)
    values = {
        "run_id": uuid7(),
        "revision_id": chosen.revision_id,
        "published_id": component.revision_id,
        "kind": request.kind,
        "slug": request.slug,
        "session_id": request.session_id or uuid7(),
        "title": make_title(looked.text),
        "member_id": principal.member_id,
        "status": "running" if here else "queued",
        "input": as_jsonb(looked.value),
        "content": looked.text,
        "model": as_jsonb(model),
        "trace_id": trace_id() or new_trace_id(),
        "idempotency_key": request.idempotency_key,
        "request_digest": request.digest() if request.idempotency_key else "",
        "seconds": spec.limits.seconds,
        "schema": current_tenant().schema,
        "owner": own.owner if here else "",
        "lease": settings.LEASE_SECONDS,
        "step_key": step_key if here and not looked.waits and begins_with_model(spec) else None,
        "step_kind": "model",
        "step_name": step_name,
        "step_input": as_jsonb(step_input),
        "runs": spec.history_runs,
        "roster": as_jsonb(roster),
        **looked.values,
        **starter(principal),
    }
    return _Plan(chosen, model, step_key, step_name, step_input, values, looked, roster)


def _state(principal: Principal, request: StartRun, plan: _Plan, row: tuple[Any, ...]) -> RunState:
    created_at, started_at, deadline_at = row[:3]
    values = plan.values
    return RunState(
        id=values["run_id"],
        kind=request.kind,
        slug=request.slug,
        revision=plan.chosen.number,
        revision_id=plan.chosen.revision_id,
        session_id=values["session_id"],
        parent_id=None,
        member_id=principal.member_id,
        status=values["status"],
        input=plan.looked.value,
        output=None,
        error=None,
        model=plan.model,
        input_tokens=0,
        output_tokens=0,
        position=1,
        resumes=0,
        trace_id=values["trace_id"],
        created_at=created_at,
        started_at=started_at,
        finished_at=None,
        deadline_at=deadline_at,
        time_zone=principal.time_zone,
        member_name=principal.name,
        username=principal.username,
        roster=plan.roster,
    )


async def _existing(principal: Principal, request: StartRun, violation: UniqueViolation) -> Started:
    """What a violated rule means: a busy session, or a key that was used before."""
    if violation.diag.constraint_name == "one_live_run_per_session":
        raise Conflict(
            "The session has a run that isn't finished: wait for it, or cancel it.",
            code="session_busy",
        ) from None
    if violation.diag.constraint_name != "idempotency_key_of_member":
        raise violation
    known = await _by_key(principal, request)
    if known is None:
        raise Conflict("The run of this idempotency key is gone.", code="idempotency_key")
    return known


async def _by_key(principal: Principal, request: StartRun) -> Started | None:
    """The run that the request's idempotency key stands for; None where there is none."""
    if request.idempotency_key is None:
        return None
    key = {"member_id": principal.member_id, "idempotency_key": request.idempotency_key}
    async with tenant_connection(settings.START_DATABASE_SECONDS) as conn:
        row = await (await conn.execute(sql.RUN_BY_IDEMPOTENCY_KEY, key)).fetchone()
        if row is None:
            return None
        run_id, digest = row
        if digest != request.digest():
            raise Conflict(
                "This idempotency key was used for another request: use a new key.",
                code="idempotency_key_reused",
            ) from None
        run = await load_run(conn, run_id, steps=False)
    assert run is not None
    return Started(run, repeated=True)


async def _session_problem(principal: Principal, request: StartRun) -> Exception:
    async with tenant_connection() as conn:
        row = await (
            await conn.execute(
                "SELECT kind, slug FROM agents_session WHERE id = %s AND member_id = %s",
                (request.session_id, principal.member_id),
            )
        ).fetchone()
    if row is None:
        return NotFound("There is no such session of yours.", code="unknown_session")
    return Conflict(
        f"The session is with the {row[0]} {row[1]!r}: start a new one.", code="session_component"
    )
