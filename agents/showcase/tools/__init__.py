"""The showcase's tools: they read the demo data that ships, and what they do lies in its tables."""

from __future__ import annotations

from importlib import import_module

MODULES = ("market", "library", "editorial", "repository", "changes", "todos", "city", "dispatch")


def load() -> None:
    """Import every module of these tools, which registers them. Again, it does nothing."""
    for module in MODULES:
        import_module(f"{__name__}.{module}")
