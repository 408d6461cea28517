"""What can be configured: a typed form for each kind of guardrail, for agents and tenants."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, field_validator, model_validator

from agents.guardrails.schema_check import why_no_schema
from agents.guardrails.verdicts import Stage

_Stages = Annotated[tuple[Stage, ...], Field(min_length=1)]
_Words = Annotated[
    tuple[Annotated[str, Field(min_length=1, max_length=100)], ...], Field(max_length=500)
]
_Seconds = Annotated[float, Field(gt=0, le=60)]
PiiHow = Literal["mask", "hash", "block"]
PiiKind = Literal["email", "phone", "card", "iban", "ssn", "ip"]
_ALL_PII: dict[PiiKind, PiiHow] = dict.fromkeys(
    ("email", "phone", "card", "iban", "ssn", "ip"), "mask"
)


class _Guardrail(BaseModel):
    """`name` is how verdicts name it. `on_error`: what a check that fails or is too slow means."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: Annotated[str, Field(max_length=64, pattern=r"^[a-z0-9][a-z0-9-]*$")] = ""
    on_error: Literal["block", "allow"] = "block"

    @model_validator(mode="before")
    @classmethod
    def _named(cls, value: Any) -> Any:
        if isinstance(value, dict) and not value.get("name") and value.get("kind"):
            return {**value, "name": str(value["kind"])}
        return value


class Pii(_Guardrail):
    """Personal data. Kinds that aren't listed are left alone."""

    kind: Literal["pii"] = "pii"
    stages: _Stages = (Stage.INPUT, Stage.OUTPUT)
    kinds: Annotated[dict[PiiKind, PiiHow], Field(min_length=1)] = _ALL_PII


class Secrets(_Guardrail):
    """Keys, tokens, passwords."""

    kind: Literal["secrets"] = "secrets"
    stages: _Stages = (Stage.INPUT, Stage.TOOL_RESULT, Stage.OUTPUT)
    action: Literal["redact", "block"] = "redact"


class Injection(_Guardrail):
    """Text that gives orders. `note` lets it pass, on record.

    `mark_data` shows tools' results to the model as data. `after_untrusted` is what becomes of the
    run's tools once it has read what comes from outside, or what tripped this: `read_only` refuses
    those that write, `raise_tier` asks people as if the tool's tier were one higher.
    """

    kind: Literal["injection"] = "injection"
    stages: _Stages = (Stage.INPUT, Stage.TOOL_RESULT)
    action: Literal["note", "redact", "block"] = "block"
    mark_data: bool = True
    after_untrusted: Literal["nothing", "raise_tier", "read_only"] = "raise_tier"


class Moderation(_Guardrail):
    """An endpoint that judges content (OpenAI's form), a list of one's own, or both.

    `provider` is the slug of one of the tenant's providers.
    """

    kind: Literal["moderation"] = "moderation"
    stages: _Stages = (Stage.INPUT, Stage.OUTPUT)
    words: _Words = ()
    provider: Annotated[str, Field(max_length=64)] = ""
    model: Annotated[str, Field(max_length=100)] = "omni-moderation-latest"
    seconds: _Seconds = 5.0

    @model_validator(mode="after")
    def _something(self) -> Moderation:
        if not self.words and not self.provider:
            raise ValueError("name a provider, or list words, or both")
        return self


class Topic(_Guardrail):
    """Words that may not come up (`deny`), and words of which one must (`allow`)."""

    kind: Literal["topic"] = "topic"
    stages: _Stages = (Stage.INPUT, Stage.OUTPUT)
    deny: _Words = ()
    allow: _Words = ()
    action: Literal["redact", "block"] = "block"

    @model_validator(mode="after")
    def _something(self) -> Topic:
        if not self.deny and not self.allow:
            raise ValueError("list words under deny, or under allow, or both")
        return self


class Length(_Guardrail):
    """No more characters than this."""

    kind: Literal["length"] = "length"
    stages: _Stages = (Stage.INPUT, Stage.OUTPUT)
    characters: Annotated[int, Field(ge=1, le=10_000_000)] = 20_000


class Schema(_Guardrail):
    """The answer must be JSON that matches a schema. `repair`: the model may mend it, once."""

    kind: Literal["schema"] = "schema"
    stages: Annotated[tuple[Literal[Stage.OUTPUT], ...], Field(min_length=1)] = (Stage.OUTPUT,)
    json_schema: dict[str, Any]
    repair: bool = True

    @field_validator("json_schema")
    @classmethod
    def _a_schema(cls, value: dict[str, Any]) -> dict[str, Any]:
        if why := why_no_schema(value):
            raise ValueError(why)
        return value


class Judge(_Guardrail):
    """Another model decides whether a text keeps to `rules`."""

    kind: Literal["judge"] = "judge"
    stages: _Stages = (Stage.OUTPUT,)
    model: Annotated[str, Field(max_length=100)] = "default"
    rules: Annotated[str, Field(min_length=1, max_length=4_000)]
    seconds: _Seconds = 15.0


GuardrailSpec = Annotated[
    Pii | Secrets | Injection | Moderation | Topic | Length | Schema | Judge,
    Field(discriminator="kind"),
]
KINDS: dict[str, type[_Guardrail]] = {
    "pii": Pii,
    "secrets": Secrets,
    "injection": Injection,
    "moderation": Moderation,
    "topic": Topic,
    "length": Length,
    "schema": Schema,
    "judge": Judge,
}
LABELS = {
    "pii": "Personal data",
    "secrets": "Secrets",
    "injection": "Prompt injection",
    "moderation": "Moderation",
    "topic": "Topics",
    "length": "Length",
    "schema": "Schema of the answer",
    "judge": "Judged by a model",
}
one: TypeAdapter[GuardrailSpec] = TypeAdapter(GuardrailSpec)
several: TypeAdapter[tuple[GuardrailSpec, ...]] = TypeAdapter(tuple[GuardrailSpec, ...])


def repeated_names(specs: tuple[GuardrailSpec, ...]) -> list[str]:
    """Names that more than one of these has: verdicts could not be told apart."""
    names = [spec.name for spec in specs]
    return sorted({name for name in names if names.count(name) > 1})
