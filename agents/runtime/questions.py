"""A run asking people: the waiting step with its approval, the pause, and what they decided.

The owner's part of it. Deciding is `agents.services.decide`; both lock the run's row first.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from agents.ids import uuid7
from agents.runtime import asking_sql, child_sql, ticket_sql
from agents.runtime.asking import (
    REVIEW,
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
from agents.runtime.writing import Writing
from approvals.policy import Ruling
from tenants.pool import tenant_connection


@dataclass(frozen=True, slots=True)
class Question:
    """What is asked. `kind` is confirm, input or external; `fields` a JSON schema for input.

    `step`: the kind of the step that asks.
    """

    kind: str
    tool: str
    effect: str
    arguments: Any
    ruling: Ruling
    fields: dict[str, Any] | None = None
    step: str = "tool"


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
                "kind": question.step,
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
            started_at = await self._write(asking_sql.STEP_ASK, values)
            self._steps[key] = StepState(
                seq=seq,
                key=key,
                kind=question.step,
                name=name,
                status="waiting",
                attempt=before.attempt if before else 0,
                input=input,
                output=None,
                error=None,
                input_tokens=0,
                output_tokens=0,
                started_position=before.started_position if before else asked["position"],
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
                await self._write(
                    asking_sql.STEP_DECIDED, {"key": key, "asked": as_jsonb(step.asked)}
                )
                self.log.publish(decided_event(self.log.source, step.seq, asked))
        return decision

    async def pause(self) -> None:
        """Park the run, when a step still waits undecided: raises Parked. Else learn what came.

        What waits for a time parks it as well, until the first of those has come.

        With it all child runs are parked; one decision on any of them is enough to go on. Raises
        CancelledError when a cancel was asked for meanwhile: the run is to end.
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
            ids = self.ids()
            cursor = await conn.execute(f"{ticket_sql.HOLD};{asking_sql.LOCK_RUN}", ids)
            cursor.nextset()
            row = await cursor.fetchone()
            if row is None:
                raise Fenced(str(self.run.id))
            if row[1]:
                self.run.cancel_requested = True
                raise asyncio.CancelledError
            questions = await self._questions(conn, [self, *self.tree.values()])
            waiting = [asked for asked in questions if asked is not None]
            wakes = self.wake_times()
            if len(waiting) < len(questions) or not (questions or wakes) or has_come(wakes):
                return None  # what was decided is done first
            return await self._park(conn, ids, waiting, wakes)

    def wake_times(self) -> list[datetime]:
        """When what waits in this journal, and below it, comes by itself."""
        return [at for one in (self, *self.below()) for at in one.wakes.values()]

    async def hear(self) -> bool:
        """Learn what was decided while the run goes on; whether that was anything."""
        async with self._lock, tenant_connection() as conn:
            questions = await self._questions(conn, [self, *self.below()])
        return any(asked is None for asked in questions)

    async def _questions(
        self, conn: Any, journals: Sequence[Writing]
    ) -> list[dict[str, Any] | None]:
        """Of each step that waits in these journals: its open question; None if it was decided."""
        by_run = {journal.run.id: journal for journal in journals}
        rows: Any = await (await conn.execute(asking_sql.ASKED, {"runs": list(by_run)})).fetchall()
        found = []
        for run_id, key, asked in rows:
            step = by_run[run_id]._steps[key]
            step.asked = asked
            found.append(open_question(step))
        return found

    async def _park(
        self,
        conn: Any,
        ids: dict[str, Any],
        questions: list[dict[str, Any]],
        wakes: list[datetime],
    ) -> dict[str, Any]:
        run = self.run
        approvals = [asked["approval"] for asked in questions]
        due = min([*wakes, *(expiry(asked) for asked in questions)])
        review = any(asked["tool"] == REVIEW for asked in questions)
        position = self.next_position()
        values = {
            **ids,
            "due": due,
            "until": iso(due),
            "position": position,
            "approvals": as_jsonb(approvals),
            "review": review,
            "input_tokens": run.input_tokens,
            "output_tokens": run.output_tokens,
            "cost": run.cost,
        }
        row = await (await conn.execute(asking_sql.PAUSE, values)).fetchone()
        if row is None:
            raise Fenced(str(run.id))
        if self.tree:
            await conn.execute(child_sql.PAUSE_CHILDREN, ids)
        pause = {"position": position, "at": iso(row[0]), "until": iso(due), "approvals": approvals}
        return {**pause, "review": True} if review else pause


def has_come(times: Sequence[datetime]) -> bool:
    """Whether one of these times is now or was."""
    return bool(times) and min(times) <= datetime.now(UTC)
