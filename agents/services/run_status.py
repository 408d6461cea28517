"""Runs by the status that people are shown."""

from __future__ import annotations

from django.db.models import Q, QuerySet

from agents.models import Run

# A run that waits for a review is paused to the runtime: a decision goes on with it.
_FOR_REVIEW = Q(**{"status": Run.Status.PAUSED, "pauses__-1__review": True})


def of_status(runs: QuerySet[Run], status: str) -> QuerySet[Run]:
    """Those of `runs` that are shown with this status."""
    if status == "needs_review":
        return runs.filter(Q(status=status) | _FOR_REVIEW)
    if status == "paused":
        return runs.filter(status=status).exclude(_FOR_REVIEW)
    return runs.filter(status=status)
