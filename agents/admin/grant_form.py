"""The form of a grant: an agent or all of them, a tool, its tier, and who agrees to what."""

from __future__ import annotations

from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from unfold.widgets import (
    UnfoldAdminSelectWidget,
    UnfoldAdminTextareaWidget,
)

from agents.admin.condition_field import ConditionsField, parameters_of
from agents.tools import registry
from approvals.conditions import cleaned
from approvals.models import Grant
from approvals.models.grant import deciding_role_names
from approvals.tiers import LABEL


def _tools(now: str) -> list[tuple[str, str]]:
    found = [
        (spec.name, f"{spec.name} (declares {LABEL[spec.tier].lower()})") for spec in registry.all()
    ]
    if now and now not in dict(found):
        found.append((now, f"{now} (not installed)"))
    return [("", "Choose a tool"), *found]


class GrantForm(forms.ModelForm):
    conditions = ConditionsField(
        required=False,
        help_text="Each may raise the tier of a call, never lower it.",
    )
    decider_roles = forms.MultipleChoiceField(
        required=False,
        label="Who signs off",
        widget=forms.CheckboxSelectMultiple(attrs={"class": "cx-checks"}),
        help_text="None ticked: everyone who may decide on approvals.",
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if "tool" in self.fields:
            self.fields["tool"] = forms.ChoiceField(
                choices=_tools(self.instance.tool),
                widget=UnfoldAdminSelectWidget,
                help_text="What the agent may then call; which tools it has, its draft says.",
            )
        if "agent" in self.fields:
            field: Any = self.fields["agent"]
            field.empty_label = "Every agent without a grant of its own"
            field.help_text = "Its own grant for a tool holds instead of the one for every agent."
        if "team" in self.fields:
            team: Any = self.fields["team"]
            team.empty_label = "No team"
            team.help_text = "What its members do in it: this holds beside what holds for them."
        if "decider_roles" in self.fields:
            roles = [(role, role) for role in deciding_role_names()]
            self.fields["decider_roles"].choices = roles  # type: ignore[attr-defined]
        if "escalate_to" in self.fields:
            self.fields["escalate_to"] = forms.ChoiceField(
                choices=[("", "Nobody"), *((role, role) for role in deciding_role_names())],
                required=False,
                label="Then ask the role",
                widget=UnfoldAdminSelectWidget,
                help_text="It alone decides once nobody did in time, for as long again.",
            )

    def clean(self) -> dict[str, Any]:
        given: dict[str, Any] = super().clean() or self.cleaned_data
        if "conditions" in given and "tool" in given:
            try:
                given["conditions"] = cleaned(given["conditions"], parameters_of(given["tool"]))
            except ValidationError as error:
                self.add_error("conditions", error)
        return given

    class Meta:
        model = Grant
        fields = (
            "agent",
            "team",
            "tool",
            "tier",
            "conditions",
            "untrusted",
            "calls_per_run",
            "calls_per_hour",
            "timeout_ms",
            "decider_roles",
            "quorum",
            "own_requests",
            "expires_minutes",
            "on_expiry",
            "escalate_to",
            "note",
        )
        widgets = {"note": UnfoldAdminTextareaWidget(attrs={"rows": 2})}
        labels = {
            "untrusted": "After untrusted content",
            "calls_per_run": "Calls in one run",
            "calls_per_hour": "Calls an hour of each member",
            "timeout_ms": "Milliseconds of one call",
            "quorum": "How many must agree",
            "own_requests": "Requesters may sign off their own requests",
            "expires_minutes": "Open for (minutes)",
            "on_expiry": "If nobody decides in time",
        }
        help_texts = {
            "tier": "Audited: free, and in the audit log. User approval: the member that the run "
            "acts for is asked. Admin sign-off: somebody who may decide on approvals is.",
            "calls_per_run": "More are refused. Empty: no limit.",
            "calls_per_hour": "By the clock's hour. Empty: no limit.",
            "timeout_ms": "Where that is less than the tool's own. Empty: the tool's own.",
            "quorum": "Of a sign-off; one who rejects ends it.",
            "own_requests": "Off: four eyes.",
            "expires_minutes": "1,440 are a day.",
            "note": "For whoever wonders later why it is so.",
        }
