"""Pages of large tables: no count, and a "next" only where there is one."""

from __future__ import annotations

from typing import Any

from django.core.paginator import Page
from unfold.paginator import InfinitePaginator


class UncountedPaginator(InfinitePaginator):
    """Reads one row more than it shows, to know whether another page follows."""

    template_name = "admin/console/pages.html"

    def page(self, number: Any) -> Page:
        number = self.validate_number(number)
        start = (number - 1) * self.per_page
        rows = list(self.object_list[start : start + self.per_page + 1])
        self.more = len(rows) > self.per_page
        return self._get_page(rows[: self.per_page], number, self)
