"""What a password must be, and what a new one ends.

Console, command, reset, invitation and one's own account all ask the policy here, through Django's
`validate_password`.
"""

from __future__ import annotations

from typing import Any

from django.contrib.auth.password_validation import (
    CommonPasswordValidator,
    MinimumLengthValidator,
    NumericPasswordValidator,
    UserAttributeSimilarityValidator,
)
from django.core.exceptions import ValidationError
from django.db import transaction

from tenants.accounts.models import Member
from tenants.accounts.refresh import revoke_all

LONGEST = 1000  # characters, as the API takes them


class PasswordPolicy:
    """Long enough, not common, not only digits, not like one's name or mail address.

    The demo's members are exempt: their password is public anyway, and production refuses them.
    """

    def __init__(self, min_length: int) -> None:
        self.min_length = min_length
        self._parts: tuple[Any, ...] = (
            UserAttributeSimilarityValidator(user_attributes=("username", "name", "email")),
            MinimumLengthValidator(min_length),
            CommonPasswordValidator(),
            NumericPasswordValidator(),
        )

    def validate(self, password: str, user: Any = None) -> None:
        """Raises ValidationError with everything that is wrong with it."""
        if getattr(user, "is_demo", False):
            return
        if len(password) > LONGEST:
            raise ValidationError(
                f"This password is too long. It may have at most {LONGEST} characters.",
                code="password_too_long",
            )
        wrong: list[ValidationError] = []
        for part in self._parts:
            try:
                part.validate(password, user)
            except ValidationError as error:
                wrong.append(error)
        if wrong:
            raise ValidationError(wrong)

    def get_help_text(self) -> str:
        return (
            f"At least {self.min_length} characters, not only digits, no common password, "
            "and not much like your name or mail address."
        )


class SignsOutEverywhere:
    """Put before Django's forms that set a password or take it away: nothing signed in outlives it.

    Their fields have asked the policy already.
    """

    def save(self, commit: bool = True) -> Member:
        with transaction.atomic():
            member: Member = super().save(commit=commit)  # type: ignore[misc]
            if commit:
                revoke_all(member)
        return member
