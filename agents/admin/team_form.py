"""The form of a team's draft."""

from __future__ import annotations

from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from pydantic import ValidationError as SpecError
from unfold.widgets import UnfoldAdminTextareaWidget

from agents.admin.agent_form import model_choice
from agents.guardrails.schema_check import why_no_schema
from agents.models import Team, TeamMember
from agents.providers.services import model_choices
from agents.specs import RuleSpec
from agents.team_rules import issues
from approvals.models.grant import deciding_role_names


class TeamForm(forms.ModelForm):
    review_roles = forms.MultipleChoiceField(
        required=False,
        label="Who reviews",
        widget=forms.CheckboxSelectMultiple(attrs={"class": "cx-checks"}),
        help_text="None ticked: everyone who may decide on approvals.",
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if "model" in self.fields and (choices := model_choices()):
            self.fields["model"] = model_choice(choices, self.instance.model)
        if "review_roles" in self.fields:
            roles = [(role, role) for role in deciding_role_names()]
            self.fields["review_roles"].choices = roles  # type: ignore[attr-defined]

    def clean_rules(self) -> list[dict[str, Any]]:
        """As they are to be stored; what is wrong with one is said of it."""
        given = self.cleaned_data["rules"] or []
        if not isinstance(given, list):
            raise ValidationError("Write a list of rules, [{...}, {...}].")
        kept, wrong = [], []
        for number, entry in enumerate(given, 1):
            try:
                rule = RuleSpec.model_validate(entry)
            except SpecError as error:
                found = error.errors(include_url=False, include_input=False)
                wrong += [f"Rule {number}, {_place(one)}: {one['msg']}." for one in found]
                continue
            wrong += [f"Rule {number}, {issue}" for issue in issues(rule.check)]
            kept.append(rule.model_dump(mode="json"))
        if wrong:
            raise ValidationError(wrong)
        return kept

    class Meta:
        model = Team
        fields = (
            "name",
            "slug",
            "description",
            "mode",
            "at_once",
            "instructions",
            "model",
            "rules",
            "verifier",
            "rounds",
            "rejections",
            "most_steps",
            "review_roles",
            "history_runs",
            "max_turns",
            "max_tokens",
            "max_seconds",
            "max_cost",
            "stage_seconds",
            "stage_tokens",
            "stage_cost",
            "run_roles",
        )
        widgets = {
            "rules": UnfoldAdminTextareaWidget(
                attrs={"rows": 6, "class": "cx-code", "spellcheck": "false"}
            ),
            "verifier": UnfoldAdminTextareaWidget(attrs={"rows": 4}),
            "instructions": UnfoldAdminTextareaWidget(
                attrs={"rows": 10, "class": "cx-instructions", "spellcheck": "true"}
            ),
        }
        help_texts = {
            "slug": "How the API and addresses name it. It can't be changed once published.",
            "description": "One sentence for the people, and leaders, who choose among teams.",
        }
        labels = {
            "stage_seconds": "Seconds of a stage",
            "stage_tokens": "Tokens of a stage",
            "stage_cost": "Cost of a stage",
        }


class TeamMemberForm(forms.ModelForm):
    """One member's place: what it may use, and in a team that plans its contract."""

    class Meta:
        model = TeamMember
        fields = (
            "position",
            "agent",
            "nested",
            "max_seconds",
            "max_tokens",
            "max_cost",
            "fallback",
            "input_schema",
            "output_schema",
        )
        widgets = {
            name: UnfoldAdminTextareaWidget(
                attrs={"rows": 3, "class": "cx-code", "spellcheck": "false"}
            )
            for name in ("input_schema", "output_schema")
        }
        labels = {
            "max_seconds": "At most seconds",
            "max_tokens": "At most tokens",
            "max_cost": "At most cost",
            "fallback": "Who is asked instead",
            "input_schema": "What it takes (JSON schema)",
            "output_schema": "What it answers (JSON schema)",
        }
        help_texts = {
            "max_seconds": "Of each task, where that is less than its own limit. 0.25 are 250 ms.",
            "max_tokens": "Of each task, where that is less than its own limit.",
            "max_cost": "Of each task, where that is less than its own limit.",
            "fallback": "The slug of the member who gets the task when this one passes a limit.",
            "input_schema": "In a team that plans: an object of the inputs by their names.",
            "output_schema": "In a team that plans: what is not of it is sent back.",
        }

    def clean(self) -> dict[str, Any]:
        """What is wrong with the row as a whole is said at a field: rows have no other place."""
        given: dict[str, Any] = super().clean() or self.cleaned_data
        named = [given.get(name) for name in ("agent", "nested")]
        if not {"agent", "nested"} & set(self.errors) and named.count(None) != 1:
            self.add_error("agent", "Name an agent or a team, not both.")
        return given

    def clean_input_schema(self) -> Any:
        return _schema(self.cleaned_data["input_schema"])

    def clean_output_schema(self) -> Any:
        return _schema(self.cleaned_data["output_schema"])


def _schema(given: Any) -> Any:
    if given in (None, {}):
        return None
    if not isinstance(given, dict):
        raise ValidationError("Write a JSON schema, an object.")
    if why := why_no_schema(given):
        raise ValidationError(f"It is {why}.")
    return given


def _place(error: Any) -> str:
    return ".".join(map(str, error["loc"])) or "rule"
