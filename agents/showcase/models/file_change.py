"""Changes to the repository's snapshot, which lie over the files that ship."""

from __future__ import annotations

from django.db import models

from agents.desk.models.entry import Entry


class FileChange(Entry):
    """A file as it was written; the newest of a path is what the file says now."""

    path = models.CharField(max_length=200)
    before = models.TextField(blank=True)
    content = models.TextField()
    reason = models.CharField(max_length=500)

    class Meta(Entry.Meta):
        verbose_name = "file change"
        indexes = [models.Index(fields=["path", "-id"], name="showcase_change_path")]

    def __str__(self) -> str:
        return f"{self.path}: {self.reason[:60]}"
