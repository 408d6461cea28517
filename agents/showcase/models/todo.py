"""What a member has to do, as an assistant keeps it for them."""

from __future__ import annotations

from django.db import models

from agents.desk.models.entry import Entry


class Todo(Entry):
    text = models.CharField(max_length=500)
    done_at = models.DateTimeField(null=True, blank=True)

    class Meta(Entry.Meta):
        verbose_name = "to-do"
        indexes = [models.Index(fields=["member", "-id"], name="showcase_todo_member")]

    def __str__(self) -> str:
        return self.text
