"""Looking after services: a diagnostic, which changes nothing, and a restart, which does."""

from __future__ import annotations

from decimal import Decimal
from typing import Annotated, Any

from django.db.models import QuerySet
from pydantic import Field

from agents.desk.models import Restart, Service
from agents.desk.tools import TOOLKIT
from agents.tools.errors import ToolError
from agents.tools.registry import tool
from agents.tools.spec import Arguments, Effect, ToolContext
from tenants.accounts.scopes import Scope

# How a service is after a restart, as far as anybody can tell at once.
RESTED = {
    "status": Service.Status.HEALTHY,
    "latency_ms": 45,
    "error_percent": Decimal(0),
}
ServiceName = Annotated[
    str, Field(min_length=1, max_length=40, description="Name of the service, such as billing")
]


class ServiceChoice(Arguments):
    service: ServiceName


class RestartChoice(Arguments):
    service: ServiceName
    reason: Annotated[str, Field(max_length=500, description="Why it is restarted")] = ""


@tool(effect=Effect.READ, scope=Scope.DESK_READ, transactional=True, toolkit=TOOLKIT)
def run_diagnostic(context: ToolContext, args: ServiceChoice) -> dict[str, Any]:
    """Run a diagnostic: check how a service is doing, without changing anything."""
    service = _find(Service.objects.all(), args.service)
    last = service.restarts.first()
    return {
        "service": service.name,
        "purpose": service.purpose,
        "status": service.status,
        "latency_ms": service.latency_ms,
        "error_percent": float(service.error_percent),
        "last_restart": last.at.isoformat() if last else None,
    }


@tool(effect=Effect.WRITE, scope=Scope.DESK_WRITE, transactional=True, toolkit=TOOLKIT, tier="user")
def restart_service(context: ToolContext, args: RestartChoice) -> dict[str, Any]:
    """Restart a service. It is away for a moment, so whoever asks for it confirms first."""
    done = Restart.of_call(context)
    if done is None:
        service = _find(Service.objects.select_for_update(), args.service)
        done = Restart.write(
            context, service=service, status_before=service.status, reason=args.reason
        )
        for name, value in RESTED.items():
            setattr(service, name, value)
        service.save(update_fields=list(RESTED))
    return {
        "service": done.service.name,
        "status_before": done.status_before,
        "status": done.service.status,
        "restart": done.pk,
    }


def _find(services: QuerySet[Service], name: str) -> Service:
    wanted = name.lower().removesuffix(" service").strip()
    found = services.filter(name=wanted).first()
    if found is None:
        known = ", ".join(Service.objects.values_list("name", flat=True)[:20])
        raise ToolError(f"there is no service {name!r}; choose one of: {known or 'none'}")
    return found
