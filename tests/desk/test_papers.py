"""Exports and reports: made once, kept, of one tenant."""

from __future__ import annotations

from typing import Any

import pytest

from agents.desk.models import CustomerExport, Report
from agents.tools.calling import ArgumentError

pytestmark = pytest.mark.django_db


def test_an_export_holds_all_that_is_known(desk: Any) -> None:
    desk("issue_credit", customer="ada@example.com", amount=20, reason="a late parcel")
    told = desk("export_customer_data", key="one", customer="Ada Lovelace")
    assert told["email"] == "ada@example.com" and told["balance"] == "20.00 EUR"
    assert told["orders"][-1] == "1042: Espresso machine, 480.00 EUR"
    assert told["credits"] == ["20.00 EUR: a late parcel"]
    assert desk("export_customer_data", key="one", customer="Ada Lovelace") == told
    assert CustomerExport.objects.get().content["name"] == "Ada Lovelace"


def test_a_report_counts_and_adds_up_by_currency(desk: Any) -> None:
    for order, amount in ((1042, 10), (1043, 4.5), (1044, 9)):
        desk("process_refund", order_id=order, amount=amount, reason="x")
    told = desk("generate_report", about="refunds")
    assert (told["count"], told["total"]) == (3, "14.50 EUR, 9.00 USD")
    assert told["latest"][0] == "9.00 USD of Order 1044"
    assert Report.objects.get().content["count"] == 3


@pytest.mark.parametrize("about", ["credits", "tickets", "restarts"])
def test_a_report_about_nothing_says_so(desk: Any, about: str) -> None:
    told = desk("generate_report", about=about, days=7)
    assert told["count"] == 0 and told["latest"] == [] and told["days"] == 7


def test_a_report_about_something_else_is_the_models_to_mend(desk: Any) -> None:
    with pytest.raises(ArgumentError, match="about"):
        desk("generate_report", about="salaries")
