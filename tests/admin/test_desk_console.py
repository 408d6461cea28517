"""The service desk in the console: to be looked at by whoever may, where there is one."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any
from uuid import uuid4

import pytest

from agents.desk.models import (
    AccountDeletion,
    Credit,
    Customer,
    CustomerExport,
    Order,
    Refund,
    Report,
    Restart,
    Service,
    SupportTicket,
)
from tenants.accounts.models import Member
from tenants.context import use_shared, use_tenant
from tenants.models import Tenant
from tests.admin.console import Console

Consoles = Callable[..., Console]
TABLES = [
    "service",
    "restart",
    "supportticket",
    "customer",
    "order",
    "refund",
    "credit",
    "accountdeletion",
    "customerexport",
    "report",
]


@pytest.fixture(scope="module")
def filled(database: None, django_db_blocker: Any) -> Iterator[dict[str, int]]:
    """A row in each of acme's tables, by the name of its table."""
    with django_db_blocker.unblock():
        with use_shared():
            ref = Tenant.objects.get(schema_name="acme").ref
        with use_tenant(ref):
            rows = _rows()
        yield {row._meta.model_name: row.pk for row in rows}
        with use_tenant(ref):
            for row in reversed(rows):
                if not isinstance(row, (Service, Customer, Order)):
                    row.delete()


def _rows() -> list[Any]:
    service, customer = Service.objects.get(name="billing"), Customer.objects.get(pk=_ada())
    order = Order.objects.get(number=1042)
    member = Member.objects.get(username="member")

    def entry(model: Any, **values: Any) -> Any:
        return model.objects.create(
            member=member, run_id=uuid4(), idempotency_key=uuid4().hex, **values
        )

    return [
        service,
        customer,
        order,
        entry(Restart, service=service, status_before="down", reason="<b>hung</b>"),
        entry(SupportTicket, problem="The printer is on fire", priority="urgent"),
        entry(Refund, order=order, amount=5, reason="it arrived broken"),
        entry(Credit, customer=customer, amount=7, reason="a late parcel"),
        entry(AccountDeletion, customer=customer, reason="asked for"),
        entry(CustomerExport, customer=customer, content={"name": "Ada Lovelace"}),
        entry(Report, about="refunds", days=30, content={"count": 1}),
    ]


def _ada() -> int:
    return int(Customer.objects.get(email="ada@example.com").pk)


@pytest.mark.parametrize("table", TABLES)
def test_each_table_is_listed_and_shown_and_nothing_can_be_changed(
    console: Consoles, filled: dict[str, int], table: str
) -> None:
    browser = console("acme", "auditor")
    place = f"/admin/desk/{table}/"
    assert f'href="{place}"' in browser.get("/admin/").text
    assert browser.get(place).status_code == 200
    shown = browser.get(f"{place}{filled[table]}/change/")
    assert shown.status_code == 200
    assert 'name="_save"' not in shown.text
    assert "<b>hung</b>" not in shown.text
    for way in ("add/", f"{filled[table]}/delete/"):
        assert console("acme", "owner").get(place + way).status_code == 403


def test_lists_are_searched_and_filtered(console: Consoles, filled: dict[str, int]) -> None:
    browser = console("acme", "owner")
    for path, words in {
        "/admin/desk/service/?status__exact=down": "mail",
        "/admin/desk/customer/?q=lovelace": "ada@example.com",
        "/admin/desk/customer/?state=active": "ada@example.com",
        "/admin/desk/order/?q=1042": "Espresso machine",
        "/admin/desk/supportticket/?priority__exact=urgent": "The printer is on fire",
        "/admin/desk/refund/?at_from=2020-01-01": "it arrived broken",
        "/admin/desk/report/?about__exact=refunds": "Refunds",
    }.items():
        assert words in browser.page(path), path
    for path in (
        "/admin/desk/order/?q=no+such",
        "/admin/desk/refund/?q=<script>",
        "/admin/desk/refund/?at_to=2020-01-01",
        "/admin/desk/customer/?state=deleted&q=lovelace",
    ):
        page = browser.page(path)
        assert "Ada Lovelace" not in page and "it arrived broken" not in page, path


def test_a_row_of_one_tenant_is_nothing_in_another(
    console: Consoles, filled: dict[str, int]
) -> None:
    browser = console("globex", "owner")
    assert "The printer is on fire" not in browser.page("/admin/desk/supportticket/")
    ticket = f"/admin/desk/supportticket/{filled['supportticket']}/change/"
    assert browser.get(ticket).status_code in (302, 404)


def test_an_empty_table_says_how_it_is_filled(console: Consoles) -> None:
    page = console("globex", "owner").page("/admin/desk/accountdeletion/")
    assert "No account was deleted" in page and "The service desk's tools write here" in page
