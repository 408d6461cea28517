"""A message that asks for JSON by a schema in its text, as nodes of workflows do."""

from __future__ import annotations

import json
import re
from typing import Any

_ASKED = re.compile(r"\bJSON alone\b.*?JSON schema:\s*(\{.*\})\s*\Z", re.DOTALL)


def schema_asked_for(message: str) -> tuple[str, dict[str, Any]] | None:
    """The message without it, and the schema; None where none is asked for."""
    found = _ASKED.search(message)
    if found is None:
        return None
    try:
        schema = json.loads(found[1])
    except ValueError:
        return None
    before = message[: message.rfind("\n\n", 0, found.start(1))]
    return (before, schema) if isinstance(schema, dict) else None
