"""The ways in which a team works, by the names of its modes."""

from __future__ import annotations

from agents.runtime.plan_loop import PlanLoop
from agents.runtime.task_loop import TaskLoop
from agents.runtime.team_loops import BroadcastLoop, CoordinateLoop, RouteLoop

LOOPS: dict[str, type[CoordinateLoop]] = {
    "coordinate": CoordinateLoop,
    "route": RouteLoop,
    "broadcast": BroadcastLoop,
    "plan": PlanLoop,
    "tasks": TaskLoop,
}
