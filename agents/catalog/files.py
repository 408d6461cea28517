"""The catalogue's files: a component's spec and the grants that come with it, typed."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from agents.specs import AgentSpec

FOLDER = Path(__file__).parent


class CatalogGrant(BaseModel):
    """One `[[grants]]` of a file: the fields of a grant of this component for one tool."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    tool: str
    tier: Literal["free", "audited", "user", "admin"]
    conditions: tuple[dict[str, str], ...] = ()
    calls_per_run: Annotated[int, Field(ge=1)] | None = None
    calls_per_hour: Annotated[int, Field(ge=1)] | None = None
    decider_roles: tuple[str, ...] = ()
    quorum: Annotated[int, Field(ge=1)] = 1
    own_requests: bool = False
    expires_minutes: Annotated[int, Field(ge=1)] = 1440
    on_expiry: Literal["reject", "escalate"] = "reject"
    escalate_to: str = ""
    untrusted: Literal["raise", "keep", "refuse"] = "raise"
    note: str = ""

    def values(self) -> dict[str, Any]:
        """The fields of the row, JSON lists for the tuples."""
        given = self.model_dump()
        given["conditions"] = list(given["conditions"])
        given["decider_roles"] = list(given["decider_roles"])
        return given


class CatalogFile(BaseModel):
    """One component as it ships."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    spec: AgentSpec
    grants: tuple[CatalogGrant, ...] = ()


def slugs() -> list[str]:
    """Every component that ships, in alphabetical order."""
    return sorted(file.stem for file in FOLDER.glob("*.toml"))


def read(slug: str) -> CatalogFile:
    """A shipped component. Raises LookupError when there is no such file, ValueError when it is
    not right.
    """
    file = FOLDER / f"{slug}.toml"
    if slug not in slugs():
        raise LookupError(f"the catalogue has no component {slug!r}; it has {', '.join(slugs())}")
    data = tomllib.loads(file.read_text(encoding="utf-8"))
    grants = data.pop("grants", [])
    data["instructions"] = data.get("instructions", "").strip()
    try:
        found = CatalogFile.model_validate({"spec": data, "grants": grants})
    except ValidationError as error:
        raise ValueError(f"{file.name}: {error}") from None
    if found.spec.slug != slug:
        raise ValueError(f"{file.name} is of the component {found.spec.slug!r}")
    stray = {grant.tool for grant in found.grants} - set(found.spec.tools)
    if stray:
        raise ValueError(f"{file.name} grants what it doesn't use: {', '.join(sorted(stray))}")
    return found
