"""Forms of the web app."""

from __future__ import annotations

import zoneinfo
from functools import cache
from typing import Any

from django import forms
from django.contrib.auth.forms import AuthenticationForm, PasswordChangeForm
from django.contrib.auth.password_validation import password_validators_help_texts
from django.http import HttpRequest

from tenants.accounts.models import Member
from tenants.accounts.passwords import SignsOutEverywhere
from tenants.accounts.places import place_of
from tenants.accounts.sign_in_form import CountedOldPassword, PausedSignIn


class SignInForm(PausedSignIn, AuthenticationForm):
    """Never says which of the two was wrong, nor whether the member is suspended."""

    error_messages = {
        "invalid_login": "That name and password do not match. Check both and try again.",
        "inactive": "That name and password do not match. Check both and try again.",
    }

    def __init__(self, request: Any = None, *args: Any, **kwargs: Any) -> None:
        super().__init__(request, *args, **kwargs)
        self.fields["username"].label = "Name"
        self.fields["username"].widget.attrs.update(autocapitalize="none", spellcheck="false")


@cache
def time_zones() -> tuple[tuple[str, str], ...]:
    names = sorted(zoneinfo.available_timezones())
    return tuple((name, name.replace("_", " ")) for name in names)


class ProfileForm(forms.ModelForm):  # type: ignore[type-arg]
    time_zone = forms.ChoiceField(
        label="Time zone", help_text="Times are shown in it, and agents know it."
    )

    class Meta:
        model = Member
        fields = ("name", "time_zone")
        labels = {"name": "Display name"}

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["time_zone"].choices = time_zones()  # type: ignore[attr-defined]
        self.fields["name"].widget.attrs.update(autocomplete="name")

    def clean_name(self) -> str:
        return " ".join(self.cleaned_data["name"].split())


class NewPasswordForm(SignsOutEverywhere, CountedOldPassword, PasswordChangeForm):
    """Django's own, without taking the focus when the page opens."""

    def __init__(self, request: HttpRequest, *args: Any) -> None:
        self.place = place_of(request)
        super().__init__(request.user, *args)
        self.fields["old_password"].widget.attrs.pop("autofocus", None)
        self.fields["old_password"].label = "Current password"
        self.fields["new_password2"].label = "New password again"
        for field in self.fields.values():
            field.help_text = field.help_text and ""
        self.fields["new_password1"].help_text = " ".join(password_validators_help_texts())
