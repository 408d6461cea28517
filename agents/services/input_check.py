"""A run's input before anything is done with it: there, not too long, and what is declared."""

from __future__ import annotations

from typing import Any

from django.conf import settings

from agents.runtime.build import Built
from agents.runtime.workflow.built import BuiltWorkflow
from agents.runtime.workflow.typed_input import misfits, size_of
from config.errors import Invalid

DEEPEST = 40
"""Levels of an input that is an object."""


def check_given(given: str | dict[str, Any]) -> None:
    """Raises Invalid for an input that nothing can be run on."""
    if isinstance(given, str) and not given.strip():
        raise Invalid(
            "The input is empty: say what the agent should do.",
            code="input_empty",
            errors=[{"loc": ["body", "input"], "msg": "must not be empty"}],
        )
    if why := "" if isinstance(given, str) else _unfit(given):
        raise Invalid(f"The input can't be kept: {why}.", code="input_form")
    size = size_of(given)
    if size > settings.INPUT_MAX_CHARS:
        raise Invalid(
            f"The input has {size:,} characters; at most {settings.INPUT_MAX_CHARS:,} are allowed.",
            code="input_too_long",
            errors=[{"loc": ["body", "input"], "msg": "too long"}],
        )
    if _has_nul(given):
        raise Invalid("The input holds a NUL character, which text may not.", code="input_nul")


def _unfit(value: Any, level: int = 0) -> str:
    """What makes JSON that can't be kept, or ""."""
    if level > DEEPEST:
        return f"it is nested more than {DEEPEST} deep"
    if isinstance(value, int) and not -(2**63) <= value < 2**63:
        return "a whole number in it has more than 64 bits"
    inner = value.values() if isinstance(value, dict) else value
    if isinstance(inner, str) or not hasattr(inner, "__iter__"):
        return ""
    return next((why for one in inner if (why := _unfit(one, level + 1))), "")


def _has_nul(value: Any) -> bool:
    if isinstance(value, str):
        return "\x00" in value
    if isinstance(value, dict):
        return any(_has_nul(name) or _has_nul(inner) for name, inner in value.items())
    return isinstance(value, list) and any(map(_has_nul, value))


def check_typed(component: Built, given: str | dict[str, Any]) -> None:
    """Raises Invalid, naming the fields, where a workflow's input isn't as its schema has it."""
    if not isinstance(component, BuiltWorkflow):
        if not isinstance(given, str):
            raise Invalid(
                f"The input of the {component.spec.kind} {component.spec.name} is a text.",
                code="input_schema",
                errors=[{"loc": ["body", "input"], "msg": "must be a text"}],
            )
        return
    if wrong := misfits(component.spec.graph, given):
        place = ".".join(str(part) for part in wrong[0]["loc"][1:])
        raise Invalid(
            f"The input doesn't fit the workflow: {place}: {wrong[0]['msg']}.",
            code="input_schema",
            errors=wrong,
        )
