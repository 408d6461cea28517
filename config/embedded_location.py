"""Where the embedded Postgres of a data folder is: computed, never asked, the same everywhere."""

from __future__ import annotations

import hashlib
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

DATABASE = "concord"
LOGIN = "app"
PORT = 5432  # only names the socket's file
SOCKET_PATH_MAX = 107  # bytes; a longer path does not fit the kernel's address


@dataclass(frozen=True, slots=True)
class Location:
    """Where a data folder's server is: paths, and what a client connects with."""

    home: Path
    data: Path
    socket_dir: Path
    log: Path
    port: int = PORT
    database: str = DATABASE
    user: str = LOGIN


def location(data_dir: Path) -> Location:
    """The facts about the server of `data_dir`, the same in every process; starts nothing."""
    root = Path(data_dir).resolve()
    home = root / "postgres"
    socket_dir = home / "socket"
    if len(os.fsencode(socket_dir / f".s.PGSQL.{PORT}")) > SOCKET_PATH_MAX:
        # Not tempfile.gettempdir(): TMPDIR may differ between two processes that must meet.
        digest = hashlib.sha256(os.fsencode(root)).hexdigest()[:20]
        socket_dir = Path("/tmp") / f"concord-{digest}"
    return Location(home, home / "data", socket_dir, root / "postgres.log")


def django_database(data_dir: Path, database: str = DATABASE) -> dict[str, Any]:
    """An entry of Django's DATABASES, less ENGINE."""
    where = location(data_dir)
    return {
        "NAME": database,
        "USER": where.user,
        "PASSWORD": "",
        "HOST": str(where.socket_dir),
        "PORT": str(where.port),
        "OPTIONS": {},
    }


def url(data_dir: Path, database: str = DATABASE, user: str = LOGIN) -> str:
    """The same as a connection URL, for psql and libpq."""
    where = location(data_dir)
    return f"postgresql://{user}@/{database}?host={quote(str(where.socket_dir))}&port={where.port}"
