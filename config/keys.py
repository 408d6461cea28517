"""Secrets of a local installation: made at first use, kept in DATA_DIR, readable by their owner."""

from __future__ import annotations

import os
import secrets
from pathlib import Path

# Marks a key that must never sign anything in production.
DEVELOPMENT_PREFIX = "dev-"


def local_key(data_dir: Path, name: str) -> str:
    """The secret `name` of this data folder, the same in every process that asks."""
    folder = data_dir / "keys"
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    file = folder / name
    try:
        handle = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        value = file.read_text().strip()
        if value:
            return value
        raise RuntimeError(
            f"the key file {file} is empty: delete it to have a new one made"
        ) from None
    value = DEVELOPMENT_PREFIX + secrets.token_urlsafe(48)
    with os.fdopen(handle, "w") as out:
        out.write(value)
    return value
