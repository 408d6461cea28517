"""How often a member's runs used a tool in the hour, where a grant limits that."""

from __future__ import annotations

from django.conf import settings
from django.db import models

from approvals.models.grant import Grant


class CallCount(models.Model):
    """Calls under one grant for one member within the hour of the clock numbered `hour`.

    Hours count from 1970. One row for each pair, counted on or begun anew by one statement.
    """

    grant = models.ForeignKey(Grant, on_delete=models.CASCADE, related_name="+", db_index=False)
    member = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+")
    hour = models.BigIntegerField()
    calls = models.PositiveIntegerField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["grant", "member"], name="call_count_of_member"),
        ]

    def __str__(self) -> str:
        return f"{self.calls} in hour {self.hour}"
