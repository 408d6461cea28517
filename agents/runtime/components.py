"""What a slug means: the published component, remembered by each process and never trusted.

The memory is a guess: the statement that starts a run also says whether the revision is still the
published one, so a publication elsewhere takes effect on the very next run without a query before
each start.
"""

from __future__ import annotations

from dataclasses import dataclass

from django.conf import settings

from agents.runtime import sql
from tenants.context import current_tenant
from tenants.pool import tenant_connection

_MOST = 4096
_known: dict[tuple[str, str, str], Component] = {}


@dataclass(frozen=True, slots=True)
class Component:
    """A component that is not archived. Without a published revision the last two are None."""

    name: str
    revision_id: int | None = None
    number: int | None = None


def remembered(kind: str, slug: str) -> Component | None:
    """What this process knows of the current tenant's component; it may be out of date."""
    return _known.get((str(current_tenant().id), kind, slug))


async def look_up(kind: str, slug: str) -> Component | None:
    """The component as it is now, or None; remembered when it is published."""
    if kind not in sql.COMPONENT:
        return None
    key = (str(current_tenant().id), kind, slug)
    _known.pop(key, None)
    async with tenant_connection(settings.START_DATABASE_SECONDS) as conn:
        row = await (await conn.execute(sql.COMPONENT[kind], {"slug": slug})).fetchone()
    if row is None:
        return None
    revision_id, number, name = row
    if revision_id is None:
        return Component(name)
    found = Component(name, revision_id, number)
    if len(_known) >= _MOST:
        _known.pop(next(iter(_known)), None)
    _known[key] = found
    return found
