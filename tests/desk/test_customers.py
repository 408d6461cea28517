"""Money and accounts: done once, within limits, in one tenant."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from django.db import IntegrityError, transaction

from agents.desk.models import AccountDeletion, Credit, Customer, CustomerExport, Order, Refund
from agents.tools.calling import ArgumentError, ToolError
from tenants.context import TenantRef, use_tenant

pytestmark = pytest.mark.django_db
REFUND = {"order_id": 1042, "amount": 250, "reason": "it arrived broken"}


def test_a_refund_is_taken_off_the_order(desk: Any, globex: TenantRef) -> None:
    told = desk("process_refund", **REFUND, currency="EUR")
    assert told["refunded"] == "250.00 EUR" and told["left"] == "230.00 EUR"
    assert Order.objects.get(number=1042).refunded == Decimal(250)
    refund = Refund.objects.get()
    assert (refund.order.number, refund.reason) == (1042, "it arrived broken")
    with use_tenant(globex):
        assert Order.objects.get(number=1042).refunded == 0
        assert not Refund.objects.exists()


def test_the_same_call_again_pays_nothing_back(desk: Any) -> None:
    first = desk("process_refund", key="one", **REFUND)
    assert desk("process_refund", key="one", **REFUND) == first
    assert Order.objects.get(number=1042).refunded == Decimal(250)
    assert Refund.objects.count() == 1


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"amount": 480.01}, "no more than 480.00 EUR is left"),
        ({"currency": "USD"}, "order 1042 is in EUR, not in USD"),
        ({"order_id": 9}, "there is no order 9"),
    ],
)
def test_a_refund_that_can_not_be_is_refused(desk: Any, changed: dict[str, Any], said: str) -> None:
    with pytest.raises(ToolError, match=said):
        desk("process_refund", **(REFUND | changed))
    assert not Refund.objects.exists()


def test_refunds_together_are_never_more_than_the_order(desk: Any) -> None:
    desk("process_refund", **REFUND)
    with pytest.raises(ToolError, match=r"230\.00 EUR is left"):
        desk("process_refund", **REFUND)
    with pytest.raises(IntegrityError), transaction.atomic():
        Order.objects.filter(number=1042).update(refunded=481)


@pytest.mark.parametrize("amount", [0, -5, 10.001, 2_000_000, "much", float("nan")])
def test_an_amount_that_is_none_is_the_models_to_mend(desk: Any, amount: Any) -> None:
    with pytest.raises(ArgumentError):
        desk("issue_credit", customer="ada@example.com", amount=amount, reason="x")
    assert not Credit.objects.exists()


def test_a_credit_is_added_to_the_balance_to_the_cent(desk: Any) -> None:
    told = desk("issue_credit", customer="Emmy Noether", amount=0.1, reason="late")
    desk("issue_credit", customer="EMMY@example.com", amount=0.2, reason="late again")
    assert told["balance"] == "120.60 EUR"
    assert Customer.objects.get(email="emmy@example.com").balance == Decimal("120.80")
    assert Credit.objects.count() == 2


def test_who_is_not_known_or_not_clear_is_asked_about(desk: Any) -> None:
    with pytest.raises(ToolError, match=r"no customer 'nobody@example\.com'"):
        desk("issue_credit", customer="nobody@example.com", amount=1, reason="x")
    Customer.objects.create(name="Ada Lovelace", email="other@example.com")
    with pytest.raises(ToolError, match="several customers"):
        desk("delete_user_account", customer="ada lovelace")


def test_a_deleted_account_keeps_nothing_personal(desk: Any, globex: TenantRef) -> None:
    desk("export_customer_data", customer="ada@example.com")
    desk("delete_user_account", key="one", customer="ada@example.com", reason="she asked for it")
    told = desk("delete_user_account", key="one", customer="ada@example.com")
    deletion = AccountDeletion.objects.get()
    assert told == {"account_id": deletion.customer_id, "orders_kept": 2}
    gone = Customer.objects.get(pk=deletion.customer_id)
    assert (gone.name, gone.email) == ("Deleted account", "") and gone.deleted_at
    assert CustomerExport.objects.get().content == {}
    with pytest.raises(ToolError, match="no customer"):
        desk("export_customer_data", customer="ada@example.com")
    with use_tenant(globex):
        assert Customer.objects.filter(email="ada@example.com", deleted_at=None).exists()
