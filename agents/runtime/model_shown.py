"""The model of a run as its row, its events and pages show it."""

from __future__ import annotations

from typing import Any

from agents.providers.registry import registry
from agents.providers.resolve import resolve
from agents.runtime.build import Built
from agents.runtime.workflow.built import BuiltWorkflow


async def shown_model(component: Built) -> dict[str, Any]:
    """Which model it is now that the component asks; of a workflow the currency of what it costs.

    A workflow asks none by itself: its agents do.
    """
    if isinstance(component, BuiltWorkflow):
        return {"currency": (await registry()).currency}
    return (await resolve(component.spec.model.name)).identity()
