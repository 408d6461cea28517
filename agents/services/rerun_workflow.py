"""Run a workflow again from one of its nodes: what was finished before it is taken over."""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

from agents.runtime.build import built
from agents.runtime.state import TERMINAL, RunState
from agents.runtime.store import load_run
from agents.runtime.workflow.built import BuiltWorkflow
from agents.services.access import access_run
from agents.services.start_run import Started, StartRun, start_run
from agents.services.taken_over import TakenOver, taken_over
from agents.workflows.spec import WorkflowSpec
from config.errors import Conflict, Forbidden, Invalid
from tenants.accounts.principal import Principal
from tenants.hop import hop
from tenants.pool import tenant_connection


@dataclass(frozen=True, slots=True)
class Rerun:
    """`node`: the id of one of the workflow's own nodes, none inside of a group."""

    run_id: UUID
    node: str
    idempotency_key: str | None = None


async def rerun(principal: Principal, request: Rerun) -> Started:
    """Start a run of the same revision on the same input, in the same session.

    Raises what `start_run` does, NotFound, Forbidden (somebody else's run), Conflict (it is under
    way, or part of another run) and Invalid (no workflow, or no such node).
    """
    await hop(_check, principal, request.run_id)
    async with tenant_connection() as conn:
        run = await load_run(conn, request.run_id)
    assert run is not None
    graph = await _graph(run)
    if all(request.node != node.id for node in graph.nodes):
        raise Invalid(
            f"The workflow has no node {request.node!r} on its first level.",
            code="unknown_node",
            errors=[{"loc": ["body", "node"], "msg": "no such node"}],
        )
    steps = {step.key: step for step in run.steps if step.kind == "node"}
    return await start_run(
        principal,
        StartRun(
            kind=run.kind,
            slug=run.slug,
            input=run.input,
            session_id=run.session_id,
            revision=run.revision,
            idempotency_key=request.idempotency_key,
            taken=TakenOver(run.id, request.node, tuple(taken_over(graph, request.node, steps))),
        ),
    )


async def _graph(run: RunState) -> WorkflowSpec:
    if run.status not in TERMINAL:
        raise Conflict("The run is under way: wait for its end, or cancel it.", code="run_live")
    component = await built(run.revision_id)
    if not isinstance(component, BuiltWorkflow):
        raise Invalid("Only runs of workflows have nodes to go on from.", code="no_workflow")
    return component.spec.graph


def _check(principal: Principal, run_id: UUID) -> None:
    run = access_run(principal, run_id)
    if run.member_id != principal.member_id:
        raise Forbidden("It is somebody else's run: start one of your own.", code="not_your_run")
    if run.root_id is not None:
        raise Conflict(
            f"The run is part of the run {run.root_id}: run that one again.",
            code="child_run",
            root_run_id=str(run.root_id),
        )
