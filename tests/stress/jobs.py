"""The stress's own job, run by the task cluster under the tenant that queued it."""

from __future__ import annotations

from django.db import connection


def mark(tag: str, token: str) -> None:
    """Leave a row in the tenant's table that says who asked for it."""
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO stress_mark (tag, what, token) SELECT %s, 'task', %s "
            "WHERE NOT EXISTS (SELECT 1 FROM stress_mark WHERE token = %s)",
            [tag, token, token],
        )
