"""Rows as the HTTP contract shows them."""

from __future__ import annotations

from typing import Any

from agents.models import Agent, Message, Revision, Run, Session, Step, Team
from agents.runtime import state
from agents.runtime.events import iso
from agents.workflows.models import Workflow, node_count


def run_json(run: Run) -> dict[str, Any]:
    """A run; `revision` must be loaded with it."""
    return state.run_json(run, run.revision.number)


def step_json(step: Step) -> dict[str, Any]:
    return {
        "step": step.seq,
        "key": step.key,
        "kind": step.kind,
        "name": step.name,
        "status": step.status,
        "attempt": step.attempt,
        "input": step.input,
        "output": step.output,
        "error": step.error,
        "asked": step.asked or [],
        "usage": {
            "input_tokens": step.input_tokens,
            "output_tokens": step.output_tokens,
            "cost": state.cost_text(step.cost),
        },
        "started_at": iso(step.started_at),
        "finished_at": iso(step.finished_at),
    }


def agent_json(agent: Agent) -> dict[str, Any]:
    """What a published agent is to those who may run it: its revision, not its draft."""
    revision = agent.published
    assert revision is not None
    spec = revision.spec
    return {
        "kind": "agent",
        "slug": agent.slug,
        "name": spec["name"],
        "description": spec["description"],
        "model": spec["model"]["name"],
        "tools": spec["tools"],
        "limits": spec["limits"],
        "revision": revision.number,
        "digest": revision.digest,
        "published_at": iso(revision.published_at),
    }


def team_json(team: Team) -> dict[str, Any]:
    """What a published team is to those who may run it: its revision, not its draft."""
    revision = team.published
    assert revision is not None
    spec = revision.spec
    return {
        "kind": "team",
        "slug": team.slug,
        "name": spec["name"],
        "description": spec["description"],
        "mode": spec["mode"],
        "model": spec["model"]["name"],
        "members": spec["members"],
        "limits": spec["limits"],
        "stage": spec.get("stage"),
        "revision": revision.number,
        "digest": revision.digest,
        "published_at": iso(revision.published_at),
    }


def workflow_json(workflow: Workflow) -> dict[str, Any]:
    """What a published workflow is to those who may run it: what it takes and gives."""
    revision = workflow.published
    assert revision is not None
    spec = revision.spec
    return {
        "kind": "workflow",
        "slug": workflow.slug,
        "name": spec["name"],
        "description": spec.get("description", ""),
        "input": spec.get("input") or {"type": "string"},
        "output": spec.get("output"),
        "nodes": node_count(spec),
        "limits": spec.get("limits", {}),
        "revision": revision.number,
        "digest": revision.digest,
        "published_at": iso(revision.published_at),
    }


def revision_json(revision: Revision) -> dict[str, Any]:
    return {
        "number": revision.number,
        "digest": revision.digest,
        "note": revision.note,
        "author": revision.author.username if revision.author else None,
        "published_at": iso(revision.published_at),
        "spec": revision.spec,
    }


def session_json(session: Session) -> dict[str, Any]:
    return {
        "id": str(session.id),
        "title": session.title,
        "component": {"kind": session.kind, "slug": session.slug},
        "created_at": iso(session.created_at),
        "updated_at": iso(session.updated_at),
    }


def message_json(message: Message) -> dict[str, Any]:
    return {
        "id": str(message.pk),
        "run_id": str(message.run_id),
        "role": message.role,
        "content": message.content,
        "created_at": iso(message.created_at),
    }
