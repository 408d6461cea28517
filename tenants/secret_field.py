"""A column that holds a sealed secret, and the walk over all of them that rotation needs."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from django.apps import apps
from django.db import models

from tenants.secrets import Unreadable, reseal, seal, unseal


class SecretField(models.TextField):
    """Holds what `tenants.secrets.seal` made; "" is no secret.

    The attribute is the sealed text, so that a row which is printed or dumped shows nothing.
    Reading and writing the secret itself is asked for by name: `open_secret`, `put_secret`.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        kwargs.setdefault("blank", True)
        kwargs.setdefault("default", "")
        kwargs["editable"] = False  # no form may show or take it
        super().__init__(*args, **kwargs)

    @property
    def purpose(self) -> str:
        return f"{self.model._meta.label_lower}.{self.name}"


def open_secret(row: models.Model, name: str) -> str:
    """The secret in the field `name`, "" where there is none. Raises `Unreadable`."""
    sealed = getattr(row, name)
    return unseal(sealed, _field(row, name).purpose) if sealed else ""


def put_secret(row: models.Model, name: str, secret: str) -> None:
    """Seal `secret` into the field; "" takes it away. The caller saves the row."""
    setattr(row, name, seal(secret, _field(row, name).purpose) if secret else "")


def secret_fields() -> Iterator[SecretField]:
    """Every secret column of every installed app."""
    for model in apps.get_models():
        for field in model._meta.local_fields:
            if isinstance(field, SecretField):
                yield field


def rotate(field: SecretField) -> tuple[int, int, list[Any]]:
    """Put the active tenant's secrets of this column under the first key.

    Returns how many were moved, how many were there already, and the primary keys of those that
    open under no key. Each row is written by itself and only where nobody has changed it since, so
    that it may be stopped and repeated at any time.
    """
    moved = same = 0
    lost: list[Any] = []
    rows = field.model._default_manager.exclude(**{field.name: ""})
    for key, sealed in rows.values_list("pk", field.name).iterator(chunk_size=500):
        try:
            fresh = reseal(sealed, field.purpose)
        except Unreadable:
            lost.append(key)
            continue
        if fresh is None:
            same += 1
        else:
            moved += rows.filter(pk=key, **{field.name: sealed}).update(**{field.name: fresh})
    return moved, same, lost


def _field(row: models.Model, name: str) -> SecretField:
    field = row._meta.get_field(name)
    assert isinstance(field, SecretField), f"{name} is no secret"
    return field
