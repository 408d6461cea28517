"""Secrets of a local installation: made at first use, kept in DATA_DIR, readable by their owner."""

from __future__ import annotations

import os
import secrets
import tempfile
from pathlib import Path

# Marks a key that must never sign anything in production.
DEVELOPMENT_PREFIX = "dev-"


def local_key(data_dir: Path, name: str) -> str:
    """The secret `name` of this data folder, the same in every process that asks."""
    folder = data_dir / "keys"
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    file = folder / name
    if not file.exists():
        # Whole or not there: processes that start together all read what the first one linked.
        handle, made = tempfile.mkstemp(dir=folder, prefix=f".{name}-")
        with os.fdopen(handle, "w") as out:
            out.write(DEVELOPMENT_PREFIX + secrets.token_urlsafe(48))
        try:
            os.link(made, file)
        except FileExistsError:
            pass
        except OSError:  # a file system without hard links
            os.replace(made, file)
        Path(made).unlink(missing_ok=True)
    value = file.read_text().strip()
    if not value:
        raise RuntimeError(f"the key file {file} is empty: delete it to have a new one made")
    return value
