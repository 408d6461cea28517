"""The tickets of a tenant that is resumed or deleted."""

from __future__ import annotations

from typing import Any

from django.db.models.functions import Now
from django.dispatch import receiver

from agents.tickets.models import Paused, Ticket
from tenants.signals import tenant_dropped, tenant_resumed


@receiver(tenant_resumed)
def go_on_at_once(schema: str, **_: Any) -> None:
    """Runs that were let go while the tenant was suspended are not put off any longer."""
    Ticket.objects.filter(schema=schema, owner="").update(not_before=Now())


@receiver(tenant_dropped)
def forget(schema: str, **_: Any) -> None:
    """Nobody can go on with its runs."""
    Ticket.objects.filter(schema=schema).delete()
    Paused.objects.filter(schema=schema).delete()
