"""The tools that every installation has."""

from __future__ import annotations

from importlib import import_module

MODULES = ("ask_user", "calculator", "clock", "hand_over", "notes")


def load() -> None:
    """Import every module of built-in tools, which registers them. Again, it does nothing."""
    for module in MODULES:
        import_module(f"{__name__}.{module}")
