"""The journal itself: done once, replayed after, refused to an owner that lost its run."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from agents.ids import uuid7
from agents.models import Note, Run, Step
from agents.models_llm.protocol import ToolCall
from agents.runtime.build import BuiltAgent, build
from agents.runtime.faults import Fenced, NeedsReview, RunFault
from agents.runtime.journal import Journal
from agents.runtime.outcomes import Ending, Outcome
from agents.runtime.state import OpenStep
from agents.runtime.tool_steps import ToolSteps
from agents.specs import AgentSpec
from agents.tickets.models import Ticket
from agents.tools.registry import Registry, tool
from agents.tools.spec import Arguments, Effect, ToolContext
from tenants.accounts.models import Member
from tenants.accounts.scopes import Scope
from tenants.context import TenantRef, use_shared, use_tenant
from tenants.hop import hop
from tests.runtime.journals import journal, ref

pytestmark = pytest.mark.usefixtures("committed")
__all__ = ["journal", "ref"]


class To(Arguments):
    to: str


class Passing(Exception):
    retryable = True
    code, message = "passing", "It passes."


def built(*tools: str) -> BuiltAgent:
    return build(AgentSpec(slug="a", name="A", tools=tools), "digest")


async def test_a_finished_step_is_not_done_again(ref: TenantRef, journal: Any) -> None:
    done: list[int] = []

    async def work(step: OpenStep) -> Outcome:
        done.append(step.attempt)
        return Outcome({"text": "done"}, input_tokens=3)

    with use_tenant(ref):
        for _ in range(3):
            step = await (await journal()).step("a", "tool", "t", work)
            assert step.output == {"text": "done"}
    assert done == [1]


async def test_a_started_step_is_done_again_as_another_attempt(
    ref: TenantRef, journal: Any
) -> None:
    async def dies(step: OpenStep) -> Outcome:
        raise Fenced  # as if the process were gone: nothing more is written

    async def works(step: OpenStep) -> Outcome:
        return Outcome({"attempt": step.attempt})

    with use_tenant(ref):
        with pytest.raises(Fenced):
            await (await journal()).step("a", "model", "m", dies)
        step = await (await journal()).step("a", "model", "m", works)
        assert step.output == {"attempt": 2}
        assert step.started_position < step.finished_position


async def test_the_outcome_that_ends_a_run_is_recorded_with_the_end(
    ref: TenantRef, journal: Any
) -> None:
    async def work(step: OpenStep) -> Outcome:
        return Outcome({"text": "42"}, input_tokens=3, output_tokens=4)

    def stored(run_id: Any) -> tuple[Any, ...]:
        run = Run.objects.get(pk=run_id)
        step = Step.objects.get(run=run_id, key="a")
        with use_shared():
            ticket = Ticket.objects.filter(pk=run_id).exists()
        return run.status, run.output, run.output_tokens, step.status, ticket

    with use_tenant(ref):
        here = await journal()
        ended = await here.step("a", "model", "m", work, final=lambda o: Ending("completed", "42"))
        assert ended.finished_position is not None
        assert here.run.position == ended.finished_position + 1
        assert await hop(stored, here.run.id) == ("completed", "42", 4, "finished", False)
        with pytest.raises(Fenced):  # it is over: nothing can be added
            await here.step("b", "model", "m", work)


async def test_a_cancel_in_the_middle_of_the_end_leaves_no_half_told_run(
    ref: TenantRef, journal: Any
) -> None:
    told: list[str] = []

    async def work(step: OpenStep) -> Outcome:
        return Outcome({"text": "42"})

    with use_tenant(ref):
        before = await journal()
        here = Journal(before.run, 1, before.log, on_finish=lambda: told.append(before.run.status))

        def final(outcome: Outcome) -> Ending:
            task.cancel()  # it arrives while the end is being written
            return Ending("completed", "42")

        task = asyncio.ensure_future(here.step("a", "model", "m", work, final=final))
        with pytest.raises(asyncio.CancelledError):
            await task
        assert told == ["completed"]


async def test_only_a_passing_fault_is_retried_and_only_so_often(
    ref: TenantRef, journal: Any, settings: Any
) -> None:
    settings.RETRY_BASE_SECONDS = 0.001
    calls = 0

    async def fails(step: OpenStep) -> Outcome:
        nonlocal calls
        calls += 1
        raise Passing

    async def breaks(step: OpenStep) -> Outcome:
        raise ValueError("secret detail")

    with use_tenant(ref):
        here = await journal()
        with pytest.raises(RunFault) as fault:
            await here.step("a", "model", "m", fails, attempts=3)
        assert (calls, fault.value.code) == (3, "passing")
        with pytest.raises(RunFault) as fault:
            await here.step("b", "model", "m", breaks, attempts=3)
        assert fault.value.code == "internal" and "secret" not in str(fault.value.as_json())
        rows = await hop(lambda: list(Step.objects.filter(run=here.run.id).values_list("attempt")))
    assert rows == [(3,), (1,)]


async def test_an_owner_that_lost_its_run_writes_nothing(ref: TenantRef, journal: Any) -> None:
    async def work(step: OpenStep) -> Outcome:
        return Outcome({"text": "stale"})

    def effect(step: OpenStep) -> Outcome:
        Note.objects.create(member=Member.objects.get(username="member"), text="stale")
        return Outcome({"text": "stale"})

    with use_tenant(ref):
        here = await journal()
        opened = await here._start("a", "tool", "t", 1, None)
        taken = {"owner": "another", "fence": 2}
        await hop(lambda: Ticket.objects.filter(pk=here.run.id).update(**taken))
        with pytest.raises(Fenced):
            await here._end(opened, Outcome({"text": "stale"}), None)
        with pytest.raises(Fenced):
            await here.step("b", "tool", "t", work)
        with pytest.raises(Fenced):
            await here._end_in_transaction(opened, effect, None)
        with pytest.raises(Fenced):
            await here.finish(Ending("completed", "stale"))
        assert await hop(lambda: Note.objects.filter(text="stale").count()) == 0
        run = await hop(lambda: Run.objects.get(pk=here.run.id))
        assert (run.status, run.output) == ("running", None)
        now_ours = await journal(2)
        await now_ours.finish(Ending("completed", "the new owner's"))


async def test_effect_and_record_are_one_transaction(ref: TenantRef, journal: Any) -> None:
    text = f"note {uuid7()}"

    def effect(step: OpenStep) -> Outcome:
        Note.objects.create(member=Member.objects.get(username="member"), text=text)
        return Outcome({"text": "noted"})

    def effect_then_fault(step: OpenStep) -> Outcome:
        effect(step)
        raise ValueError("after the effect")

    async def never(step: OpenStep) -> Outcome:
        raise AssertionError("not used")

    with use_tenant(ref):
        here = await journal()
        with pytest.raises(RunFault):
            await here.step("a", "tool", "t", never, in_transaction=effect_then_fault)
        assert await hop(lambda: Note.objects.filter(text=text).count()) == 0
        for _ in range(2):
            await (await journal()).step("b", "tool", "t", never, in_transaction=effect)
        assert await hop(lambda: Note.objects.filter(text=text).count()) == 1


async def test_what_postgres_refuses_in_json_does_not_lose_the_step(
    ref: TenantRef, journal: Any
) -> None:
    async def work(step: OpenStep) -> Outcome:
        return Outcome({"text": "nul \x00 and half a pair \ud83d", "n": float("inf")})

    with use_tenant(ref):
        here = await journal()
        await here.step("a", "tool", "t", work, input={"arguments": {"k\x00": "\x00"}})
        row = await hop(lambda: Step.objects.get(run=here.run.id))
    assert "\x00" not in row.output["text"] and "nul" in row.output["text"]


async def test_a_tool_is_called_with_the_rights_the_member_has_now(
    ref: TenantRef, journal: Any
) -> None:
    def without_roles() -> int:
        return int(Member.objects.create_user(f"no-roles-{uuid7()}").pk)

    call = ToolCall("1", "create_note", "{}", {"text": "not theirs to write"})
    with use_tenant(ref):
        here = await journal()
        agent = built("create_note", "calculator")
        allowed = await ToolSteps(here, agent).call("allowed", call)
        assert allowed.status == "success", allowed.content
        here.run.member_id = await hop(without_roles)
        told = await ToolSteps(here, agent).call("refused", call)
        ungranted = await ToolSteps(here, built()).call("ungranted", call)
        await hop(lambda: Member.objects.filter(pk=here.run.member_id).delete())
        wrote = await hop(lambda: Note.objects.filter(text="not theirs to write").delete()[0])
    assert told.status == ungranted.status == "error"
    assert "may not use" in told.content and "no tool" in ungranted.content
    assert wrote == 1


async def test_a_writing_call_that_may_have_happened_is_not_repeated(
    ref: TenantRef, journal: Any
) -> None:
    sent: list[str] = []
    mail = Registry()

    @tool(name="send_mail", effect=Effect.WRITE, scope=Scope.NOTES_WRITE, into=mail)
    async def send_mail(context: ToolContext, args: To) -> str:
        """Send it."""
        sent.append(args.to)
        return "sent"

    spec = mail.get("send_mail")
    with use_tenant(ref):
        here = await journal()
        await here._start("turn:0:tool:0", "tool", "send_mail", 1, {"arguments": {"to": "x"}})
        again = ToolSteps(await journal(), built())
        with pytest.raises(NeedsReview, match="can't be known"):
            await again._check_half_done("turn:0:tool:0", spec)
        await again._check_half_done("turn:0:tool:1", spec)
    assert sent == []
