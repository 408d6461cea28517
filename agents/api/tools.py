"""The tools that agents can be granted."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest
from ninja import Router

from agents.tools import registry
from agents.tools.spec import ToolSpec, openai_schema
from tenants.accounts.guard import requires
from tenants.accounts.scopes import Scope

router = Router(tags=["tools"])


def _tool(spec: ToolSpec) -> dict[str, Any]:
    return {
        "name": spec.name,
        "toolkit": spec.toolkit,
        "description": spec.description,
        "effect": str(spec.effect),
        "tier": spec.tier,
        "scope": str(spec.scope),
        "parameters": openai_schema(spec)["function"]["parameters"],
        "timeout_seconds": spec.timeout,
    }


@router.get("/tools", auth=requires(Scope.TOOLS_READ))
async def list_tools(request: HttpRequest) -> dict[str, Any]:
    return {"items": [_tool(spec) for spec in registry.all()], "next": None}


@router.get("/toolkits", auth=requires(Scope.TOOLS_READ))
async def list_toolkits(request: HttpRequest) -> dict[str, Any]:
    items = [
        {"name": name, "tools": sorted(spec.name for spec in tools)}
        for name, tools in registry.toolkits().items()
    ]
    return {"items": items, "next": None}
