"""What a tool call leaves behind at the desk: who for, in which run, and once only."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar, Self

from django.conf import settings
from django.db import models
from django.db.models.functions import Now

if TYPE_CHECKING:
    from agents.tools.spec import ToolContext


class Entry(models.Model):
    """Base of the rows that tools write. The run may be deleted before it, so it is named only."""

    objects: ClassVar[models.Manager[Any]]

    member = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+"
    )
    run_id = models.UUIDField(editable=False)
    idempotency_key = models.CharField(max_length=300, unique=True, editable=False)
    at = models.DateTimeField(db_default=Now(), editable=False)

    class Meta:
        abstract = True
        ordering = ["-id"]

    @classmethod
    def of_call(cls, context: ToolContext) -> Self | None:
        """What the same call wrote before, if it did."""
        found: Self | None = cls.objects.filter(idempotency_key=context.idempotency_key).first()
        return found

    @classmethod
    def write(cls, context: ToolContext, **values: Any) -> Self:
        """Write the row of a call. A second one of the same call is an IntegrityError."""
        made: Self = cls.objects.create(
            member_id=context.member_id,
            run_id=context.run_id,
            idempotency_key=context.idempotency_key,
            **values,
        )
        return made
