"""A filter from one day to another, in the time zone of whoever looks."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from typing import Any

from django.db.models import Q, QuerySet
from django.http import HttpRequest
from django.utils import timezone
from unfold.contrib.filters.admin import RangeDateFilter
from unfold.utils import parse_date_str


class DayFilter(RangeDateFilter):
    """Both days included. A subclass says what is since and before a moment by an index of its."""

    def since(self, moment: datetime) -> Q:
        return Q(**{f"{self.field_path}__gte": moment})

    def before(self, moment: datetime) -> Q:
        return Q(**{f"{self.field_path}__lt": moment})

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        first, last = self._day("from"), self._day("to")
        if first is not None:
            queryset = queryset.filter(self.since(_begin(first)))
        if last is not None:
            queryset = queryset.filter(self.before(_begin(last + timedelta(days=1))))
        return queryset

    def _day(self, end: str) -> date | None:
        value = self.used_parameters.get(f"{self.parameter_name}_{end}")
        day: date | None = parse_date_str(value) if isinstance(value, str) and value else None
        # A year before the ids' own first or after the calendar's last filters nothing.
        return day if day is not None and 1970 < day.year < 9999 else None


def _begin(day: date) -> datetime:
    return timezone.make_aware(datetime(day.year, day.month, day.day))
