"""Pages of large tables: no count, and a "next" only where there is one."""

from __future__ import annotations

from typing import Any

from django.core.paginator import Page
from unfold import paginator


class InfinitePaginator(paginator.InfinitePaginator):
    """Reads one row more than it shows, to know whether another page follows.

    It bears unfold's name, because unfold's header leaves the count away by that name.
    """

    template_name = "admin/console/pages.html"
    more = False

    def page(self, number: Any) -> Page:
        number = self.validate_number(number)
        start = (number - 1) * self.per_page
        rows = list(self.object_list[start : start + self.per_page + 1])
        self.more = len(rows) > self.per_page
        return self._get_page(rows[: self.per_page], number, self)
