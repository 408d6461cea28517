"""Pages of large tables: no count, and a "next" only where there is one."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.core.paginator import Page
from django.db.models import QuerySet
from unfold import paginator


class InfinitePaginator(paginator.InfinitePaginator):
    """Reads one row more than it shows, to know whether another page follows.

    Pages after the first find their keys before they read rows: what is skipped is then skipped in
    an index. It bears unfold's name, because unfold's header leaves the count away by that name.
    """

    template_name = "admin/console/pages.html"
    more = False

    def page(self, number: Any) -> Page:
        number = self.validate_number(number)
        start = (number - 1) * self.per_page
        shown = self.object_list
        if start:
            keys = shown.values_list("pk", flat=True)[start : start + self.per_page + 1]
            rows = list(shown.filter(pk__in=list(keys)))
        else:
            rows = list(shown[: self.per_page + 1])
        self.more = len(rows) > self.per_page
        return self._get_page(rows[: self.per_page], number, self)


def among_latest(rows: QuerySet[Any]) -> QuerySet[Any]:
    """The newest of `rows`, CONSOLE_SEARCH_LATEST at most: what words are searched in.

    Newest by key, which begins with the time; said as a range, which an index answers in order.
    """
    keys = rows.order_by("-pk").values_list("pk", flat=True)
    oldest = keys[settings.CONSOLE_SEARCH_LATEST - 1 : settings.CONSOLE_SEARCH_LATEST].first()
    return rows if oldest is None else rows.filter(pk__gte=oldest)
