"""Plans: what a planner may say, read as types and held against the team that carries it out."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from agents.runtime.messages import breaches
from agents.specs import MemberSpec, TeamSpec

SUBMIT = "submit_plan"
"""The name of the planner's only tool."""

_FROM = re.compile(r"([a-z][a-z0-9_-]{0,39})(?:\.([A-Za-z_]\w*))?")
_MOST_TOLD = 10


class PlanStep(BaseModel):
    """One piece of work. An input is a value, or `{"from": "step"}`, `{"from": "step.field"}`."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    id: Annotated[str, Field(pattern=r"^[a-z][a-z0-9_-]{0,39}$")]
    assignee: str
    goal: Annotated[str, Field(min_length=1, max_length=4000)]
    inputs: dict[str, Any] = {}
    depends_on: tuple[str, ...] = ()
    fallback: str | None = None

    def sources(self) -> dict[str, tuple[str, str | None]]:
        """Of inputs that are taken from other steps: the step, and its result's field if one."""
        found = {}
        for name, value in self.inputs.items():
            if isinstance(value, dict) and set(value) == {"from"}:
                match = _FROM.fullmatch(str(value["from"]))
                found[name] = (match[1], match[2]) if match else (str(value["from"]), None)
        return found

    @property
    def needs(self) -> tuple[str, ...]:
        """The steps that come before it, named or taken from."""
        taken = [source for source, _ in self.sources().values()]
        return tuple(dict.fromkeys([*self.depends_on, *taken]))


class Plan(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    steps: Annotated[tuple[PlanStep, ...], Field(min_length=1)]

    def after(self, ids: set[str]) -> set[str]:
        """These steps and all that build on them."""
        found = set(ids)
        while True:
            more = {one.id for one in self.steps if set(one.needs) & found} - found
            if not more:
                return found
            found |= more

    @property
    def last(self) -> set[str]:
        """The steps that no other builds on."""
        needed = {id for one in self.steps for id in one.needs}
        return {one.id for one in self.steps} - needed


def read_plan(team: TeamSpec, given: Any) -> Plan | list[str]:
    """The plan; or, of one that breaks its contract, what is wrong with it, each with its place."""
    try:
        plan = Plan.model_validate(given)
    except ValidationError as error:
        shown = error.errors(include_url=False, include_input=False, include_context=False)
        return [f"{'.'.join(map(str, one['loc']))}: {one['msg']}" for one in shown[:_MOST_TOLD]]
    wrong = list(_wrong(team, plan))
    return wrong[:_MOST_TOLD] or plan


def _wrong(team: TeamSpec, plan: Plan) -> Iterator[str]:
    assert team.plan is not None
    if len(plan.steps) > team.plan.most_steps:
        yield f"steps: at most {team.plan.most_steps} are allowed, and there are {len(plan.steps)}"
    known: dict[str, PlanStep] = {}
    for step in plan.steps:
        if step.id in known:
            yield f"{step.id}: another step has this id"
        known[step.id] = step
    for step in plan.steps:
        yield from _wrong_step(team, step, known)
    if cycle := _cycle(plan, known):
        yield f"steps: they wait for one another: {' → '.join(cycle)}"


def _wrong_step(team: TeamSpec, step: PlanStep, known: dict[str, PlanStep]) -> Iterator[str]:
    for place, slug in (("assignee", step.assignee), ("fallback", step.fallback)):
        if slug is None:
            continue
        member = member_of(team, slug)
        if member is None:
            slugs = ", ".join(one.slug for one in team.members)
            yield f"{step.id}.{place}: there is no member {slug!r}. Members: {slugs}"
        else:
            yield from _wrong_inputs(team, step, member, known)
    for needed in step.needs:
        if needed not in known:
            yield f"{step.id}: there is no step {needed!r} to wait for"


def _wrong_inputs(
    team: TeamSpec, step: PlanStep, member: MemberSpec, known: dict[str, PlanStep]
) -> Iterator[str]:
    """What can be told of a message to the member before there is one."""
    schema = member.input_schema or {}
    wanted: dict[str, Any] = schema.get("properties") or {}
    sources = step.sources()
    for name in schema.get("required") or ():
        if name not in step.inputs:
            yield f"{step.id}.inputs: {member.slug} needs {name}"
    if schema.get("additionalProperties") is False:
        for name in step.inputs:
            if name not in wanted:
                listed = ", ".join(wanted) or "nothing"
                yield f"{step.id}.inputs.{name}: {member.slug} takes {listed}"
    for name, value in step.inputs.items():
        if name not in sources:
            inner = wanted.get(name)
            for line in breaches(value, inner if isinstance(inner, dict) else None):
                yield f"{step.id}.inputs.{name}{line.removeprefix('$')}"
            continue
        source, field = sources[name]
        producer = member_of(team, known[source].assignee) if source in known else None
        if producer is not None:
            yield from _wrong_source(step, name, field, producer, wanted.get(name))


def _wrong_source(
    step: PlanStep, name: str, field: str | None, producer: MemberSpec, wanted: Any
) -> Iterator[str]:
    made: Any = producer.output_schema
    if made is None:
        if field is not None:
            yield f"{step.id}.inputs.{name}: {producer.slug} answers in words and has no {field}"
            return
        made = {"type": "string"}
    elif field is not None:
        fields = made.get("properties") or {}
        if fields and field not in fields:
            yield f"{step.id}.inputs.{name}: {producer.slug} gives no {field}"
            return
        made = fields.get(field) or {}
    have, want = made.get("type"), wanted.get("type") if isinstance(wanted, dict) else None
    if not (isinstance(have, str) and isinstance(want, str)):
        return
    if have != want and (have, want) != ("integer", "number"):
        yield f"{step.id}.inputs.{name}: {producer.slug} gives {have}, and {want} is wanted"


def _cycle(plan: Plan, known: dict[str, PlanStep]) -> list[str]:
    """Steps that wait for one another, the first named again at the end; [] if none do."""
    left = {step.id: {need for need in step.needs if need in known} for step in plan.steps}
    while free := [id for id, needs in left.items() if not needs]:
        for id in free:
            del left[id]
        left = {id: needs - set(free) for id, needs in left.items()}
    if not left:
        return []
    way = [next(iter(left))]
    while (following := next(iter(sorted(left[way[-1]])))) not in way:
        way.append(following)
    return [*way[way.index(following) :], following]


def member_of(team: TeamSpec, slug: str) -> MemberSpec | None:
    return next((one for one in team.members if one.slug == slug), None)


def plan_schema(team: TeamSpec) -> dict[str, Any]:
    """The planner's tool in OpenAI's format, with what each member is for, takes and gives."""
    assert team.plan is not None
    slugs = [one.slug for one in team.members]
    members = "\n".join(
        f"- {one.slug}: {one.name}. {one.description}".rstrip() for one in team.members
    )
    text = {"type": "string"}
    step = {
        "type": "object",
        "properties": {
            "id": {**text, "description": "Small letters, digits, - and _."},
            "assignee": {**text, "enum": slugs, "description": f"The members:\n{members}"},
            "goal": {**text, "description": "What the assignee is to do, with all it must know."},
            "inputs": {
                "type": "object",
                "description": "By name: a value, or the result of another step as "
                '{"from": "step"}, one field of it as {"from": "step.field"}.' + _contracts(team),
            },
            "depends_on": {"type": "array", "items": text, "description": "Ids of earlier steps."},
            "fallback": {**text, "enum": slugs, "description": "Who does it if it fails."},
        },
        "required": ["id", "assignee", "goal"],
        "additionalProperties": False,
    }
    return {
        "type": "function",
        "function": {
            "name": SUBMIT,
            "description": "Submit the plan by which the members of the team do what is asked. "
            "You don't do any of it yourself. Steps that don't depend on one another are done at "
            "the same time.",
            "parameters": {
                "type": "object",
                "properties": {
                    "steps": {
                        "type": "array",
                        "items": step,
                        "minItems": 1,
                        "maxItems": team.plan.most_steps,
                    }
                },
                "required": ["steps"],
                "additionalProperties": False,
            },
        },
    }


def _contracts(team: TeamSpec) -> str:
    lines = []
    for one in team.members:
        for what, schema in (("takes", one.input_schema), ("gives", one.output_schema)):
            if schema:
                lines.append(f"\n- {one.slug} {what}: {json.dumps(schema, ensure_ascii=False)}")
    return "".join(lines)
