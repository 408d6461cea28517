"""Forms of whoever can't sign in yet: a forgotten password, an invitation."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib.auth.forms import BaseUserCreationForm, SetPasswordForm
from django.contrib.auth.password_validation import password_validators_help_texts

from agents.web.forms import time_zones
from tenants.accounts.models import Member
from tenants.accounts.passwords import SignsOutEverywhere


def describe_passwords(form: forms.BaseForm, first: str, second: str) -> None:
    """The policy in one line under the first field, and nothing under the second."""
    form.fields[first].help_text = " ".join(password_validators_help_texts())
    form.fields[second].help_text = ""


class ForgotForm(forms.Form):
    who = forms.CharField(
        label="Username or mail address",
        max_length=254,
        widget=forms.TextInput(
            attrs={"autocomplete": "username", "autocapitalize": "none", "spellcheck": "false"}
        ),
    )


class ResetForm(SignsOutEverywhere, SetPasswordForm):
    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["new_password2"].label = "New password again"
        describe_passwords(self, "new_password1", "new_password2")


class AcceptForm(BaseUserCreationForm):
    """What a new member chooses; their mail address and roles are the invitation's."""

    time_zone = forms.ChoiceField(label="Time zone", initial="UTC", choices=time_zones)

    class Meta:
        model = Member
        fields = ("username", "name", "time_zone")
        labels = {"name": "Display name"}

    field_order = ("username", "name", "password1", "password2", "time_zone")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["username"].help_text = "You sign in with it: letters, digits and @ . + - _"
        self.fields["username"].widget.attrs.update(
            autocapitalize="none", spellcheck="false", autocomplete="username"
        )
        self.fields["name"].widget.attrs.update(autocomplete="name")
        self.fields["time_zone"].widget.attrs["data-own-time-zone"] = ""
        self.fields["password2"].label = "Password again"
        describe_passwords(self, "password1", "password2")

    def clean_name(self) -> str:
        return " ".join(self.cleaned_data["name"].split())
