"""The demo data that ships: TOML files under `data/`, read once. Every answer from them says so."""

from __future__ import annotations

import tomllib
from functools import cache
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).parent / "data"
NOTE = "demo data that ships with the product, not real"
"""What a tool's answer says under `source`."""


@cache
def source(name: str) -> dict[str, Any]:
    """A data file by its name without the ending. Shared: don't change it."""
    return tomllib.loads((FOLDER / f"{name}.toml").read_text(encoding="utf-8"))
