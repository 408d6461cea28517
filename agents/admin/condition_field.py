"""The list of conditions of a grant, as rows of a form that are checked while they are written."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django import forms
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils.safestring import SafeString

from agents.tools import registry
from approvals.conditions import LONGEST, LONGEST_WHY, MOST
from approvals.tiers import ADMIN, AUDITED, LABEL, USER

RAISING = [(tier, LABEL[tier]) for tier in (AUDITED, USER, ADMIN)]
PARTS = ("when", "tier", "why")


class ConditionsWidget(forms.Widget):
    """One row for each, and an empty one: also who has no script can add a condition."""

    class Media:
        js = ("console/conditions.js",)

    def render(
        self, name: str, value: Any, attrs: dict[str, Any] | None = None, renderer: Any = None
    ) -> SafeString:
        rows = [*(value if isinstance(value, list) else []), {"when": "", "tier": USER, "why": ""}]
        return render_to_string(
            "admin/console/conditions.html",
            {
                "field": name,
                "id": (attrs or {}).get("id", name),
                "rows": rows,
                "raising": RAISING,
                "longest": LONGEST,
                "longest_why": LONGEST_WHY,
                "most": MOST,
                "check": reverse("admin:approvals_grant_check"),
            },
        )

    def value_from_datadict(self, data: Any, files: Any, name: str) -> list[dict[str, str]]:
        columns = [data.getlist(f"{name}-{part}") for part in PARTS]
        rows = [dict(zip(PARTS, row, strict=True)) for row in zip(*columns, strict=False)]
        return [row for row in rows if row["when"].strip() or row["why"].strip()]

    def value_omitted_from_data(self, data: Any, files: Any, name: str) -> bool:
        return f"{name}-when" not in data

    def id_for_label(self, id_: str) -> str:
        return f"{id_}_0_when"


class ConditionsField(forms.Field):
    """The rows as a list; the form checks them, because it knows which tool they are for."""

    widget = ConditionsWidget

    def to_python(self, value: Any) -> list[Any]:
        return value if isinstance(value, list) else []

    def has_changed(self, initial: Any, data: Any) -> bool:
        return (initial or []) != (data or [])


def parameters_of(tool: str) -> Mapping[str, Any] | None:
    """The schema of an installed tool's arguments; None where nothing is known of them."""
    try:
        return registry.get(tool).parameters
    except registry.UnknownTool:
        return None
