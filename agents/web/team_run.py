"""A team's run as its page shows it: the tree of who works on what for whom, and each of them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from agents.limits.reached import shown as shown_amount
from agents.models import Run
from agents.services import run_rows
from agents.services.decide import visible_approvals
from agents.web.transcript import taken
from agents.web.workflow_lists import STATUS_LABELS
from tenants.accounts.principal import Principal
from tenants.accounts.scopes import Scope


def tree_part(who: Principal, run: Run) -> dict[str, Any]:
    """What the page, and while the run is live its changing part, is made of."""
    sees = who.may(Scope.APPROVALS_READ)
    rows = run_rows.rows_below(run, visible_approvals(who) if sees else None)
    status = "needs_review" if run.waits_for_review else str(run.status)
    return {
        "run": run,
        "live": run.is_live,
        "status": status,
        "label": STATUS_LABELS[status],
        "drawing": run_rows.drawing(run, rows, _took) if rows else None,
        "counts": run_rows.counts(rows),
        "rows": list(_rows(rows)),
    }


def _rows(rows: list[run_rows.Row]) -> Iterator[dict[str, Any]]:
    for row in run_rows.flat(rows):
        cost = "" if row.cost is None else f"{shown_amount(row.cost)} {row.currency}".rstrip()
        yield {
            "row": row,
            "label": STATUS_LABELS[row.status],
            "line": " ".join(row.task.split()),
            "took": _took(row.seconds),
            "cost": cost,
        }


def _took(seconds: float | None) -> str:
    return "" if seconds is None else taken(round(seconds * 1000))
