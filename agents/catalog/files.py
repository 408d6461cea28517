"""The catalogue's files, typed: agents and teams as TOML, workflows as the YAML of their export."""

from __future__ import annotations

import tomllib
from collections.abc import Iterable
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from agents.specs import AgentSpec, TeamSpec
from agents.workflows.flaws import sentence
from agents.workflows.known import named
from agents.workflows.reading import read_file
from agents.workflows.spec import WorkflowSpec

FOLDER = Path(__file__).parent
ENDINGS = {".toml": "an agent or a team", ".yaml": "a workflow"}


class CatalogGrant(BaseModel):
    """One `[[grants]]` of a file: the fields of a grant of this agent for one tool."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    tool: str
    tier: Literal["free", "audited", "user", "admin"]
    conditions: tuple[dict[str, str], ...] = ()
    calls_per_run: Annotated[int, Field(ge=1)] | None = None
    calls_per_hour: Annotated[int, Field(ge=1)] | None = None
    timeout_ms: Annotated[int, Field(ge=1)] | None = None
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
    """One component as it ships. `needs` are the slugs of the shipped ones that it is made of."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    spec: AgentSpec | TeamSpec | WorkflowSpec = Field(discriminator="kind")
    grants: tuple[CatalogGrant, ...] = ()

    @property
    def needs(self) -> tuple[str, ...]:
        if isinstance(self.spec, TeamSpec):
            return tuple(member.slug for member in self.spec.members)
        if isinstance(self.spec, WorkflowSpec):
            return tuple(sorted({slug for _, slug, _ in named(self.spec)}))
        return ()


def slugs() -> list[str]:
    """Every component that ships, in alphabetical order."""
    return sorted(file.stem for file in FOLDER.iterdir() if file.suffix in ENDINGS)


def in_order(wanted: Iterable[str]) -> list[str]:
    """These components with all that they are made of, each behind what it is made of.

    Raises LookupError and ValueError as `read` does, ValueError too for one made of itself.
    """
    found: list[str] = []

    def add(slug: str, above: tuple[str, ...]) -> None:
        if slug in above:
            way = " → ".join([*above[above.index(slug) :], slug])
            raise ValueError(f"the catalogue's components are made of each other: {way}")
        if slug not in found:
            for need in read(slug).needs:
                add(need, (*above, slug))
            found.append(slug)

    for slug in wanted:
        add(slug, ())
    return found


def read(slug: str) -> CatalogFile:
    """A shipped component. Raises LookupError when there is no such file; ValueError when it is
    not right, with the file and the place in it.
    """
    files = [FOLDER / f"{slug}{ending}" for ending in ENDINGS]
    there = [file for file in files if file.exists()]
    if slug not in slugs():
        raise LookupError(f"the catalogue has no component {slug!r}; it has {', '.join(slugs())}")
    if len(there) > 1:
        raise ValueError(f"{there[0].name} and {there[1].name} are both {slug!r}")
    [file] = there
    text = file.read_text(encoding="utf-8")
    found = _workflow(file, text) if file.suffix == ".yaml" else _toml(file, text)
    if found.spec.slug != slug:
        raise ValueError(f"{file.name} is of the component {found.spec.slug!r}")
    return found


def _workflow(file: Path, text: str) -> CatalogFile:
    found = read_file(text)
    if found.spec is None:
        raise ValueError(f"{file.name}: {sentence(found.flaws)}")
    return CatalogFile(spec=found.spec)


def _toml(file: Path, text: str) -> CatalogFile:
    try:
        data = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise ValueError(f"{file.name}: {error}") from None
    grants = data.pop("grants", [])
    data["instructions"] = str(data.get("instructions", "")).strip()
    data.setdefault("kind", "agent")
    if data["kind"] == "team":
        data["members"] = [_member(file, at, one) for at, one in enumerate(data.get("members", ()))]
    try:
        found = CatalogFile.model_validate({"spec": data, "grants": grants})
    except ValidationError as error:
        raise ValueError(f"{file.name}: {_told(error, data['kind'])}") from None
    stray = {grant.tool for grant in found.grants} - set(_tools(found))
    if stray:
        raise ValueError(f"{file.name} grants what it doesn't use: {', '.join(sorted(stray))}")
    return found


def _tools(file: CatalogFile) -> tuple[str, ...]:
    return file.spec.tools if isinstance(file.spec, AgentSpec) else ()


def _member(file: Path, at: int, given: Any) -> Any:
    """A member as a team's spec has it: what it is called and for comes from its own file."""
    if not isinstance(given, dict) or "slug" not in given:
        raise ValueError(f"{file.name}: members.{at}: a member is a table with its slug")
    if given["slug"] == file.stem:
        raise ValueError(f"{file.name}: members.{at}.slug: the team would hold itself")
    try:
        spec = read(str(given["slug"])).spec
    except LookupError as error:
        raise ValueError(f"{file.name}: members.{at}.slug: {error.args[0]}") from None
    own = {"kind": spec.kind, "name": spec.name, "description": spec.description}
    return {**given, **own}


def _told(error: ValidationError, kind: str) -> str:
    """Each flaw with the way to its place, as the file has it."""
    told = []
    for one in error.errors(include_url=False, include_input=False):
        # The spec's name and its kind, which are no places of the file.
        way = [str(part) for part in one["loc"] if part not in ("spec", kind)]
        told.append(f"{'.'.join(way) or 'file'}: {one['msg']}")
    return "; ".join(told)
