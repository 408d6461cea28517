"""Looking at customers without changing anything: their account, their orders."""

from __future__ import annotations

from typing import Any

from agents.desk.models import Order
from agents.desk.tools import TOOLKIT
from agents.desk.tools.finding import Who, find_customer
from agents.tools.registry import tool
from agents.tools.spec import Arguments, Effect, ToolContext
from tenants.accounts.scopes import Scope

_MOST_ORDERS = 20


class CustomerChoice(Arguments):
    customer: Who


@tool(effect=Effect.READ, scope=Scope.DESK_READ, transactional=True, toolkit=TOOLKIT)
def look_up_account(context: ToolContext, args: CustomerChoice) -> dict[str, Any]:
    """Look up a customer's account: since when, its balance, how many orders and credits."""
    customer = find_customer(args.customer)
    return {
        "customer": customer.name,
        "email": customer.email,
        "since": customer.created_at.date().isoformat(),
        "balance": f"{customer.balance} {customer.currency}",
        "orders": customer.orders.count(),
        "credits": customer.credits.count(),
    }


@tool(effect=Effect.READ, scope=Scope.DESK_READ, transactional=True, toolkit=TOOLKIT)
def look_up_orders(context: ToolContext, args: CustomerChoice) -> dict[str, Any]:
    """Look up a customer's orders and payments: what was bought, charged and refunded."""
    customer = find_customer(args.customer)
    orders = Order.objects.filter(customer=customer)
    return {
        "orders": [
            {
                "number": one.number,
                "text": f"{one.item}, {one.amount} {one.currency}"
                + (f", of which {one.refunded} refunded" if one.refunded else ""),
            }
            for one in orders[:_MOST_ORDERS]
        ],
        "total": orders.count(),
    }
