"""Incidents, the units that were reserved for them, and their dispatch: once for each incident."""

from __future__ import annotations

from django.db import models

from agents.desk.models.entry import Entry


class Incident(Entry):
    report = models.TextField()
    location = models.CharField(max_length=200)

    def __str__(self) -> str:
        return f"Incident {self.pk}: {self.report[:60]}"


class UnitReservation(Entry):
    """The units that a call reserved, as the tool told them; of several the newest counts."""

    incident = models.ForeignKey(Incident, on_delete=models.CASCADE, related_name="reservations")
    units = models.JSONField()
    hospital = models.CharField(max_length=200, blank=True)

    class Meta(Entry.Meta):
        verbose_name = "reservation"

    def __str__(self) -> str:
        return f"{len(self.units)} units for incident {self.incident_id}"


class Dispatch(Entry):
    """The units are on their way. An incident is dispatched once, whoever asks for it again."""

    incident = models.OneToOneField(Incident, on_delete=models.CASCADE, related_name="dispatch")
    units = models.JSONField()
    hospital = models.CharField(max_length=200, blank=True)

    class Meta(Entry.Meta):
        verbose_name_plural = "dispatches"

    def __str__(self) -> str:
        return f"Dispatch to incident {self.incident_id}"
