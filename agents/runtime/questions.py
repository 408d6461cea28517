"""A run asking people: the waiting step with its approval, the pause, and what they decided.

The owner's part of it. Deciding is `agents.services.decide`; both lock the run's row first.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from agents.ids import uuid7
from agents.runtime import sql
from agents.runtime.asking import (
    decided_event,
    expiry,
    last_asked,
    open_question,
    paused_event,
    requested_event,
)
from agents.runtime.events import iso
from agents.runtime.faults import Fenced, Parked
from agents.runtime.outcomes import as_jsonb
from agents.runtime.records import Records
from agents.runtime.state import StepState
from approvals.policy import Ruling
from tenants.pool import tenant_connection


@dataclass(frozen=True, slots=True)
class Question:
    """What is asked. `kind` is confirm, input or external; `fields` a JSON schema for input."""

    kind: str
    tool: str
    effect: str
    arguments: Any
    ruling: Ruling
    fields: dict[str, Any] | None = None


class Questions(Records):
    """The part of a run's journal that waits for people."""

    async def ask(self, key: str, name: str, question: Question, input: Any) -> None:
        """Record that the step under `key` waits, and make its approval: one transaction."""
        async with self._lock:
            before = self._steps.get(key)
            seq = before.seq if before else self._next_seq
            if before is None:
                self._next_seq += 1
            asked = self._entry(question)
            run, ruling = self.run, question.ruling
            earlier = (before.asked or []) if before else []
            values = {
                "seq": seq,
                "key": key,
                "kind": "tool",
                "name": name,
                "input": as_jsonb(input),
                "position": asked["position"],
                "asked": as_jsonb(asked),
                "approval_id": UUID(asked["approval"]),
                "root_run_id": run.root_id,
                "suffix": f"#{len(earlier)}" if earlier else "",
                "ask_kind": question.kind,
                "component_kind": run.kind,
                "component": run.slug,
                "tool": question.tool,
                "arguments": as_jsonb(question.arguments),
                "fields": as_jsonb(question.fields),
                "tier": ruling.tier,
                "effect": question.effect,
                "why": ruling.why[:500],
                "member_id": run.member_id,
                "decider_roles": as_jsonb(list(ruling.decider_roles)),
                "quorum": ruling.quorum,
                "own_requests": ruling.own_requests,
                "on_expiry": ruling.on_expiry,
                "escalate_to": ruling.escalate_to,
                "trace_id": run.trace_id,
                "at": datetime.fromisoformat(asked["at"]),
                "expires_at": expiry(asked),
            }
            started_at = await self._write(sql.STEP_ASK, values)
            self._steps[key] = StepState(
                seq=seq,
                key=key,
                kind="tool",
                name=name,
                status="waiting",
                attempt=before.attempt if before else 0,
                input=input,
                output=None,
                error=None,
                input_tokens=0,
                output_tokens=0,
                started_position=asked["position"],
                finished_position=None,
                started_at=started_at,
                finished_at=None,
                asked=[*earlier, asked],
            )
            self.log.publish(requested_event(self.log.source, seq, asked))

    def _entry(self, question: Question) -> dict[str, Any]:
        at = datetime.now(UTC)
        ruling = question.ruling
        return {
            "approval": str(uuid7()),
            "kind": question.kind,
            "tool": question.tool,
            "arguments": question.arguments,
            "fields": question.fields,
            "tier": ruling.tier,
            "why": ruling.why[:500],
            "at": iso(at),
            "position": self.next_position(),
            "expires_at": iso(at + timedelta(minutes=ruling.expires_minutes)),
            "decision": None,
        }

    async def take_decision(self, key: str) -> dict[str, Any] | None:
        """What was decided on the step's last question, told as an event; None: not yet."""
        step = self._steps[key]
        asked = last_asked(step)
        if asked is None or asked["decision"] is None:
            return None
        decision: dict[str, Any] = asked["decision"]
        if decision["position"] is None:  # decided before the run had paused
            async with self._lock:
                decision["position"] = self.next_position()
                await self._write(sql.STEP_DECIDED, {"key": key, "asked": as_jsonb(step.asked)})
                self.log.publish(decided_event(self.log.source, step.seq, asked))
        return decision

    async def pause(self) -> None:
        """Park the run, when a step still waits undecided: raises Parked. Else learn what came.

        Raises CancelledError when a cancel was asked for meanwhile: the run is to end.
        """
        await self.flush()
        async with self._lock:
            pause = await self._park_if_waiting()
            if pause is None:
                return
            self.run.status = "paused"
            self.log.publish(paused_event(self.log.source, pause))
        raise Parked

    async def _park_if_waiting(self) -> dict[str, Any] | None:
        async with tenant_connection() as conn, conn.transaction():
            ids = {"run_id": self.run.id, "fence": self.fence}
            row = await (await conn.execute(sql.LOCK_RUN, ids)).fetchone()
            if row is None:
                raise Fenced(str(self.run.id))
            if row[1]:
                self.run.cancel_requested = True
                raise asyncio.CancelledError
            rows: Any = await (await conn.execute(sql.ASKED, ids)).fetchall()
            for key, asked in rows:
                self._steps[key].asked = asked
            questions = [open_question(self._steps[key]) for key, _ in rows]
            waiting = [asked for asked in questions if asked is not None]
            if len(waiting) < len(rows) or not rows:
                return None  # what was decided is done first
            return await self._park(conn, ids, waiting)

    async def _park(
        self, conn: Any, ids: dict[str, Any], questions: list[dict[str, Any]]
    ) -> dict[str, Any]:
        run = self.run
        approvals = [asked["approval"] for asked in questions]
        due = min(expiry(asked) for asked in questions)
        position = self.next_position()
        values = {
            **ids,
            "due": due,
            "until": iso(due),
            "position": position,
            "approvals": as_jsonb(approvals),
            "input_tokens": run.input_tokens,
            "output_tokens": run.output_tokens,
            "cost": run.cost,
        }
        row = await (await conn.execute(sql.PAUSE, values)).fetchone()
        if row is None:
            raise Fenced(str(run.id))
        return {"position": position, "at": iso(row[0]), "until": iso(due), "approvals": approvals}
