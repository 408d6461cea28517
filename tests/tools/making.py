"""Specs and contexts for the tests of this folder."""

from __future__ import annotations

from typing import Any

from agents.tools.registry import Registry, tool
from agents.tools.spec import Arguments, Effect, Handler, ToolContext, ToolSpec
from tenants.accounts.scopes import Scope


class Nothing(Arguments):
    pass


def context(**changes: Any) -> ToolContext:
    values: dict[str, Any] = {
        "run_id": "019a",
        "step_key": "turn-1/call-0",
        "idempotency_key": "019a:turn-1/call-0",
        "member_id": 7,
        "member_time_zone": "Europe/Berlin",
        "tenant_schema": "acme",
        "deadline": None,
    }
    return ToolContext(**(values | changes))


def spec(handler: Handler, name: str = "probe", **changes: Any) -> ToolSpec:
    """The handler as a tool without arguments, in a registry of its own."""
    registry = Registry()
    options: dict[str, Any] = {
        "effect": Effect.READ,
        "scope": Scope.AGENTS_RUN,
        "description": "A probe.",
        "arguments": Nothing,
    }
    tool(name=name, into=registry, **(options | changes))(handler)
    return registry.get(name)
