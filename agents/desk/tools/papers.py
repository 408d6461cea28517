"""Drawing things up: all that is known of a customer, and reports. Free to do, always recorded."""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated, Any, Literal

from django.db.models import QuerySet, Sum
from django.utils import timezone
from pydantic import Field

from agents.desk.models import Credit, CustomerExport, Refund, Report, Restart, SupportTicket
from agents.desk.tools import TOOLKIT
from agents.desk.tools.finding import Who, find_customer
from agents.tools.registry import tool
from agents.tools.spec import Arguments, Effect, ToolContext
from tenants.accounts.scopes import Scope

MOST_LINES = 50  # of a report: it is counted in full and listed from the newest
MOST_ORDERS = 100


class CustomerChoice(Arguments):
    customer: Who


class ReportChoice(Arguments):
    about: Annotated[
        Literal["refunds", "credits", "tickets", "restarts"],
        Field(description="What it is about"),
    ]
    days: Annotated[int, Field(ge=1, le=366, description="Of so many days until now")] = 30


@tool(
    effect=Effect.WRITE, scope=Scope.DESK_WRITE, transactional=True, toolkit=TOOLKIT, tier="audited"
)
def export_customer_data(context: ToolContext, args: CustomerChoice) -> dict[str, Any]:
    """Export the data of a customer: name, address, balance, orders and credits."""
    export = CustomerExport.of_call(context)
    if export is None:
        customer = find_customer(args.customer)
        content = {
            "name": customer.name,
            "email": customer.email,
            "balance": f"{customer.balance} {customer.currency}",
            "customer_since": customer.created_at.date().isoformat(),
            "orders": [
                f"{order.number}: {order.item}, {order.amount} {order.currency}"
                for order in customer.orders.all()[:MOST_ORDERS]
            ],
            "credits": [
                f"{credit.amount} {customer.currency}: {credit.reason}"
                for credit in customer.credits.all()[:MOST_ORDERS]
            ],
        }
        export = CustomerExport.write(context, customer=customer, content=content)
    return {"export": export.pk, **export.content}


@tool(
    effect=Effect.WRITE, scope=Scope.DESK_WRITE, transactional=True, toolkit=TOOLKIT, tier="audited"
)
def generate_report(context: ToolContext, args: ReportChoice) -> dict[str, Any]:
    """Generate a report about the refunds, credits, tickets or restarts of the last days."""
    report = Report.of_call(context)
    if report is None:
        content = _REPORTS[args.about](timezone.now() - timedelta(days=args.days))
        report = Report.write(context, about=args.about, days=args.days, content=content)
    return {"report": report.pk, "about": report.about, "days": report.days, **report.content}


def _refunds(since: Any) -> dict[str, Any]:
    return _money(Refund.objects.filter(at__gte=since).select_related("order"), "order__currency")


def _credits(since: Any) -> dict[str, Any]:
    rows = Credit.objects.filter(at__gte=since).select_related("customer")
    return _money(rows, "customer__currency")


def _money(rows: QuerySet[Any], currency: str) -> dict[str, Any]:
    totals = rows.order_by(currency).values_list(currency).annotate(Sum("amount"))
    return {
        "count": rows.count(),
        "total": ", ".join(f"{total} {code}" for code, total in totals),
        "latest": [str(row) for row in rows[:MOST_LINES]],
    }


def _tickets(since: Any) -> dict[str, Any]:
    rows = SupportTicket.objects.filter(at__gte=since)
    return {"count": rows.count(), "latest": [str(row) for row in rows[:MOST_LINES]]}


def _restarts(since: Any) -> dict[str, Any]:
    rows = Restart.objects.filter(at__gte=since).select_related("service")
    return {"count": rows.count(), "latest": [row.service.name for row in rows[:MOST_LINES]]}


_REPORTS = {
    "refunds": _refunds,
    "credits": _credits,
    "tickets": _tickets,
    "restarts": _restarts,
}
