"""Services that are looked after, and their restarts."""

from __future__ import annotations

from django.db import models

from agents.desk.models.entry import Entry


class Service(models.Model):
    class Status(models.TextChoices):
        HEALTHY = "healthy", "Healthy"
        DEGRADED = "degraded", "Degraded"
        DOWN = "down", "Down"

    name = models.SlugField(max_length=40, unique=True)
    purpose = models.CharField(max_length=200)
    status = models.CharField(max_length=10, choices=Status.choices, default=Status.HEALTHY)
    latency_ms = models.PositiveIntegerField("latency in ms")
    error_percent = models.DecimalField("errors in %", max_digits=5, decimal_places=2)

    class Meta:
        ordering = ["name"]

    def __str__(self) -> str:
        return self.name


class Restart(Entry):
    service = models.ForeignKey(Service, on_delete=models.CASCADE, related_name="restarts")
    status_before = models.CharField(max_length=10, choices=Service.Status.choices)
    reason = models.CharField(max_length=500, blank=True)

    def __str__(self) -> str:
        return f"{self.service} restarted"
