"""Telling that the database is away from everything that a statement can earn by itself."""

from __future__ import annotations

import psycopg
from django.db import Error as DjangoError
from psycopg_pool import PoolTimeout

# What whoever asks is told.
AWAY = "The database can't be reached: try again soon."
# Connection lost or refused, the server going down or coming up, no room for another connection.
_AWAY_STATES = ("08", "57P01", "57P02", "57P03", "53300")


def database_away(error: BaseException | None) -> bool:
    """Whether an error means that the database could not be reached or was cut off.

    Not one that a statement earned by itself: a time limit, a deadlock, a violated rule.
    """
    if isinstance(error, PoolTimeout):
        return True
    if isinstance(error, DjangoError):
        return database_away(error.__cause__) if error.__cause__ is not None else False
    if isinstance(error, (psycopg.OperationalError, psycopg.InterfaceError)):
        state = error.sqlstate
        return state is None or state.startswith(_AWAY_STATES)
    return False
