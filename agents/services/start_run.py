"""Start a run: the one way in for API, socket, admin and jobs."""

from __future__ import annotations

import hashlib
import time
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from django.conf import settings
from psycopg import AsyncConnection
from psycopg.errors import UniqueViolation

from agents.ids import uuid7
from agents.providers.resolve import resolve
from agents.runtime import sql
from agents.runtime.executor import executor
from agents.runtime.journal import as_jsonb
from agents.runtime.log import RunLog
from agents.runtime.metrics import run_started
from agents.runtime.state import Held, RunState
from agents.runtime.store import load_run, spec_of, started_event
from agents.services.admission import admit
from agents.specs import AgentSpec
from config.errors import Conflict, Forbidden, Invalid, NotFound
from config.trace import new_trace_id, trace_id
from tenants.accounts.principal import Principal
from tenants.accounts.scopes import Scope
from tenants.context import current_tenant
from tenants.pool import tenant_connection


@dataclass(frozen=True, slots=True)
class StartRun:
    """What a caller asks for. `idempotency_key`: the same key of a member is the same run."""

    slug: str
    input: str
    kind: str = "agent"
    session_id: UUID | None = None
    revision: int | None = None
    idempotency_key: str | None = None

    def digest(self) -> str:
        parts = [self.kind, self.slug, self.input, str(self.session_id), str(self.revision)]
        return hashlib.sha256("\x1f".join(parts).encode("utf-8", "replace")).hexdigest()


@dataclass(frozen=True, slots=True)
class Started:
    """`repeated`: the idempotency key was known, nothing new was started."""

    run: RunState
    repeated: bool = False


async def start_run(principal: Principal, request: StartRun) -> Started:
    """Start `request` on behalf of the principal; durable when it returns.

    Raises Forbidden, NotFound (component, session), Invalid (input), Conflict (the session has a
    live run, or the idempotency key was used for something else). Nothing is written then.
    """
    if not principal.may(Scope.AGENTS_RUN):
        raise Forbidden("Running agents needs the scope agents:run.")
    _check_input(request)
    admit()
    async with tenant_connection(settings.START_DATABASE_SECONDS) as conn:
        revision_id, number, spec = await _component(conn, principal, request)
        model = (await resolve(spec.model.name)).identity()
        values = _values(principal, request, revision_id, spec, model)
        new = request.session_id is None
        statement = sql.START_IN_NEW_SESSION if new else sql.START_IN_SESSION
        try:
            row = await (await conn.execute(statement, values)).fetchone()
        except UniqueViolation as violation:
            return await _existing(conn, principal, request, violation)
        if row is None:
            raise await _session_problem(conn, principal, request)
    run = _state(principal, request, values, number, model, row)
    run.starts_session = new
    run_started(values["schema"], queued=not values["owner"])
    if values["owner"]:
        run.deadline_clock = time.monotonic() + spec.limits.seconds
        events = RunLog(run.source)
        events.publish(started_event(run))
        executor().adopt(Held(run, spec, fence=1), events)
    else:
        executor().wake()
    return Started(run)


def _check_input(request: StartRun) -> None:
    if not request.input.strip():
        raise Invalid(
            "The input is empty: say what the agent should do.",
            code="input_empty",
            errors=[{"loc": ["body", "input"], "msg": "must not be empty"}],
        )
    if len(request.input) > settings.INPUT_MAX_CHARS:
        raise Invalid(
            f"The input has {len(request.input):,} characters; at most "
            f"{settings.INPUT_MAX_CHARS:,} are allowed.",
            code="input_too_long",
            errors=[{"loc": ["body", "input"], "msg": "too long"}],
        )
    if "\x00" in request.input:
        raise Invalid("The input holds a NUL character, which text may not.", code="input_nul")
    if request.idempotency_key is not None and not 0 < len(request.idempotency_key) <= 200:
        raise Invalid("An idempotency key has 1 to 200 characters.", code="idempotency_key")


async def _component(
    conn: AsyncConnection[Any], principal: Principal, request: StartRun
) -> tuple[int, int, AgentSpec]:
    unknown = NotFound(f"There is no {request.kind} {request.slug!r}.", code="unknown_component")
    row = await (await conn.execute(sql.COMPONENT, {"slug": request.slug})).fetchone()
    if row is None or request.kind != "agent":
        raise unknown
    revision_id, number, name = row
    if revision_id is None:
        if not principal.may(Scope.AGENTS_WRITE):  # a draft is not theirs to know of
            raise unknown
        raise Conflict(f"{name} is a draft: publish it first.", code="not_published")
    if request.revision is not None and request.revision != number:
        wanted = {"kind": request.kind, "slug": request.slug, "number": request.revision}
        pinned = await (await conn.execute(sql.REVISION_BY_NUMBER, wanted)).fetchone()
        if pinned is None:
            raise NotFound(f"{name} has no revision {request.revision}.", code="unknown_revision")
        revision_id, number = pinned
    spec = await spec_of(conn, revision_id)
    if spec.run_roles and not set(spec.run_roles) & set(principal.roles):
        raise unknown
    return revision_id, number, spec


def _values(
    principal: Principal,
    request: StartRun,
    revision_id: int,
    spec: AgentSpec,
    model: dict[str, Any],
) -> dict[str, Any]:
    own = executor().room > 0
    return {
        "run_id": uuid7(),
        "revision_id": revision_id,
        "kind": request.kind,
        "slug": request.slug,
        "session_id": request.session_id or uuid7(),
        "member_id": principal.member_id,
        "status": "running" if own else "queued",
        "input": as_jsonb(request.input),
        "content": request.input,
        "model": as_jsonb(model),
        "trace_id": trace_id() or new_trace_id(),
        "idempotency_key": request.idempotency_key,
        "request_digest": request.digest() if request.idempotency_key else "",
        "seconds": spec.limits.seconds,
        "schema": current_tenant().schema,
        "owner": executor().owner if own else "",
        "lease": settings.LEASE_SECONDS,
    }


def _state(
    principal: Principal,
    request: StartRun,
    values: dict[str, Any],
    number: int,
    model: dict[str, Any],
    row: tuple[datetime, datetime | None, datetime],
) -> RunState:
    created_at, started_at, deadline_at = row
    return RunState(
        id=values["run_id"],
        kind=request.kind,
        slug=request.slug,
        revision=number,
        revision_id=values["revision_id"],
        session_id=values["session_id"],
        parent_id=None,
        member_id=principal.member_id,
        status=values["status"],
        input=request.input,
        output=None,
        error=None,
        model=model,
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
    )


async def _existing(
    conn: AsyncConnection[Any], principal: Principal, request: StartRun, violation: UniqueViolation
) -> Started:
    """What a violated rule means: a busy session, or a key that was used before."""
    if violation.diag.constraint_name == "one_live_run_per_session":
        raise Conflict(
            "The session has a run that isn't finished: wait for it, or cancel it.",
            code="session_busy",
        ) from None
    if violation.diag.constraint_name != "idempotency_key_of_member":
        raise violation
    key = {"member_id": principal.member_id, "idempotency_key": request.idempotency_key}
    row = await (await conn.execute(sql.RUN_BY_IDEMPOTENCY_KEY, key)).fetchone()
    if row is None:
        raise Conflict("The run of this idempotency key is gone.", code="idempotency_key")
    run_id, digest = row
    if digest != request.digest():
        raise Conflict(
            "This idempotency key was used for another request: use a new key.",
            code="idempotency_key_reused",
        ) from None
    run = await load_run(conn, run_id, steps=False)
    assert run is not None
    return Started(run, repeated=True)


async def _session_problem(
    conn: AsyncConnection[Any], principal: Principal, request: StartRun
) -> Exception:
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
