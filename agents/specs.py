"""Typed specs: what a revision holds, and the digest that names it."""

from __future__ import annotations

import hashlib
import json
from typing import Annotated, Any, Literal

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    SerializerFunctionWrapHandler,
    model_serializer,
)

from agents.guardrails.specs import GuardrailSpec


class _Spec(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class ModelSpec(_Spec):
    """Which model, and how it is called. `name` "default" means the installation's own."""

    name: str = "default"
    temperature: Annotated[float, Field(ge=0, le=2)] | None = None
    max_output_tokens: Annotated[int, Field(ge=1)] | None = None

    def parameters(self) -> dict[str, Any]:
        """Keyword arguments of a model call."""
        given = {"temperature": self.temperature, "max_tokens": self.max_output_tokens}
        return {name: value for name, value in given.items() if value is not None}


class Limits(_Spec):
    """What one run may use: model calls, tokens in and out together, seconds of wall clock."""

    turns: Annotated[int, Field(ge=1, le=200)] = 10
    tokens: Annotated[int, Field(ge=1)] = 100_000
    seconds: Annotated[int, Field(ge=1)] = 300


class AgentSpec(_Spec):
    kind: Literal["agent"] = "agent"
    slug: str
    name: str
    description: str = ""
    instructions: str = ""
    model: ModelSpec = ModelSpec()
    tools: tuple[str, ...] = ()
    history_runs: Annotated[int, Field(ge=0, le=200)] = 10
    limits: Limits = Limits()
    run_roles: tuple[str, ...] = ()
    guardrails: tuple[GuardrailSpec, ...] = ()

    @model_serializer(mode="wrap")
    def _without_empty(self, dump: SerializerFunctionWrapHandler) -> dict[str, Any]:
        """What came later is left out where it is empty: older specs keep their digests."""
        shown: dict[str, Any] = dump(self)
        return {name: value for name, value in shown.items() if value or name not in _LATER}


_LATER = frozenset({"guardrails"})


def canonical(spec: _Spec) -> bytes:
    """The spec as JSON with sorted keys and no white space: equal specs are equal bytes."""
    return json.dumps(
        spec.model_dump(mode="json"), sort_keys=True, separators=(",", ":"), ensure_ascii=False
    ).encode()


def digest(spec: _Spec) -> str:
    """SHA-256 over the canonical form, as 64 hexadecimal digits."""
    return hashlib.sha256(canonical(spec)).hexdigest()
