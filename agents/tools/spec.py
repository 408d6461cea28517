"""What a tool is: its name, its arguments, what it may do to the world, and what it needs."""

from __future__ import annotations

import hashlib
import inspect
import json
import re
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from functools import cached_property
from typing import Any

from pydantic import BaseModel, ConfigDict

from tenants.accounts.scopes import Scope

NAME = re.compile(r"[a-z][a-z0-9]*(_[a-z0-9]+)*")
NAME_LENGTH = 64
SMALLEST_OUTPUT = 200


class Effect(StrEnum):
    """What a call does to the world; it decides whether an unfinished call may be repeated."""

    READ = "read"
    IDEMPOTENT_WRITE = "idempotent_write"
    WRITE = "write"


class Arguments(BaseModel):
    """Base of argument models: unknown fields are an error, so that the model learns of them."""

    model_config = ConfigDict(extra="forbid", frozen=True, str_strip_whitespace=True)


class DeclarationError(ValueError):
    """A tool is declared wrongly. Raised when its module is imported, so never during a run."""


@dataclass(frozen=True, slots=True)
class ToolContext:
    """On whose behalf a tool works, and in which step. `deadline` is in `time.monotonic` seconds.

    `idempotency_key` is the same when the step is entered again, in whatever process: a tool that
    writes to a remote service passes it on.
    """

    run_id: str
    step_key: str
    idempotency_key: str
    member_id: int
    member_time_zone: str
    tenant_schema: str
    deadline: float | None
    response: Any = None
    """What the member filled in, an instance of the model that the tool `asks` for."""


Handler = Callable[[ToolContext, Any], Any]
Asks = Callable[[Any], type[BaseModel]]
TIERS = ("free", "audited", "user", "admin")


@dataclass(frozen=True, eq=False)
class ToolSpec:
    """One tool. `timeout` is in seconds, `max_output` in characters.

    A transactional tool's effect lies in this database alone: its handler is a plain ORM function
    that the journal runs in the transaction of the finished step. Any other handler is `async def`.
    An `external` one has none: the client that follows the run does the work and gives its result.

    `tier` holds where no grant says otherwise. `asks` makes of the parsed arguments the model of a
    form that the member fills in before the call; the handler finds it in `context.response`.
    `untrusted`: its results hold what others wrote (pages, mails, documents of strangers).
    """

    name: str
    description: str
    arguments: type[BaseModel]
    effect: Effect
    scope: str
    handler: Handler | None
    toolkit: str = "builtin"
    timeout: float = 20.0
    attempts: int = 0  # 0 means the most that the effect allows by default
    max_output: int = 16_000
    transactional: bool = False
    tier: str = "free"
    asks: Asks | None = None
    external: bool = False
    untrusted: bool = False

    def __post_init__(self) -> None:
        if not NAME.fullmatch(self.name) or len(self.name) > NAME_LENGTH:
            raise self._wrong(f"a name is snake_case and at most {NAME_LENGTH} characters")
        if not self.description.strip():
            raise self._wrong("a description is missing: the model chooses by it")
        if not self.scope:
            raise self._wrong("it names no scope, and without one nobody may call it")
        if self.scope not in {str(scope) for scope in Scope}:
            raise self._wrong(f"there is no scope {str(self.scope)!r}")
        if self.arguments.model_config.get("extra") != "forbid":
            raise self._wrong('its argument model must have extra="forbid"')
        if self.timeout <= 0 or self.max_output < SMALLEST_OUTPUT or self.attempts < 0:
            raise self._wrong("a time-out, attempts or output limit is out of range")
        if self.tier not in TIERS:
            raise self._wrong(f"there is no tier {self.tier!r}")
        if self.external != (self.handler is None):
            raise self._wrong("an external tool has no handler, and any other has one")
        if self.external and (self.transactional or self.asks is not None):
            raise self._wrong("an external tool is neither transactional nor asks for anything")
        if not self.external and self.transactional == inspect.iscoroutinefunction(self.handler):
            raise self._wrong("a transactional handler is a plain function, any other is async def")
        if self.effect is Effect.WRITE and self.attempts > 1:
            raise self._wrong("a write is attempted once: a second attempt might do it twice")
        object.__setattr__(self, "effect", Effect(self.effect))
        object.__setattr__(self, "scope", str(self.scope))
        if not self.attempts:
            object.__setattr__(self, "attempts", 1 if self.effect is Effect.WRITE else 2)

    def _wrong(self, why: str) -> DeclarationError:
        return DeclarationError(f"tool {self.name!r}: {why}")

    @property
    def safe_to_repeat(self) -> bool:
        """Whether a call that started and didn't finish may be done again without asking anyone.

        True for a transactional write as well: unfinished means that nothing of it was committed.
        """
        return self.transactional or self.effect is not Effect.WRITE

    @cached_property
    def parameters(self) -> dict[str, Any]:
        """JSON schema of the arguments, without the generated titles. Shared: don't change it."""
        schema = self.arguments.model_json_schema()
        schema.pop("description", None)  # the docstring of the argument model is not for the model
        stripped: dict[str, Any] = _without_titles(schema)
        return stripped

    @cached_property
    def openai(self) -> dict[str, Any]:
        return {
            "type": "function",
            "function": {
                "name": self.name,
                "description": self.description,
                "parameters": self.parameters,
            },
        }

    @cached_property
    def version(self) -> str:
        """SHA-256 over what the model is told and what the tool may do, 64 hexadecimal digits."""
        told = {
            "description": self.description,
            "effect": self.effect.value,
            "parameters": self.parameters,
        }
        canonical = json.dumps(told, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
        return hashlib.sha256(canonical.encode()).hexdigest()


def openai_schema(spec: ToolSpec) -> dict[str, Any]:
    """The tool as chat models are told of it. Computed once a spec and shared: don't change it."""
    return spec.openai


_NAMED = ("properties", "$defs", "patternProperties")  # maps whose keys are names, not keywords
_LITERAL = ("default", "const", "enum", "examples")  # values, to be left as they are


def _without_titles(schema: Any) -> Any:
    if isinstance(schema, list):
        return [_without_titles(item) for item in schema]
    if not isinstance(schema, dict):
        return schema
    kept: dict[str, Any] = {}
    for keyword, value in schema.items():
        if keyword == "title":
            continue
        if keyword in _LITERAL:
            kept[keyword] = value
        elif keyword in _NAMED:
            kept[keyword] = {name: _without_titles(inner) for name, inner in value.items()}
        else:
            kept[keyword] = _without_titles(value)
    return kept
