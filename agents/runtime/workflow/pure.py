"""Nodes that only work something out: the same from the same values, so done again if need be."""

from __future__ import annotations

from agents.runtime.workflow.place import At
from agents.runtime.workflow.values import NodeFault, Result, holds, worked_out


async def transform(at: At) -> Result:
    found = {name: worked_out(text, at.roots, f"set.{name}") for name, text in at.node.set.items()}
    return Result("completed", found, tainted=at.tainted)


async def condition(at: At) -> Result:
    yes = holds(at.node.when, at.roots, "when")
    return Result("completed", {"holds": yes}, "then" if yes else "else", at.tainted)


async def router(at: At) -> Result:
    route = worked_out(at.node.by, at.roots, "by")
    if not isinstance(route, str):
        raise NodeFault("expression", "by gives no name of a route.")
    taken = route if route in at.node.routes else "otherwise"
    return Result("completed", {"route": taken}, taken, at.tainted)
