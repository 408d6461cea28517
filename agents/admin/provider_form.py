"""Forms of providers and models. A key goes in and never comes out again."""

from __future__ import annotations

from typing import Any

from django import forms
from unfold.widgets import (
    UnfoldAdminPasswordWidget,
    UnfoldAdminSelect2Widget,
    UnfoldAdminTextInputWidget,
    UnfoldBooleanWidget,
)

from agents.providers.kinds import USUAL_ADDRESS
from agents.providers.models import ChatModel, Fallback, ModelSettings, Provider
from agents.providers.services import agents_using, keep_key, needs_key_again, wants_key


class ProviderForm(forms.ModelForm):
    new_key = forms.CharField(
        label="API key",
        required=False,
        max_length=1000,
        widget=UnfoldAdminPasswordWidget(
            render_value=False, attrs={"autocomplete": "new-password", "spellcheck": "false"}
        ),
    )
    remove_key = forms.BooleanField(
        label="Remove the stored key", required=False, widget=UnfoldBooleanWidget()
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if "new_key" not in self.fields:  # whoever may only look
            return
        if self.instance.api_key:
            self.fields[
                "new_key"
            ].help_text = "A key is stored. It is never shown; write another to replace it."
        else:
            self.fields["new_key"].help_text = "Kept encrypted, and never shown again."
            del self.fields["remove_key"]

    def clean_new_key(self) -> str:
        key = str(self.cleaned_data["new_key"] or "").strip()
        if not (key.isascii() and key.isprintable()):
            raise forms.ValidationError("This holds characters that no key has: copy it again.")
        return key

    def _post_clean(self) -> None:
        """After the model's own checks, which give the address its final form."""
        before = Provider.objects.filter(pk=self.instance.pk).first() if self.instance.pk else None
        super()._post_clean()
        new, remove = self.cleaned_data.get("new_key"), self.cleaned_data.get("remove_key")
        if new and remove:
            self.add_error("remove_key", "Either a new key or none.")
            return
        if before and not new and not remove and needs_key_again(before, self.instance):
            self.add_error(
                "new_key",
                "The provider's address is another now: enter the key again, so that nobody can "
                "have the stored one sent elsewhere.",
            )
            return
        if self.errors:
            return
        if new or remove:
            keep_key(self.instance, new or "")
        if wants_key(self.instance) and self.instance.is_enabled:
            self.add_error("new_key", "Providers of this kind need a key to be enabled.")

    class Meta:
        model = Provider
        exclude = ()
        widgets = {
            "base_url": UnfoldAdminTextInputWidget(
                attrs={"placeholder": "https://models.example.com/v1", "inputmode": "url"}
            )
        }
        help_texts = {
            "slug": "How runs and costs name it.",
            "base_url": "Empty: the usual address, "
            + ", ".join(f"{address} ({kind})" for kind, address in USUAL_ADDRESS.items())
            + ". For Azure: https://NAME.openai.azure.com",
            "organisation": "OpenAI alone: which of the key's organisations pays.",
            "api_version": "Azure alone, such as 2024-10-21; empty: its versionless address.",
            "counts_tokens": "Some old servers refuse the question; without it nothing is counted.",
            "connect_seconds": "To connect.",
            "first_token_seconds": "Until the answer begins.",
            "idle_seconds": "Between two pieces of it.",
            "total_seconds": "For the whole call.",
            "requests_per_minute": "Each process keeps to it by itself. Empty: no limit.",
            "tokens_per_minute": "In and out together, counted when a call has ended.",
            "concurrent_calls": "Calls at once of each process; further ones wait.",
            "is_enabled": "Models of a provider that is off are passed over for their fallbacks.",
        }


class ChatModelForm(forms.ModelForm):
    def clean_name(self) -> str:
        name = str(self.cleaned_data["name"])
        before = self.initial.get("name")
        if before and name != before and (users := agents_using(before)):
            raise forms.ValidationError(
                f"Agents name it so: {', '.join(users)}. Give them another model first."
            )
        return name

    class Meta:
        model = ChatModel
        exclude = ()
        widgets = {"provider": UnfoldAdminSelect2Widget}
        help_texts = {
            "name": "What agents call it. It can stay when the model behind it changes.",
            "model_id": "As the provider names it; with Azure, the deployment's name.",
            "input_price": "Per million tokens, in the currency of the model settings.",
            "output_price": "Per million tokens.",
            "cached_input_price": "For tokens read from the provider's cache; empty: the same.",
            "context_tokens": "For whoever chooses; nothing is cut.",
            "supports_tools": "Else it can't be given to agents with tools.",
            "parameters": 'Further members of each request, such as {"top_p": 0.9}.',
        }


class FallbackForm(forms.ModelForm):
    class Meta:
        model = Fallback
        fields = ("position", "fallback")
        labels = {"position": "Order", "fallback": "Model"}


class ModelSettingsForm(forms.ModelForm):
    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if "default_model" in self.fields:
            field: Any = self.fields["default_model"]
            field.empty_label = "The installation's own"

    def clean_currency(self) -> str:
        return str(self.cleaned_data["currency"]).upper()

    class Meta:
        model = ModelSettings
        fields = ("default_model", "currency")
        widgets = {"default_model": UnfoldAdminSelect2Widget}
        help_texts = {
            "default_model": "What agents get whose model is “default”.",
            "currency": "That prices are written in. What runs have cost already is not converted.",
        }
