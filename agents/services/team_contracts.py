"""What is wrong with the contracts of a team that plans: its rules, and its members' schemas."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from django.contrib.auth.models import Group

from agents.guardrails.schema_check import why_no_schema
from agents.specs import TeamSpec
from agents.team_rules import issues


def contract_issues(spec: TeamSpec) -> Iterator[tuple[list[Any], str]]:
    """Each as its place in the spec and a sentence."""
    assert spec.plan is not None
    slugs = [member.slug for member in spec.members]
    for at, rule in enumerate(spec.plan.rules):
        for issue in issues(rule.check):
            yield ["plan", "rules", at, "check"], f"Rule {at + 1}, {issue}"
        if rule.member and rule.member not in slugs:
            listed = ", ".join(slugs)
            said = f"Rule {at + 1}: the team has no member {rule.member!r}. Members: {listed}."
            yield ["plan", "rules", at, "member"], said
    for at, member in enumerate(spec.members):
        for name, schema in (("takes", member.input_schema), ("answers", member.output_schema)):
            if schema is None:
                continue
            field = "input_schema" if name == "takes" else "output_schema"
            place = ["members", at, field]
            if why := why_no_schema(schema):
                yield place, f"What {member.name} {name} is {why}."
            elif field == "input_schema" and schema.get("type") != "object":
                yield place, f"What {member.name} takes has to be an object: inputs by their names."
    known = set(Group.objects.values_list("name", flat=True))
    for role in spec.plan.review_roles:
        if role not in known:
            yield ["plan", "review_roles"], f"There is no role {role!r} to review."
