"""Fields and forms of limits, for a tenant, for all members and for one."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django import forms
from django.conf import settings
from unfold.widgets import UnfoldAdminDecimalFieldWidget, UnfoldAdminIntegerFieldWidget

from agents.limits.kinds import FIELDS, KINDS, Amount
from agents.limits.known import Limit, Row, usual
from agents.limits.models import DefaultLimits
from agents.limits.reached import shown
from agents.limits.setting import too_much

# Fields of a tenant beside those that a member has as well, and the setting behind each.
_CONCURRENT = {
    "max_concurrent_runs": "TENANT_CONCURRENT_RUNS",
    "max_concurrent_runs_per_member": "MEMBER_CONCURRENT_RUNS",
}
TENANT_FIELDS = (
    ("max_concurrent_runs", "max_concurrent_runs_per_member"),
    ("runs_per_minute", "live_runs"),
    ("tokens_per_day", "tokens_per_month"),
    ("cost_per_day", "cost_per_month"),
)
_MEANS = {
    "max_concurrent_runs": "Run at the same time; what is more waits.",
    "max_concurrent_runs_per_member": "The same for each member.",
    "runs_per_minute": "More are refused until the minute is over.",
    "live_runs": "More are refused until one has ended.",
    "tokens_per_day": "In and out, until midnight UTC.",
    "tokens_per_month": "In and out, until the month is over, UTC.",
    "cost_per_day": "By the prices and in the currency of the tenant's models.",
    "cost_per_month": "By the prices and in the currency of the tenant's models.",
}
_USUAL = {kind.field: kind for kind in KINDS}


def _amount(most: Amount) -> str:
    return shown(most) if most else "no limit"


def tenant_help(name: str) -> str | None:
    """The help of a tenant's field; None if it is no limit."""
    if name in _CONCURRENT:
        installation: Amount = getattr(settings, _CONCURRENT[name])
    elif name in _USUAL:
        installation = usual("TENANT", _USUAL[name])
    else:
        return None
    return (
        f"{_MEANS[name]} Empty: the installation's setting ({_amount(installation)}). 0: no limit."
    )


class LimitsForm(forms.ModelForm):
    """Limits of one member, or of each.

    `of_tenant`: above those nothing is accepted. `otherwise`: the row that holds where a field
    stays empty, before the installation's setting does.
    """

    class Meta:
        model = DefaultLimits  # a member's own limits have the same fields
        fields = FIELDS

    def __init__(
        self,
        data: Any = None,
        *,
        initial: Row,
        of_tenant: tuple[Limit, ...],
        otherwise: Row | None = None,
    ) -> None:
        super().__init__(data, initial=dict(initial))
        self.of_tenant = of_tenant
        for kind in KINDS:
            field = self.fields[kind.field]
            is_cost = kind.unit == "cost"
            widget = UnfoldAdminDecimalFieldWidget if is_cost else UnfoldAdminIntegerFieldWidget
            field.widget = widget(attrs={"min": 0, **({"step": "any"} if is_cost else {})})
            own = (otherwise or {}).get(kind.field)
            whose = "the installation's setting" if own is None else "what each member has"
            most = usual("MEMBER", kind) if own is None else own
            field.help_text = f"{_MEANS[kind.field]} Empty: {whose} ({_amount(most)}). 0: no limit."

    def clean(self) -> dict[str, Any]:
        cleaned: dict[str, Any] = super().clean() or self.cleaned_data
        for name, message in too_much(cleaned, self.of_tenant).items():
            self.add_error(name, message)
        return cleaned

    @property
    def amounts(self) -> Mapping[str, Amount | None]:
        return {name: self.cleaned_data[name] for name in FIELDS}
