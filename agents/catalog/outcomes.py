"""What became of a component that was installed, and how it is told whose it is."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Any

NOTE = "From the catalogue"


class Outcome(StrEnum):
    INSTALLED = "installed"
    UPDATED = "updated"
    UNCHANGED = "unchanged"
    LEFT_ALONE = "left alone"


@dataclass(frozen=True, slots=True)
class Installed:
    """What became of one component, with a sentence for people."""

    slug: str
    outcome: Outcome
    why: str = ""

    @property
    def writes(self) -> bool:
        """Whether its draft is to be written and published."""
        return self.outcome in (Outcome.INSTALLED, Outcome.UPDATED)

    def __str__(self) -> str:
        return f"{self.slug}: {self.outcome}{f', {self.why}' if self.why else ''}"


def outcome_of(row: Any | None, slug: str, *, edited: bool, same: bool) -> Installed:
    """What to do about a component: `row` is its draft, None where there is none.

    `edited`: the draft isn't what is published; `same`: it is what the catalogue has.
    """
    if row is None:
        return Installed(slug, Outcome.INSTALLED)
    if row.is_archived:
        return Installed(slug, Outcome.LEFT_ALONE, "it is archived")
    if row.published is None or edited:
        return Installed(slug, Outcome.LEFT_ALONE, "its draft has been edited here")
    if same:
        return Installed(slug, Outcome.UNCHANGED)
    if row.published.author_id is not None or row.published.note != NOTE:
        return Installed(slug, Outcome.LEFT_ALONE, "it has been edited and published here")
    return Installed(slug, Outcome.UPDATED, "the catalogue has a newer one")
