"""The limits of `throttle` as sign-in pages show them: web app, console and platform alike."""

from __future__ import annotations

from typing import Any

from django import forms
from django.http.response import HttpResponseBase

from config.errors import TooManyRequests


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


def answer_paused(response: HttpResponseBase, form: Any) -> HttpResponseBase:
    """Make the page of a paused form a 429 that says when to come back."""
    seconds = getattr(form, "paused", 0)
    if seconds:
        response.status_code = 429
        response.headers["Retry-After"] = str(seconds)
    return response
