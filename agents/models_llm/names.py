"""Names of the models' that others need without the models, whose import takes half a second."""

from __future__ import annotations

DEMO_MODEL_NAME = "offline-demo"
RESERVED_PARAMETERS = frozenset(
    {"messages", "model", "stream", "stream_options", "tools", "tool_choice"}
)
"""Members of a request's body that no parameters of a model's row or spec may set."""
