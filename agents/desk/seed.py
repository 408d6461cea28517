"""The desk's demo data: a few services and customers with orders, for a tenant that has none."""

from __future__ import annotations

from decimal import Decimal

from django.db import transaction

from agents.desk.models import Customer, Order, Service

_SERVICES = (
    ("billing", "Invoices and payments", "degraded", 1840, "7.50"),
    ("search", "Full-text search of the catalogue", "healthy", 38, "0.10"),
    ("mail", "Outgoing mail", "down", 0, "100.00"),
    ("website", "The public web site", "healthy", 62, "0.05"),
)
_CUSTOMERS = (
    ("Ada Lovelace", "ada@example.com", "EUR", "0.00"),
    ("Grace Hopper", "grace@example.com", "USD", "25.00"),
    ("Emmy Noether", "emmy@example.com", "EUR", "120.50"),
    ("Katherine Johnson", "katherine@example.com", "USD", "0.00"),
)
_ORDERS = (
    (1042, "ada@example.com", "Espresso machine", "480.00"),
    (1043, "ada@example.com", "Coffee, 1 kg", "24.90"),
    (1044, "grace@example.com", "Mechanical keyboard", "159.00"),
    (1045, "emmy@example.com", "Standing desk", "890.00"),
    (1046, "katherine@example.com", "Telescope", "1299.00"),
)


def has_data() -> bool:
    """Whether the active tenant has anything at its service desk."""
    return Service.objects.exists() or Customer.objects.exists()


def seed() -> bool:
    """Give the active tenant the demo data unless it has some; True if it was given."""
    with transaction.atomic():
        if has_data():
            return False
        Service.objects.bulk_create(
            Service(
                name=name,
                purpose=purpose,
                status=status,
                latency_ms=latency,
                error_percent=Decimal(errors),
            )
            for name, purpose, status, latency, errors in _SERVICES
        )
        customers = {
            email: Customer.objects.create(
                name=name, email=email, currency=currency, balance=Decimal(balance)
            )
            for name, email, currency, balance in _CUSTOMERS
        }
        Order.objects.bulk_create(
            Order(
                number=number,
                customer=customers[email],
                item=item,
                amount=Decimal(amount),
                currency=customers[email].currency,
            )
            for number, email, item, amount in _ORDERS
        )
    return True
