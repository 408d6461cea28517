"""What specs of workflows are built from: names, expressions, schemas, and where data comes from.

Defaults are left out of the JSON and so of the digest: a default that is once published stays.
"""

from __future__ import annotations

from functools import cache
from typing import Annotated, Any

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    SerializerFunctionWrapHandler,
    model_serializer,
    model_validator,
)

from agents.guardrails.schema_check import why_no_schema

NAME = r"^[a-z][a-z0-9_]{0,63}$"
SLUG = r"^[a-z0-9](?:[a-z0-9-]{0,62}[a-z0-9])?$"
REFERENCE = r"^[a-z][a-z0-9_]*(?:\.[A-Za-z0-9_-]+)*$"
LONGEST_TEXT = 20_000

Name = Annotated[str, Field(pattern=NAME)]
Slug = Annotated[str, Field(pattern=SLUG)]
Reference = Annotated[str, Field(pattern=REFERENCE, max_length=300)]
"""`node`, `node.field.inner`, `input.field`: where a value is found."""
Expression = Annotated[str, Field(min_length=1, max_length=1000)]
"""CEL over `args` and `input`; the check says what is wrong with one."""
Text = Annotated[str, Field(max_length=LONGEST_TEXT)]


def _schema(value: dict[str, Any]) -> dict[str, Any]:
    if why := why_no_schema(value):
        raise ValueError(f"this is {why}" if why.startswith("no ") else why)
    return value


def _object_schema(value: dict[str, Any]) -> dict[str, Any]:
    if value.get("type") != "object":
        raise ValueError("a schema of an object is needed here: type: object, with its properties")
    return _schema(value)


JsonSchema = Annotated[dict[str, Any], AfterValidator(_schema)]
ObjectSchema = Annotated[dict[str, Any], AfterValidator(_object_schema)]


STRICT = ConfigDict(extra="forbid", frozen=True, serialize_by_alias=True)


class Part(BaseModel):
    """A part of a spec: nothing unknown in it, never changed, without its defaults as JSON."""

    model_config = STRICT

    @model_serializer(mode="wrap")
    def _short(self, dump: SerializerFunctionWrapHandler) -> dict[str, Any]:
        shown: dict[str, Any] = dump(self)
        fields = _fields(type(self))
        return {
            key: value
            for key, value in shown.items()
            if key == "kind" or getattr(self, fields[key][0]) != fields[key][1]
        }


@cache
def _fields(kind: type[BaseModel]) -> dict[str, tuple[str, Any]]:
    """By the key in JSON, a field's name and its default."""
    return {
        field.serialization_alias or field.alias or name: (
            name,
            field.get_default(call_default_factory=True),
        )
        for name, field in kind.model_fields.items()
    }


class Source(BaseModel):
    """Where an argument's value comes from. As text, `classify.severity`, it is the plain `from`.

    `first`: of several, the first whose node ran; for joining branches. `default` stands in when
    none did. `value`: a constant.
    """

    model_config = STRICT

    from_: Reference = Field(default="", alias="from")
    first: tuple[Reference, ...] = ()
    value: Any = None
    default: Any = None

    @model_validator(mode="before")
    @classmethod
    def _as_text(cls, given: Any) -> Any:
        return {"from": given} if isinstance(given, str) else given

    @model_validator(mode="after")
    def _one_way(self) -> Source:
        given = [way for way in ("from_", "first", "value") if way in self.model_fields_set]
        if len(given) != 1:
            raise ValueError("give one of from, first or value")
        if "value" in given and self.has_default:
            raise ValueError("a value needs no default")
        if "first" in given and not self.first:
            raise ValueError("name the nodes to take it from")
        return self

    @model_serializer(mode="plain")
    def _shown(self) -> Any:
        if self.from_ and not self.has_default:
            return self.from_
        shown: dict[str, Any] = {}
        if self.from_:
            shown["from"] = self.from_
        elif self.first:
            shown["first"] = list(self.first)
        else:
            shown["value"] = self.value
        if self.has_default:
            shown["default"] = self.default
        return shown

    @property
    def has_default(self) -> bool:
        return "default" in self.model_fields_set

    @property
    def is_value(self) -> bool:
        return "value" in self.model_fields_set

    @property
    def references(self) -> tuple[str, ...]:
        return (self.from_,) if self.from_ else self.first
