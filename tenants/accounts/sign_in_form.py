"""The limits of `throttle` as sign-in pages show them: web app, console and platform alike."""

from __future__ import annotations

from typing import Any

from django import forms
from django.http.response import HttpResponseBase

from config.errors import TooManyRequests
from tenants.accounts import throttle
from tenants.accounts.places import Place


class PausedSignIn(forms.Form):
    """Put before Django's AuthenticationForm: a pause is an error of the form, not of the server.

    `paused`: the seconds until the next try will be looked at, 0 when there is no pause.
    """

    paused = 0

    def clean(self) -> dict[str, Any]:
        try:
            cleaned: dict[str, Any] = super().clean() or self.cleaned_data
        except TooManyRequests as refusal:
            self.paused = int(refusal.extra["retry_after"])
            raise forms.ValidationError(refusal.detail, code=refusal.code) from None
        return cleaned


class CountedOldPassword(forms.Form):
    """Put before Django's PasswordChangeForm: guesses at the old password count as a sign-in's.

    A session left open is no way around the limits. `place` is set by whoever makes the form.
    """

    place = Place()
    user: Any

    def clean_old_password(self) -> str:
        try:
            attempt = throttle.begin(self.user.username, self.place)
        except TooManyRequests as refusal:
            raise forms.ValidationError(refusal.detail, code=refusal.code) from None
        old: str = super().clean_old_password()
        attempt.succeeded()
        return old


def answer_paused(response: HttpResponseBase, form: Any) -> HttpResponseBase:
    """Make the page of a paused form a 429 that says when to come back."""
    seconds = getattr(form, "paused", 0)
    if seconds:
        response.status_code = 429
        response.headers["Retry-After"] = str(seconds)
    return response
