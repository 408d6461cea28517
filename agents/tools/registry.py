"""The tools of this process, by name. Modules declare them with `@tool`; nothing else adds any."""

from __future__ import annotations

import difflib
import inspect
import typing
from collections.abc import Callable
from typing import Any, TypeVar

from pydantic import BaseModel

from agents.tools.spec import Asks, DeclarationError, Effect, Handler, ToolSpec, openai_schema

__all__ = ["Registry", "UnknownTool", "all", "get", "openai_schema", "tool", "toolkits"]

H = TypeVar("H", bound=Handler)


class UnknownTool(LookupError):
    """No tool has that name; the message lists the names there are, the likeliest first."""

    def __init__(self, name: str, known: list[str]) -> None:
        likely = difflib.get_close_matches(name, known, n=3)
        ordered = likely + [other for other in known if other not in likely]
        listed = ", ".join(ordered) or "none"
        self.name = name
        self.message = f"there is no tool {name[:80]!r}; known tools: {listed}"
        super().__init__(self.message)


class Registry:
    def __init__(self) -> None:
        self._specs: dict[str, ToolSpec] = {}

    def add(self, spec: ToolSpec) -> ToolSpec:
        """Register `spec`. Raises `DeclarationError` when the name is taken."""
        if spec.name in self._specs:
            taken = self._specs[spec.name].handler
            raise DeclarationError(
                f"tool {spec.name!r} is registered already, by {taken.__module__}"
            )
        self._specs[spec.name] = spec
        return spec

    def get(self, name: str) -> ToolSpec:
        """The tool called `name`. Raises `UnknownTool`, whose message names the known ones."""
        try:
            return self._specs[name]
        except KeyError:
            raise UnknownTool(name, self.names()) from None

    def __contains__(self, name: object) -> bool:
        return name in self._specs

    def names(self) -> list[str]:
        return sorted(self._specs)

    def all(self) -> list[ToolSpec]:
        """Every tool, by name."""
        return [self._specs[name] for name in self.names()]

    def toolkits(self) -> dict[str, list[ToolSpec]]:
        """The tools by the toolkit that they belong to, both in alphabetical order."""
        kits: dict[str, list[ToolSpec]] = {}
        for spec in sorted(self._specs.values(), key=lambda spec: (spec.toolkit, spec.name)):
            kits.setdefault(spec.toolkit, []).append(spec)
        return kits


_installed = Registry()


def get(name: str) -> ToolSpec:
    """The installed tool called `name`. Raises `UnknownTool`."""
    return _installed.get(name)


def all() -> list[ToolSpec]:
    """Every installed tool, by name."""
    return _installed.all()


def toolkits() -> dict[str, list[ToolSpec]]:
    """The installed tools by toolkit."""
    return _installed.toolkits()


def tool(
    *,
    effect: Effect,
    scope: str,
    name: str | None = None,
    description: str | None = None,
    arguments: type[BaseModel] | None = None,
    toolkit: str = "builtin",
    timeout: float = 20.0,
    attempts: int = 0,
    max_output: int = 16_000,
    transactional: bool = False,
    tier: str = "free",
    asks: Asks | None = None,
    external: bool = False,
    untrusted: bool = False,
    into: Registry | None = None,
) -> Callable[[H], H]:
    """Declare `(context, args) -> str | dict | list | model` as a tool; it stays a function.

    Name, description and argument model default to the function's name, its docstring up to the
    first blank line, and the annotation of its second parameter. An external tool is a function
    that is never called. Raises `DeclarationError`.
    """

    def declare(handler: H) -> H:
        called = name or handler.__name__
        (_installed if into is None else into).add(
            ToolSpec(
                name=called,
                description=description or _first_paragraph(handler),
                arguments=arguments or _annotated(handler, called),
                effect=effect,
                scope=scope,
                handler=None if external else handler,
                toolkit=toolkit,
                timeout=timeout,
                attempts=attempts,
                max_output=max_output,
                transactional=transactional,
                tier=tier,
                asks=asks,
                external=external,
                untrusted=untrusted,
            )
        )
        return handler

    return declare


def _first_paragraph(handler: Callable[..., Any]) -> str:
    return " ".join((inspect.getdoc(handler) or "").split("\n\n")[0].split())


def _annotated(handler: Callable[..., Any], name: str) -> type[BaseModel]:
    """The model that the second parameter is annotated with."""
    parameters = list(inspect.signature(handler).parameters)
    try:
        found = typing.get_type_hints(handler).get(parameters[1]) if len(parameters) == 2 else None
    except NameError as error:
        raise DeclarationError(f"tool {name!r}: {error}; give arguments= instead") from error
    if not (isinstance(found, type) and issubclass(found, BaseModel)):
        raise DeclarationError(
            f"tool {name!r}: its handler takes (context, args), args annotated with a model"
        )
    return found
