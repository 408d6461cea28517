"""What is wrong with a condition, and where: found when a grant is written, not when it is needed.

CEL's own checker reads an expression twice. Once as it will be run, where arguments may be of any
type. And, where the tool is known, with each argument under the type of the tool's schema: then it
sees a text compared with a number, which at call time would be a failure.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from approvals.conditions import LONGEST, compiled, library
from approvals.expressions import (
    Issue,
    checked,
    schema_variables,
    unknown_fields,
    without_has,
)

_MEMBER = ("username", "email_domain", "roles")
_TENANT = ("slug", "domains")
_WITH_FIELDS = ("args", "member", "tenant")
KNOWN = (*_WITH_FIELDS, "tainted", "component")


def issues(expression: str, parameters: Mapping[str, Any] | None = None) -> list[Issue]:
    """Everything wrong with an expression, in the order of the text; none for a good one.

    `parameters` is the JSON schema of the tool's arguments, None where they aren't known.
    """
    if not expression.strip():
        return [Issue(1, 1, "Write an expression, such as args.amount > 100.")]
    if len(expression) > LONGEST:
        return [Issue(1, LONGEST + 1, f"An expression has at most {LONGEST:,} characters.")]
    found = {(one.line, one.column): one for one in _compiling(compiled, expression)}
    if not found:
        for one in unknown_fields(expression, _fields(parameters)):
            found[one.line, one.column] = one
    if parameters is not None:
        typed = library().NewEnv(variables=_typed(parameters))
        for one in _compiling(typed.compile, without_has(expression, _WITH_FIELDS)):
            found[one.line, one.column] = one  # it names the types
    return [found[place] for place in sorted(found)]


def _compiling(compile_: Any, expression: str) -> Iterator[Issue]:
    gives, found = checked(compile_, expression, KNOWN)
    yield from found
    if gives not in ("", "BOOL", "DYN"):
        shown = gives.lower()
        yield Issue(1, 1, f"It gives {shown}, and a condition gives true or false.")


def _fields(parameters: Mapping[str, Any] | None) -> dict[str, tuple[str, ...] | None]:
    open_ended = parameters is None or parameters.get("additionalProperties") not in (None, False)
    return {
        "args": None if open_ended else tuple((parameters or {}).get("properties", ())),
        "member": _MEMBER,
        "tenant": _TENANT,
    }


def _typed(parameters: Mapping[str, Any]) -> dict[str, Any]:
    cel = library()
    anything = cel.Type.Map(cel.Type.STRING, cel.Type.DYN)
    text = cel.Type.STRING
    found = {
        "args": anything,
        "member": anything,
        "member.username": text,
        "member.email_domain": text,
        "member.roles": cel.Type.List(text),
        "tenant": anything,
        "tenant.slug": text,
        "tenant.domains": cel.Type.List(text),
        "tainted": cel.Type.BOOL,
        "component": text,
    }
    found.update(schema_variables("args", parameters, parameters.get("$defs", {})))
    return found
