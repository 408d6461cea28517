"""What was drawn up for somebody: exports of a customer's data, and reports."""

from __future__ import annotations

from django.db import models

from agents.desk.models.customer import Customer
from agents.desk.models.entry import Entry


class CustomerExport(Entry):
    """A customer's data as they were. Emptied when the account is deleted."""

    customer = models.ForeignKey(Customer, on_delete=models.CASCADE, related_name="exports")
    content = models.JSONField()

    class Meta(Entry.Meta):
        verbose_name = "customer export"

    def __str__(self) -> str:
        return f"Data of {self.customer}"


class Report(Entry):
    class About(models.TextChoices):
        REFUNDS = "refunds", "Refunds"
        CREDITS = "credits", "Credits"
        TICKETS = "tickets", "Support tickets"
        RESTARTS = "restarts", "Restarts"

    about = models.CharField(max_length=10, choices=About.choices)
    days = models.PositiveSmallIntegerField()
    content = models.JSONField()

    def __str__(self) -> str:
        return f"{self.get_about_display()} of {self.days} days"
