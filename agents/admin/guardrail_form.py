"""Guardrails in a form: each kind to tick, with its settings as JSON to adjust."""

from __future__ import annotations

import json
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.template.loader import render_to_string
from django.utils.safestring import SafeString
from pydantic import ValidationError as SpecError

from agents.guardrails.specs import KINDS, LABELS, one
from agents.models.guardrail import spec_problems

MEANS = {
    "pii": "Mail addresses, phones, cards, IBANs, SSNs and IP addresses are masked, hashed or "
    "blocked.",
    "secrets": "Keys of clouds and services, tokens, private keys, passwords in addresses.",
    "injection": "Text that gives orders; tools' results are shown to the model as data.",
    "moderation": "A provider's moderation endpoint, or a list of words of your own.",
    "topic": "Words that may not come up, or of which one must.",
    "length": "No more characters than this.",
    "schema": "The answer is JSON that matches a schema; the model may mend it once.",
    "judge": "Another model decides whether the text keeps to rules you write.",
}
# What a kind needs to be told, with a place to write it.
_TO_FILL: dict[str, dict[str, Any]] = {
    "moderation": {"words": ["a word", "another phrase"]},
    "topic": {"deny": ["a word", "another phrase"]},
    "schema": {"json_schema": {"type": "object", "required": ["answer"]}},
    "judge": {"rules": "No medical or legal advice."},
}


def usual(kind: str) -> str:
    """The settings of a kind as they are unless told otherwise, as JSON to edit."""
    spec = one.validate_python({"kind": kind, **_TO_FILL.get(kind, {})})
    return options_text(spec.model_dump(mode="json"))


def options_text(given: dict[str, Any]) -> str:
    """A guardrail's settings without its kind and name."""
    shown = {name: value for name, value in given.items() if name not in ("kind", "name")}
    return json.dumps(shown, indent=2, ensure_ascii=False)


class GuardrailChoice(forms.Widget):
    """Each guardrail the agent has, and each kind it hasn't, with a box to tick."""

    def render(
        self, name: str, value: Any, attrs: dict[str, Any] | None = None, renderer: Any = None
    ) -> SafeString:
        entries = [self._entry(given, on=given.get("on", True)) for given in _dicts(value)]
        taken = {entry["kind"] for entry in entries}
        entries += [
            self._entry({"kind": kind, "name": kind, "text": usual(kind)}, on=False)
            for kind in KINDS
            if kind not in taken
        ]
        return render_to_string(
            "admin/console/guardrail_choice.html",
            {"field": name, "id": (attrs or {}).get("id", name), "entries": entries},
        )

    def _entry(self, given: dict[str, Any], *, on: bool) -> dict[str, Any]:
        kind = str(given.get("kind"))
        name = str(given.get("name") or kind)
        return {
            "name": name,
            "kind": kind,
            "label": LABELS.get(kind, kind) + (f" ({name})" if name != kind else ""),
            "means": MEANS.get(kind, ""),
            "on": on,
            "text": given["text"] if "text" in given else options_text(given),
        }

    def value_from_datadict(self, data: Any, files: Any, name: str) -> list[dict[str, Any]]:
        """Every entry of the form as `{on, kind, name, text}`, ticked or not."""
        ticked = set(data.getlist(name))
        return [
            {
                "on": entry in ticked,
                "name": entry,
                "kind": data.get(f"{name}-kind-{entry}", ""),
                "text": data.get(f"{name}-options-{entry}", ""),
            }
            for entry in data.getlist(f"{name}-entry")
        ]

    def value_omitted_from_data(self, data: Any, files: Any, name: str) -> bool:
        return f"{name}-entry" not in data


def _dicts(value: Any) -> list[dict[str, Any]]:
    return [one for one in value or () if isinstance(one, dict)]


class GuardrailsField(forms.Field):
    """Cleans to a list of specs as JSON: what `Agent.guardrails` holds."""

    widget = GuardrailChoice

    def clean(self, value: Any) -> list[dict[str, Any]]:
        found, wrong = [], []
        for entry in _dicts(value):
            if not entry["on"]:
                continue
            try:
                found.append(read_options(entry["kind"], entry["name"], entry["text"]))
            except ValidationError as error:
                wrong += [f"{entry['name']}: {message}" for message in error.messages]
        if wrong:
            raise ValidationError(wrong)
        return found

    def has_changed(self, initial: Any, data: Any) -> bool:
        try:
            return bool(self.clean(data) != list(initial or []))
        except ValidationError:
            return True


def read_options(kind: str, name: str, text: str) -> dict[str, Any]:
    """One guardrail from its form; raises ValidationError with each place that is wrong."""
    try:
        options = json.loads(text or "{}")
    except ValueError as error:
        raise ValidationError(f"the settings are no JSON: {error}") from None
    if not isinstance(options, dict):
        raise ValidationError("the settings are a JSON object, like {}")
    try:
        spec = one.validate_python({**options, "kind": kind, "name": name})
    except SpecError as error:
        raise ValidationError(spec_problems(error)) from None
    return spec.model_dump(mode="json")
