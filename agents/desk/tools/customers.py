"""What moves money or takes somebody's account away: refunds, credits, deletions."""

from __future__ import annotations

from typing import Annotated, Any

from django.db.models.functions import Now
from pydantic import Field

from agents.desk.models import AccountDeletion, Credit, CustomerExport, Refund
from agents.desk.models.customer import GONE
from agents.desk.tools import TOOLKIT
from agents.desk.tools.finding import (
    Amount,
    Currency,
    Reason,
    Who,
    check_currency,
    exact,
    find_customer,
    find_order,
)
from agents.tools.errors import ToolError
from agents.tools.registry import tool
from agents.tools.spec import Arguments, Effect, ToolContext
from tenants.accounts.scopes import Scope


class RefundOrder(Arguments):
    order_id: Annotated[int, Field(ge=1, le=2**31 - 1, description="The order's number")]
    amount: Amount
    reason: Reason
    currency: Currency = None


class CreditCustomer(Arguments):
    customer: Who
    amount: Amount
    reason: Reason
    currency: Currency = None


class DeleteAccount(Arguments):
    customer: Who
    reason: Annotated[str, Field(max_length=500, description="Why it is done")] = ""


@tool(
    effect=Effect.WRITE, scope=Scope.DESK_WRITE, transactional=True, toolkit=TOOLKIT, tier="admin"
)
def process_refund(context: ToolContext, args: RefundOrder) -> dict[str, Any]:
    """Refund an order: pay back an amount of it to the customer. Somebody signs it off first."""
    refund = Refund.of_call(context)
    if refund is None:
        order = find_order(args.order_id)
        check_currency(args.currency, order.currency, f"order {order.number}")
        amount = exact(args.amount)
        if amount > order.left:
            raise ToolError(
                f"of order {order.number} no more than {order.left} {order.currency} is left "
                "to pay back"
            )
        refund = Refund.write(context, order=order, amount=amount, reason=args.reason)
        order.refunded += amount
        order.save(update_fields=["refunded"])
    order = refund.order
    return {
        "refund": refund.pk,
        "order": order.number,
        "customer": order.customer.name,
        "refunded": f"{refund.amount} {order.currency}",
        "left": f"{order.left} {order.currency}",
    }


@tool(effect=Effect.WRITE, scope=Scope.DESK_WRITE, transactional=True, toolkit=TOOLKIT, tier="user")
def issue_credit(context: ToolContext, args: CreditCustomer) -> dict[str, Any]:
    """Issue a credit: add an amount to a customer's balance. Whoever asks for it confirms first."""
    credit = Credit.of_call(context)
    if credit is None:
        customer = find_customer(args.customer, lock=True)
        check_currency(args.currency, customer.currency, f"the balance of {customer.name}")
        credit = Credit.write(
            context, customer=customer, amount=exact(args.amount), reason=args.reason
        )
        customer.balance += credit.amount
        customer.save(update_fields=["balance"])
    customer = credit.customer
    return {
        "credit": credit.pk,
        "customer": customer.name,
        "credited": f"{credit.amount} {customer.currency}",
        "balance": f"{customer.balance} {customer.currency}",
    }


@tool(
    effect=Effect.WRITE, scope=Scope.DESK_WRITE, transactional=True, toolkit=TOOLKIT, tier="admin"
)
def delete_user_account(context: ToolContext, args: DeleteAccount) -> dict[str, Any]:
    """Delete a customer's account with everything personal in it. There is no way back."""
    done = AccountDeletion.of_call(context)
    if done is None:
        customer = find_customer(args.customer, lock=True)
        done = AccountDeletion.write(context, customer=customer, reason=args.reason)
        customer.name, customer.email, customer.deleted_at = GONE, "", Now()
        customer.save(update_fields=["name", "email", "deleted_at"])
        CustomerExport.objects.filter(customer=customer).update(content={})
    return {"account_id": done.customer_id, "orders_kept": done.customer.orders.count()}
