"""Passwords in the console, by the rules that hold everywhere: one's own, and a member's."""

from __future__ import annotations

from typing import Any

from django.contrib.auth.views import PasswordChangeView
from unfold.forms import AdminOwnPasswordChangeForm, AdminPasswordChangeForm

from tenants.accounts.passwords import SignsOutEverywhere
from tenants.accounts.places import place_of
from tenants.accounts.sign_in_form import CountedOldPassword


class OwnPasswordForm(SignsOutEverywhere, CountedOldPassword, AdminOwnPasswordChangeForm):
    """Asks for the old password, and counts wrong ones as a sign-in does."""


class MemberPasswordForm(SignsOutEverywhere, AdminPasswordChangeForm):
    """Sets a member's password, or takes it away."""


class OwnPasswordView(PasswordChangeView):
    form_class = OwnPasswordForm

    def get_form(self, form_class: Any = None) -> Any:
        form = super().get_form(form_class)
        form.place = place_of(self.request)
        return form
