"""Which revisions a team's members and a workflow's nodes are: decided once, at a run's start."""

from __future__ import annotations

from typing import Any

from django.conf import settings

from agents.runtime import sql
from agents.runtime.build import Built, BuiltTeam, built
from agents.runtime.outcomes import as_jsonb
from agents.runtime.workflow.built import BuiltWorkflow
from agents.runtime.workflow.members import roster_key
from agents.workflows.known import named
from config.errors import Conflict
from tenants.pool import tenant_connection

# Kind, slug, and a revision where one is named.
_Part = tuple[str, str, int | None]

_PUBLISHED = " UNION ALL ".join(
    f"""SELECT '{kind}', slug, NULL::int, published_id FROM {table}
    WHERE slug = ANY(%({kind})s) AND NOT is_archived AND published_id IS NOT NULL"""
    for kind, table in sql.TABLES.items()
)
_PINNED = """
    UNION ALL SELECT r.kind, r.slug, r.number, r.id FROM agents_revision r
    JOIN jsonb_to_recordset(%(pinned)s::jsonb) AS p(kind text, slug text, number int)
        ON p.kind = r.kind AND p.slug = r.slug AND p.number = r.number
"""


async def roster_of(component: Built) -> dict[str, int] | None:
    """The revision of each part, however deep, by `roster_key`; None for an agent.

    One statement for each level. Raises Conflict when one of them isn't published any more, when
    a team or workflow has come to hold itself, or when they are too deep.
    """
    if not isinstance(component, BuiltTeam | BuiltWorkflow):
        return None
    whole: Built = component
    found: dict[str, int] = {}
    level = _parts(component)
    for _ in range(_deepest(component)):
        new = {roster_key(*part): part for part in level if roster_key(*part) not in found}
        found |= await _revisions(component, list(new.values()))
        level = []
        for key, part in new.items():
            if part[0] != "agent":
                level += _parts(await built(found[key]))
        if any(part[:2] == (whole.spec.kind, whole.spec.slug) for part in level):
            raise Conflict(
                f"The {whole.spec.kind} {whole.spec.name} has come to hold itself, through a part "
                "of it: take it out there, and publish that one again.",
                code="team_cycle" if whole.spec.kind == "team" else "workflow_cycle",
            )
        if not level:
            return found
    raise Conflict(
        f"What is in {whole.spec.name} is more than {_deepest(component)} deep.",
        code="team_too_deep" if whole.spec.kind == "team" else "workflow_too_deep",
    )


def _deepest(component: Built) -> int:
    if isinstance(component, BuiltTeam):
        return int(settings.TEAM_DEPTH_MAX)
    return int(settings.WORKFLOW_DEPTH_MAX)


def _parts(component: Built) -> list[_Part]:
    if isinstance(component, BuiltTeam):
        return [(one.kind, one.slug, None) for one in component.spec.members]
    if isinstance(component, BuiltWorkflow):
        return named(component.spec.graph)
    return []


async def _revisions(component: Built, parts: list[_Part]) -> dict[str, int]:
    if not parts:
        return {}
    values: dict[str, Any] = {
        kind: [slug for one, slug, number in parts if one == kind and number is None]
        for kind in sql.TABLES
    }
    pinned = [part for part in parts if part[2] is not None]
    statement = _PUBLISHED
    if pinned:
        statement += _PINNED
        values["pinned"] = as_jsonb(
            [{"kind": kind, "slug": slug, "number": number} for kind, slug, number in pinned]
        )
    async with tenant_connection(settings.START_DATABASE_SECONDS) as conn:
        rows: Any = await (await conn.execute(statement, values)).fetchall()
    found = {roster_key(kind, slug, number): revision for kind, slug, number, revision in rows}
    for part in parts:
        if roster_key(*part) not in found:
            raise _missing(component, part)
    return found


def _missing(component: Built, part: _Part) -> Conflict:
    kind, slug, number = part
    spec = component.spec
    which = f"{kind} {slug}" if number is None else f"revision {number} of the {kind} {slug}"
    return Conflict(
        f"The {which}, a part of the {spec.kind} {spec.name}, is not published (any more): publish "
        f"it, or take it out of the {spec.kind}.",
        code="member_unpublished",
        member=f"{kind}:{slug}",
    )
