"""Lists of the API: `{items, next}`, by a cursor that stands on the last row's key."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable
from typing import Any

import orjson
from django.conf import settings
from django.core.exceptions import ValidationError
from django.db.models import Q, QuerySet
from ninja import Schema
from pydantic import Field

from config.errors import BadRequest


class Paging(Schema):
    """The query parameters of every list."""

    limit: int = Field(default=settings.PAGE_LIMIT_DEFAULT, ge=1, le=settings.PAGE_LIMIT_MAX)
    cursor: str | None = Field(default=None, max_length=500)
    count: bool = False


def _encode(values: list[Any]) -> str:
    return base64.urlsafe_b64encode(orjson.dumps([str(value) for value in values])).decode()


def _decode(cursor: str, size: int) -> list[str]:
    try:
        values = orjson.loads(base64.urlsafe_b64decode(cursor))
    except (binascii.Error, ValueError):
        values = None
    if not isinstance(values, list) or len(values) != size:
        raise BadRequest("The cursor is not one that this list gave.", code="cursor")
    return [str(value) for value in values]


def page(
    rows: QuerySet[Any],
    paging: Paging,
    keys: tuple[str, ...],
    present: Callable[[Any], dict[str, Any]],
) -> dict[str, Any]:
    """One page of `rows`, newest first by `keys` (each descending, together unique).

    No offset and, unless asked for, no count: a page costs the same wherever it lies.
    """
    total = rows.count() if paging.count else None
    ordered = rows.order_by(*(f"-{key}" for key in keys))
    if paging.cursor:
        ordered = _after(ordered, keys, _decode(paging.cursor, len(keys)))
    found = list(ordered[: paging.limit + 1])
    more = len(found) > paging.limit
    found = found[: paging.limit]
    answer: dict[str, Any] = {
        "items": [present(row) for row in found],
        "next": _encode([getattr(found[-1], key) for key in keys]) if more else None,
    }
    if total is not None:
        answer["count"] = total
    return answer


def _after(rows: QuerySet[Any], keys: tuple[str, ...], values: list[str]) -> QuerySet[Any]:
    # Said by itself as well: an index can begin at a bound, not at a disjunction.
    condition = Q(**{f"{keys[0]}__lte": values[0]})
    following = Q()
    for index, key in enumerate(keys):
        same = Q(**dict(zip(keys[:index], values[:index], strict=True)))
        following |= same & Q(**{f"{key}__lt": values[index]})
    try:
        return rows.filter(condition & following)
    except (ValueError, TypeError, ValidationError) as error:
        raise BadRequest("The cursor is not one that this list gave.", code="cursor") from error
