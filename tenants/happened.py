"""What happens that is to be on record: told here, written down by whoever listens.

    happened.tell("sign_in.failed", target=("member", 3, "Ada"), result="refused")

`tell` is synchronous and part of the caller's transaction: what is undone was never told. Nothing
here knows the audit log, which is above: it subscribes with `on`. Who acts is read from the context
of the request, socket, job or run; only where nobody is signed in yet is it said.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any, Literal
from uuid import UUID

from django.conf import settings

from config.proxies import client_address
from config.trace import member_id, run_id, trace_id
from tenants.context import current_or_none

Result = Literal["ok", "refused", "failed"]
Target = tuple[str, object, str]
"""What it is (a noun), its id, and its name as text, which stays readable when it is gone."""


@dataclass(frozen=True, slots=True)
class Actor:
    """`via`: session, token, key, agent (on the member's behalf), platform, system, "" for nobody.

    `credential` is the token family's or the key's id. An empty name is looked up by the id.
    """

    member_id: int | None = None
    name: str = ""
    via: str = ""
    credential: str = ""


@dataclass(frozen=True, slots=True)
class Happened:
    """One thing that happened. `before` and `after` are of configuration and hold no secret."""

    action: str
    actor: Actor
    target: Target = ("", "", "")
    result: Result = "ok"
    before: Mapping[str, Any] | None = None
    after: Mapping[str, Any] | None = None
    detail: Mapping[str, Any] | None = None
    run_id: UUID | None = None
    trace_id: str = ""
    address: str = ""


Listener = Callable[[Happened], None]

_listeners: list[Listener] = []
_scope: ContextVar[Mapping[str, Any] | None] = ContextVar("came_from", default=None)
_acting: ContextVar[Actor | None] = ContextVar("acting_as", default=None)


def on(listener: Listener) -> None:
    """Call `listener` with everything that is told, in the transaction of who tells."""
    if listener not in _listeners:
        _listeners.append(listener)


def tell(
    action: str,
    *,
    target: Target = ("", "", ""),
    result: Result = "ok",
    before: Mapping[str, Any] | None = None,
    after: Mapping[str, Any] | None = None,
    detail: Mapping[str, Any] | None = None,
    run: UUID | None = None,
    actor: Actor | None = None,
) -> None:
    """Put it on record for the active tenant. A listener that fails undoes what it is about."""
    here = run_id()
    happened = Happened(
        action,
        actor or acting(),
        target,
        result,
        before,
        after,
        detail,
        run or (UUID(here) if here else None),
        trace_id(),
        address(),
    )
    for listener in _listeners:
        listener(happened)


# --- who, and from where --------------------------------------------------------------------------


def came_from(scope: Mapping[str, Any]) -> None:
    """From here on, in this request or socket, this ASGI scope says where it comes from."""
    _scope.set(scope)


def acting_as(actor: Actor) -> None:
    """From here on, in this request or frame, it is this one who acts."""
    _acting.set(actor)


def acting() -> Actor:
    """Who acts here, as the active tenant knows them: its member, or somebody of the platform."""
    actor = _acting_where_they_came_in()
    home = (_scope.get() or {}).get("tenant")
    here = current_or_none()
    if home is None or here is None or here.kind == "shared" or here.schema == home.schema:
        return actor
    # The id is another schema's member's.
    return Actor(None, f"{actor.name or actor.member_id} of {home.schema}", home.kind)


def _acting_where_they_came_in() -> Actor:
    if run_id():
        return Actor(member_id(), "", "agent")
    actor = _acting.get()
    if actor is not None:
        return actor
    member = member_id()
    return Actor(member, "", "session") if member is not None else Actor(None, "", "system")


def actor_of(principal: Any) -> Actor:
    """A principal as an actor; one that proved itself by no token is a browser's."""
    return Actor(
        principal.member_id, principal.name, principal.via or "session", principal.credential
    )


def address() -> str:
    """The client's address, whole; "" outside of a request."""
    scope = _scope.get()
    if scope is None:
        return ""
    client = scope.get("client")
    forwarded = b",".join(v for k, v in scope.get("headers", ()) if k == b"x-forwarded-for")
    found = client_address(
        client[0] if client else "", forwarded.decode("latin1"), settings.TRUSTED_PROXIES
    )
    return str(found) if found is not None else ""
