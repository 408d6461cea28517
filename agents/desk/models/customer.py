"""Customers with a balance and orders, and what was done to them."""

from __future__ import annotations

from decimal import Decimal

from django.db import models
from django.db.models import F, Q
from django.db.models.functions import Now

from agents.desk.models.entry import Entry

GONE = "Deleted account"


class Customer(models.Model):
    """Who buys. A deleted account keeps its row, without anything personal, for its orders."""

    name = models.CharField(max_length=200)
    email = models.EmailField(max_length=254, blank=True)
    currency = models.CharField(max_length=3, default="EUR")
    balance = models.DecimalField(max_digits=12, decimal_places=2, default=Decimal(0))
    created_at = models.DateTimeField(db_default=Now(), editable=False)
    deleted_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["name", "id"]
        constraints = [
            models.UniqueConstraint(
                fields=["email"], condition=~Q(email=""), name="desk_customer_email"
            )
        ]

    def __str__(self) -> str:
        return self.name


class Order(models.Model):
    number = models.PositiveIntegerField(unique=True)
    customer = models.ForeignKey(Customer, on_delete=models.CASCADE, related_name="orders")
    item = models.CharField(max_length=200)
    amount = models.DecimalField(max_digits=12, decimal_places=2)
    refunded = models.DecimalField(max_digits=12, decimal_places=2, default=Decimal(0))
    currency = models.CharField(max_length=3, default="EUR")
    ordered_at = models.DateTimeField(db_default=Now(), editable=False)

    class Meta:
        ordering = ["-number"]
        constraints = [
            models.CheckConstraint(
                condition=Q(refunded__lte=F("amount")), name="desk_refund_within_order"
            )
        ]

    def __str__(self) -> str:
        return f"Order {self.number}"

    @property
    def left(self) -> Decimal:
        """What of it hasn't been paid back."""
        return self.amount - self.refunded


class Refund(Entry):
    order = models.ForeignKey(Order, on_delete=models.CASCADE, related_name="refunds")
    amount = models.DecimalField(max_digits=12, decimal_places=2)
    reason = models.CharField(max_length=500)

    def __str__(self) -> str:
        return f"{self.amount} {self.order.currency} of {self.order}"


class Credit(Entry):
    customer = models.ForeignKey(Customer, on_delete=models.CASCADE, related_name="credits")
    amount = models.DecimalField(max_digits=12, decimal_places=2)
    reason = models.CharField(max_length=500)

    def __str__(self) -> str:
        return f"{self.amount} {self.customer.currency} for {self.customer}"


class AccountDeletion(Entry):
    customer = models.ForeignKey(Customer, on_delete=models.CASCADE, related_name="deletions")
    reason = models.CharField(max_length=500, blank=True)

    class Meta(Entry.Meta):
        verbose_name = "account deletion"

    def __str__(self) -> str:
        return f"Account {self.customer_id}"
