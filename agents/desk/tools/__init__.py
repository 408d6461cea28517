"""The tools of the service desk. Their effects lie in its tables, and nowhere else."""

from __future__ import annotations

from importlib import import_module

MODULES = ("services", "support", "customers", "lookups", "papers")
TOOLKIT = "service_desk"


def load() -> None:
    """Import every module of these tools, which registers them. Again, it does nothing."""
    for module in MODULES:
        import_module(f"{__name__}.{module}")
