"""The WebSocket: start, follow and cancel runs, decide, an inbox; the same events as over SSE.

A browser is known by its session cookie, anyone else by an `authenticate` frame. Each action names
its scope. Rights are read anew for each frame, and on notice of a change, which closes the socket
of whoever is suspended or signed out.
"""

from __future__ import annotations

import asyncio
from contextlib import aclosing, suppress
from http.cookies import CookieError, SimpleCookie
from typing import Any, Literal
from uuid import UUID

import orjson
from channels.generic.websocket import AsyncWebsocketConsumer
from django.conf import settings
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from agents import inbox_feed
from agents.api.visible import may_still_see
from agents.runtime.events import START, Cursor
from agents.runtime.follow import follow
from agents.services.cancel_run import cancel_run
from agents.services.decide import LONGEST_REASON, Decide, decide
from agents.services.opened import open_run
from agents.services.start_run import StartRun, start_run
from config.api_errors import as_problem
from config.errors import BadRequest, Invalid, NotFound, Problem, TooManyRequests, Unauthorized
from config.metrics import PROBLEMS
from config.trace import trace_id
from tenants import happened
from tenants.accounts.browser import by_session
from tenants.accounts.guard import as_now, authenticate, check_scope, note_refusal
from tenants.accounts.live import Watch, watch
from tenants.accounts.principal import Principal
from tenants.accounts.scopes import Scope
from tenants.hop import hop

# Runs one socket may follow at once.
MOST_FOLLOWED = 50

# action -> the scope it needs; None: it is how one proves who one is.
ACTIONS: dict[str, Scope | None] = {
    "authenticate": None,
    "start": Scope.AGENTS_RUN,
    "follow": Scope.RUNS_READ,
    "cancel": Scope.AGENTS_RUN,
    "decide": Scope.APPROVALS_ANSWER,
    "inbox": Scope.APPROVALS_READ,
}
CHANGING = {"start", "cancel", "decide"}  # refused, they are on record


class _Frame(BaseModel):
    model_config = ConfigDict(extra="forbid")
    action: str
    ref: str | int | None = None


class Authenticate(_Frame):
    token: str


class Start(_Frame):
    kind: str = Field(default="agents", pattern="^(agent|team|workflow)s?$")
    slug: str
    input: str | dict[str, Any]
    session_id: UUID | None = None
    revision: int | None = None
    idempotency_key: str | None = None


class Follow(_Frame):
    run_id: UUID
    last_event_id: str | None = None


class Cancel(_Frame):
    run_id: UUID


class Decision(_Frame):
    approval_id: UUID
    decision: Literal["approve", "reject", "respond"]
    arguments: dict[str, Any] | None = None
    response: Any = None
    reason: str = Field(default="", max_length=LONGEST_REASON)


class Inbox(_Frame):
    """Asks for nothing but to be told."""


FRAMES: dict[str, type[_Frame]] = {
    "authenticate": Authenticate,
    "start": Start,
    "follow": Follow,
    "cancel": Cancel,
    "decide": Decision,
    "inbox": Inbox,
}


class RunConsumer(AsyncWebsocketConsumer):
    async def connect(self) -> None:
        self._who: Principal | None = None
        self._session: str | None = None
        self._token = ""
        self._watch: Watch | None = None
        self._following: dict[UUID, asyncio.Task[None]] = {}
        self._inbox: inbox_feed.InboxWatch | None = None
        key = _session_key(self.scope)
        if key and (who := await by_session(key)) is not None:
            self._session = key
            self._known(who)
        await self.accept()

    async def disconnect(self, code: int) -> None:
        if self._watch is not None:
            self._watch.end()
        if self._inbox is not None:
            self._inbox.end()
        tasks = list(self._following.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def send(self, *args: Any, **kwargs: Any) -> None:
        with suppress(OSError):  # the client is gone, and `disconnect` comes next
            await super().send(*args, **kwargs)

    async def receive(self, text_data: str | None = None, bytes_data: bytes | None = None) -> None:
        ref: Any = None
        try:
            raw = _parse(text_data if text_data is not None else bytes_data)
            ref = raw.get("ref") if isinstance(raw.get("ref"), (str, int)) else None
            frame = _frame(raw)
            scope = ACTIONS[frame.action]
            who = None
            if scope is not None:
                who = await self._principal()
                happened.acting_as(happened.actor_of(who))
                if frame.action in CHANGING:
                    await note_refusal(who, scope, f"socket: {frame.action}")
                check_scope(who, scope)
            await getattr(self, f"do_{frame.action}")(who, frame)
        except Exception as error:
            await self._problem(ref, as_problem(error))

    # --- actions ----------------------------------------------------------------------------------

    async def do_authenticate(self, _: None, frame: Authenticate) -> None:
        who = await authenticate(frame.token)
        self._session, self._token = None, frame.token
        self._known(who)
        await self._ack(frame, member=who.username)

    async def do_start(self, who: Principal, frame: Start) -> None:
        self._check_room()
        started = await start_run(
            who,
            StartRun(
                kind=frame.kind.removesuffix("s"),
                slug=frame.slug,
                input=frame.input,
                session_id=frame.session_id,
                revision=frame.revision,
                idempotency_key=frame.idempotency_key,
            ),
        )
        run = started.run
        await self._ack(frame, run_id=str(run.id), session_id=str(run.session_id))
        self._follow(run.id, START)

    async def do_follow(self, who: Principal, frame: Follow) -> None:
        run = await hop(open_run, who, frame.run_id)
        before = self._following.pop(run.id, None)
        if before is not None:  # following anew from another place replaces the first
            before.cancel()
        self._check_room()
        await self._ack(frame, run_id=str(run.id), session_id=str(run.session_id))
        self._follow(run.id, Cursor.parse(frame.last_event_id))

    async def do_cancel(self, who: Principal, frame: Cancel) -> None:
        run = await cancel_run(who, frame.run_id)
        await self._ack(frame, run_id=str(run.id), status=run.status)

    async def do_decide(self, who: Principal, frame: Decision) -> None:
        said = Decide(frame.decision, frame.arguments, frame.response, frame.reason)
        approval = await decide(who, frame.approval_id, said)
        await self._ack(frame, approval_id=str(approval.pk), status=approval.status)

    async def do_inbox(self, who: Principal, frame: Inbox) -> None:
        """How much waits for the member, and from now on word of each change of it."""
        if self._inbox is None:
            self._inbox = inbox_feed.watch(lambda: self._who, self._tell_inbox)
        self._inbox.known = waiting = await inbox_feed.waiting(who)
        await self._ack(frame, waiting=waiting)

    async def _tell_inbox(self, waiting: int) -> None:
        await self._send({"type": "inbox", "waiting": waiting})

    # --- following --------------------------------------------------------------------------------

    def _check_room(self) -> None:
        if len(self._following) >= MOST_FOLLOWED:
            raise TooManyRequests(f"One socket follows at most {MOST_FOLLOWED} runs at once.")

    def _follow(self, run_id: UUID, after: Cursor) -> None:
        task = asyncio.create_task(self._pump(run_id, after))
        self._following[run_id] = task
        task.add_done_callback(lambda done: self._left(run_id, done))

    def _left(self, run_id: UUID, task: asyncio.Task[None]) -> None:
        if self._following.get(run_id) is task:
            del self._following[run_id]

    async def _pump(self, run_id: UUID, after: Cursor) -> None:
        try:
            async with aclosing(follow(run_id, after)) as batches:
                async for batch in batches:
                    for event in batch:
                        await self.send(text_data=event.json().decode())
        except Exception as error:
            await self._problem(None, as_problem(error), run_id=str(run_id))

    # --- who, and answers -------------------------------------------------------------------------

    def _known(self, who: Principal) -> None:
        if self._watch is not None:
            self._watch.end()
        self._who = who
        self._watch = watch(who.member_id, self._look_again)

    async def _principal(self) -> Principal:
        """Whose frame it is, asked anew: the token or the session may have ended meanwhile."""
        if self._session is not None:
            who = await by_session(self._session)
            if who is not None:
                return who
        elif self._who is not None:
            return await authenticate(self._token)
        raise Unauthorized("Send an authenticate frame with an access token first.")

    async def _look_again(self) -> None:
        """Rights may have changed: close the socket, or leave the runs not theirs to see now."""
        who = self._who
        if who is None:
            return
        fresh = await by_session(self._session) if self._session else await as_now(who)
        if fresh is None:
            self._who = None
            problem = Unauthorized("This sign-in was ended: sign in again.", code="token_revoked")
            await self._problem(None, problem)
            await self.close(4401)
            return
        self._who = fresh
        for run_id, task in list(self._following.items()):
            if await may_still_see(who, run_id) is None:
                task.cancel()
                gone = NotFound("The run is not yours to see any more.", code="unknown_run")
                await self._problem(None, gone, run_id=str(run_id))

    async def _ack(self, frame: _Frame, **fields: Any) -> None:
        await self._send({"type": "ack", "action": frame.action, "ref": frame.ref, **fields})

    async def _problem(self, ref: Any, problem: Problem, **fields: Any) -> None:
        PROBLEMS.labels(problem.code).inc()
        await self._send(
            {"type": "error", "ref": ref, "problem": problem.as_dict(trace_id()), **fields}
        )

    async def _send(self, frame: dict[str, Any]) -> None:
        await self.send(text_data=orjson.dumps(frame).decode())


def _parse(data: str | bytes | None) -> dict[str, Any]:
    try:
        frame = orjson.loads(data or b"")
    except orjson.JSONDecodeError:
        raise BadRequest("The frame is not valid JSON.", code="malformed_json") from None
    if not isinstance(frame, dict):
        raise BadRequest("A frame is a JSON object with an action.", code="malformed_frame")
    return frame


def _frame(raw: dict[str, Any]) -> _Frame:
    kind = FRAMES.get(str(raw.get("action")))
    if kind is None:
        raise Invalid(
            f"There is no such action. Actions: {', '.join(FRAMES)}.", code="unknown_action"
        )
    try:
        return kind.model_validate(raw)
    except ValidationError as error:
        shown = [
            {"loc": [str(part) for part in item["loc"]], "msg": item["msg"]}
            for item in error.errors(include_url=False, include_input=False, include_context=False)
        ]
        first = shown[0]
        raise Invalid(f"{'.'.join(first['loc'])}: {first['msg']}", errors=shown) from None


def _session_key(scope: Any) -> str | None:
    """The session cookie of the browser that opens the socket, if it has one."""
    for name, value in scope.get("headers", ()):
        if name == b"cookie":
            try:
                morsel = SimpleCookie(value.decode("latin1")).get(settings.SESSION_COOKIE_NAME)
            except CookieError:
                return None
            return morsel.value if morsel else None
    return None
