"""What somebody needs help with."""

from __future__ import annotations

from django.db import models

from agents.desk.models.entry import Entry


class SupportTicket(Entry):
    class Priority(models.TextChoices):
        LOW = "low", "Low"
        NORMAL = "normal", "Normal"
        HIGH = "high", "High"
        URGENT = "urgent", "Urgent"

    problem = models.TextField()
    priority = models.CharField(max_length=6, choices=Priority.choices)
    contact = models.CharField(max_length=200, blank=True)

    def __str__(self) -> str:
        return f"{self.problem[:60]} ({self.get_priority_display().lower()})"
