"""Seconds to the millisecond, whole ones as the ints they were."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.db import models

from agents.budgets import exact_seconds


class SecondsField(models.FloatField):
    """Forms and specs show 300 where it is 300, and 0.25 for 250 ms."""

    if TYPE_CHECKING:

        def __get__(self, instance: Any, owner: Any) -> Any: ...

        def __set__(self, instance: Any, value: float | None) -> None: ...

    def from_db_value(self, value: float | None, expression: Any, connection: Any) -> Any:
        return None if value is None else exact_seconds(value)

    def to_python(self, value: Any) -> Any:
        found = super().to_python(value)
        return None if found is None else exact_seconds(found)
