"""What was used, and what a tenant's owner lets its members use.

What the platform lets a tenant use is in the tenant's own row, which no tenant can write.
"""

from __future__ import annotations

from django.conf import settings
from django.core.validators import MinValueValidator
from django.db import models

from tenants.accounts.models import Member

# Whose use a row counts when it is everybody's.
EVERYBODY = 0


class Usage(models.Model):
    """What a member's runs of one component used, by the UTC day on which they ended.

    Written by the statement that ends a run. A row of EVERYBODY counts the whole tenant, so that
    its budget is a sum over days and not over members. A day has up to `counting.SLOTS` rows of a
    kind, one for each of as many database connections: runs that end together don't wait for each
    other's row. No foreign key: what was used stays used when the member is deleted.
    """

    member_id = models.BigIntegerField()
    day = models.DateField()
    kind = models.CharField(max_length=10, blank=True, default="")
    slug = models.CharField(max_length=64, blank=True, default="")
    slot = models.SmallIntegerField(default=0)
    runs = models.BigIntegerField(default=0)
    input_tokens = models.BigIntegerField(default=0)
    output_tokens = models.BigIntegerField(default=0)
    cost = models.DecimalField(max_digits=24, decimal_places=10, default=0)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["member_id", "day", "kind", "slug", "slot"], name="usage_row_unique"
            )
        ]
        indexes = [models.Index(fields=["day"], name="usage_by_day")]

    def __str__(self) -> str:
        return f"{self.day} {self.member_id} {self.slug}"


class StartWindow(models.Model):
    """Starts of a member, or EVERYBODY, in the latest minute that had any. `minute`: of the epoch.

    The row is also what starts under an exact limit wait for one another at.
    """

    member_id = models.BigIntegerField(primary_key=True)
    minute = models.BigIntegerField()
    runs = models.IntegerField()

    def __str__(self) -> str:
        return f"{self.member_id} {self.minute}"


class MemberLimitFields(models.Model):
    """Empty: the next more general limit holds. 0: no limit of this kind."""

    runs_per_minute = models.PositiveIntegerField("runs a minute", null=True, blank=True)
    live_runs = models.PositiveIntegerField("runs waiting or running", null=True, blank=True)
    tokens_per_day = models.PositiveBigIntegerField("tokens a day", null=True, blank=True)
    tokens_per_month = models.PositiveBigIntegerField("tokens a month", null=True, blank=True)
    cost_per_day = models.DecimalField(
        "cost a day",
        max_digits=14,
        decimal_places=4,
        null=True,
        blank=True,
        validators=[MinValueValidator(0)],
    )
    cost_per_month = models.DecimalField(
        "cost a month",
        max_digits=14,
        decimal_places=4,
        null=True,
        blank=True,
        validators=[MinValueValidator(0)],
    )

    class Meta:
        abstract = True


class DefaultLimits(MemberLimitFields):
    """The tenant's one row: what holds for each member without limits of their own."""

    id = models.PositiveSmallIntegerField(primary_key=True, default=1, editable=False)

    class Meta:
        verbose_name = verbose_name_plural = "limits of members"
        constraints = [models.CheckConstraint(condition=models.Q(id=1), name="default_limits_once")]

    def __str__(self) -> str:
        return "Limits of each member"


class MemberLimits(MemberLimitFields):
    """One member's own limits, in the stead of the default ones; the tenant's hold as well."""

    member = models.OneToOneField(
        settings.AUTH_USER_MODEL, primary_key=True, on_delete=models.CASCADE, related_name="limits"
    )

    class Meta:
        verbose_name = verbose_name_plural = "a member's limits"

    def __str__(self) -> str:
        return f"Limits of {self.member}"


class MemberUse(Member):
    """A member with what they used and may use, for the console."""

    class Meta:
        proxy = True
        verbose_name = "member"
        verbose_name_plural = "usage and limits"
