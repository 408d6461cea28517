"""What the showcase's tools write. One subject a file."""

from agents.showcase.models.dispatch import Dispatch, Incident, UnitReservation
from agents.showcase.models.file_change import FileChange
from agents.showcase.models.todo import Todo

__all__ = ["Dispatch", "FileChange", "Incident", "Todo", "UnitReservation"]
