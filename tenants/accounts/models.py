"""Members of a tenant and their credentials. These tables exist in every tenant's schema."""

from __future__ import annotations

import hashlib
import zoneinfo
from functools import cached_property
from typing import Any

from django.contrib.auth.base_user import AbstractBaseUser, BaseUserManager
from django.contrib.auth.models import Group, PermissionsMixin
from django.contrib.auth.validators import UnicodeUsernameValidator
from django.core.exceptions import ValidationError
from django.db import models
from django.db.models.functions import Now
from django.utils.crypto import salted_hmac

from tenants.accounts.credentials import ApiKey, TokenFamily
from tenants.accounts.scopes import Scope, scopes_of
from tenants.context import current_or_none


def validate_time_zone(value: str) -> None:
    if value not in zoneinfo.available_timezones():
        raise ValidationError(f"{value!r} is no IANA time zone, such as Europe/Berlin.")


class MemberManager(BaseUserManager["Member"]):
    def create_user(self, username: str, password: str | None = None, **fields: Any) -> Member:
        """Make a member; without a password they can't sign in with one."""
        if not username:
            raise ValueError("a member needs a username")
        member = self.model(username=self.model.normalize_username(username), **fields)
        member.set_password(password)
        member.save(using=self._db)
        return member

    def create_superuser(self, username: str, password: str | None = None, **fields: Any) -> Member:
        """For `manage.py createsuperuser`: a member with the role that may do most here."""
        member = self.create_user(username, password, **fields)
        ref = current_or_none()
        role = "platform-admin" if ref is not None and ref.kind == "platform" else "owner"
        member.groups.add(Group.objects.get(name=role))
        return member


class Member(AbstractBaseUser, PermissionsMixin):
    """A person or a service account inside one tenant; rights come from roles (groups) alone."""

    class Kind(models.TextChoices):
        PERSON = "person", "Person"
        SERVICE = "service", "Service account"

    username = models.CharField(
        max_length=150,
        unique=True,
        validators=[UnicodeUsernameValidator()],
        error_messages={"unique": "A member with that username already exists."},
    )
    name = models.CharField("display name", max_length=200, blank=True)
    email = models.EmailField(blank=True)
    kind = models.CharField(max_length=10, choices=Kind.choices, default=Kind.PERSON)
    time_zone = models.CharField(max_length=64, default="UTC", validators=[validate_time_zone])
    is_active = models.BooleanField(
        "active", default=True, help_text="Suspend a member instead of deleting them."
    )
    is_demo = models.BooleanField(default=False, editable=False)
    date_joined = models.DateTimeField(db_default=Now(), editable=False)
    # Counts the times that the member was signed out everywhere.
    sign_in_epoch = models.PositiveIntegerField(default=0, editable=False)

    objects = MemberManager()

    USERNAME_FIELD = "username"
    EMAIL_FIELD = "email"
    REQUIRED_FIELDS: list[str] = []

    class Meta:
        ordering = ["username"]

    def __str__(self) -> str:
        return self.name or self.username

    def save(self, *args: Any, **kwargs: Any) -> None:
        if self.kind == Member.Kind.SERVICE and self.has_usable_password():
            self.set_unusable_password()  # keys are its only way in
        super().save(*args, **kwargs)

    def sign_in_stamp(self) -> str:
        """What sign-ins are bound to: another password, or signing out everywhere, changes it."""
        return hashlib.sha256(f"{self.sign_in_epoch}:{self.password}".encode()).hexdigest()

    def _get_session_auth_hash(self, secret: str | None = None) -> str:
        """Django's own binding of a browser's session, to the stamp instead of the password."""
        salt = "tenants.accounts.models.Member.get_session_auth_hash"
        hashed = salted_hmac(salt, self.sign_in_stamp(), secret=secret, algorithm="sha256")
        return hashed.hexdigest()

    def get_full_name(self) -> str:
        return str(self)

    def get_short_name(self) -> str:
        return self.username

    @cached_property
    def roles(self) -> tuple[str, ...]:
        return tuple(self.groups.order_by("name").values_list("name", flat=True))

    @cached_property
    def scopes(self) -> frozenset[Scope]:
        if not self.is_active:
            return frozenset()
        ref = current_or_none()
        return scopes_of(self.roles, platform=ref is not None and ref.kind == "platform")

    def may(self, scope: Scope) -> bool:
        return scope in self.scopes

    @property
    def is_staff(self) -> bool:
        """What Django's admin asks: may this member use the console at all?"""
        return self.may(Scope.CONSOLE_USE)

    # Django's own permission rows grant nothing here: admin classes ask for scopes.
    def has_perm(self, perm: str, obj: object | None = None) -> bool:
        return False

    def has_module_perms(self, app_label: str) -> bool:
        return self.is_staff


class Role(Group):
    """A Django group under the name this product uses for it."""

    class Meta:
        proxy = True


class ServiceAccount(Member):
    """A member that is a program: it has keys and no password."""

    class Meta:
        proxy = True
        verbose_name = "service account"


# Models of their own subjects, kept in their own files; Django finds them through this one.
from tenants.accounts.invitation_models import Invitation  # noqa: E402
from tenants.accounts.sign_in_models import KnownPlace, TryCount  # noqa: E402

__all__ = [
    "ApiKey",
    "Invitation",
    "KnownPlace",
    "Member",
    "MemberManager",
    "Role",
    "ServiceAccount",
    "TokenFamily",
    "TryCount",
    "validate_time_zone",
]
