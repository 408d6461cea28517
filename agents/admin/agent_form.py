"""The form of an agent's draft: tools and roles as lists to tick."""

from __future__ import annotations

from typing import Any

from django import forms
from django.template.loader import render_to_string
from django.utils.safestring import SafeString
from unfold.widgets import UnfoldAdminSelect2Widget, UnfoldAdminTextareaWidget

from agents.admin.guardrail_form import GuardrailsField
from agents.models import Agent
from agents.providers.services import model_choices
from agents.tools import registry
from agents.tools.spec import Effect

EFFECT_LABEL = {
    Effect.READ: ("reads", "neutral"),
    Effect.IDEMPOTENT_WRITE: ("writes, repeatable", "info"),
    Effect.WRITE: ("writes", "warning"),
}


class ToolChoice(forms.CheckboxSelectMultiple):
    """The registry's tools with what each does to the world; one that is gone is shown as such."""

    def render(
        self, name: str, value: Any, attrs: dict[str, Any] | None = None, renderer: Any = None
    ) -> SafeString:
        chosen = set(value or ())
        kits = [
            (
                kit,
                [
                    {
                        "name": spec.name,
                        "description": spec.description,
                        "effect": EFFECT_LABEL[spec.effect][0],
                        "tone": EFFECT_LABEL[spec.effect][1],
                        "checked": spec.name in chosen,
                    }
                    for spec in specs
                ],
            )
            for kit, specs in registry.toolkits().items()
        ]
        known = {spec.name for spec in registry.all()}
        gone = [
            {
                "name": tool,
                "description": "No longer installed: untick it before publishing.",
                "effect": "missing",
                "tone": "danger",
                "checked": True,
            }
            for tool in sorted(chosen - known)
        ]
        if gone:
            kits.append(("missing", gone))
        return render_to_string(
            "admin/console/tool_choice.html",
            {"field": name, "id": (attrs or {}).get("id", name), "kits": kits},
        )


class ToolsField(forms.MultipleChoiceField):
    """Any tool name passes here; `Agent.clean` says which are not installed."""

    widget = ToolChoice

    def valid_value(self, value: Any) -> bool:
        return isinstance(value, str) and len(value) <= 64


def model_choice(choices: list[tuple[str, str]], now: str) -> forms.ChoiceField:
    """A list with search. A model that is gone stays to be seen; publishing refuses it."""
    if now and now not in dict(choices):
        choices = [*choices, (now, f"{now} (not among the models)")]
    return forms.ChoiceField(
        choices=choices,
        initial=now or "default",
        widget=UnfoldAdminSelect2Widget(),
        help_text="“default” follows the tenant's default model.",
    )


class AgentForm(forms.ModelForm):
    tools = ToolsField(required=False, help_text="What the agent may call, and nothing else.")
    guardrails = GuardrailsField(required=False, help_text="In effect once it is published.")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if "model" in self.fields and (choices := model_choices()):
            self.fields["model"] = model_choice(choices, self.instance.model)

    def clean_tools(self) -> list[str]:
        """In the order they had: else saving an untouched draft would look like a change."""
        chosen = self.cleaned_data["tools"]
        kept = [tool for tool in self.instance.tools or () if tool in chosen]
        return kept + [tool for tool in chosen if tool not in kept]

    class Meta:
        model = Agent
        fields = (
            "name",
            "slug",
            "description",
            "instructions",
            "model",
            "temperature",
            "max_output_tokens",
            "tools",
            "guardrails",
            "history_runs",
            "max_turns",
            "max_tokens",
            "max_seconds",
            "max_cost",
            "run_roles",
        )
        widgets = {
            "instructions": UnfoldAdminTextareaWidget(
                attrs={"rows": 16, "class": "cx-instructions", "spellcheck": "true"}
            ),
        }
        help_texts = {
            "slug": "How the API and addresses name it. It can't be changed once published.",
            "description": "One sentence for the people who choose among agents.",
            "temperature": "0 is steady, 2 is wild; empty leaves it to the model.",
            "max_output_tokens": "The longest answer of one call; empty leaves it to the model.",
        }
