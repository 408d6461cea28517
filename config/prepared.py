"""Migrations and the demo before serving, and a note of what they were done with.

The note lets a start that would find nothing to do serve at once and look afterwards: it stands
for every source file's size and time, the chosen settings, and the database files. Only for the
embedded database: what became of a server elsewhere is not known here.
"""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

from config.embedded import location

CHECKOUT = Path(__file__).resolve().parent.parent


class NotPrepared(RuntimeError):
    """Migrations or the demo failed; what they said stands above."""


def prepare(data_dir: Path, environment: Mapping[str, str], *, demo: bool) -> None:
    """Migrate, and make the demo where wanted; note it. Raises NotPrepared."""
    command = [sys.executable, str(CHECKOUT / "manage.py"), "prepare"]
    done = subprocess.run([*command, *(["--demo"] if demo else [])], env=environment, check=False)
    if done.returncode != 0:
        raise NotPrepared(f"the database could not be prepared (exit code {done.returncode})")
    if environment.get("DATABASE_URL", "").strip():
        return  # there is nothing here to compare with at the next start
    aside = _note(data_dir).with_suffix(".new")
    aside.write_text(_fingerprint(data_dir, demo))
    aside.replace(_note(data_dir))


def was_prepared(data_dir: Path, *, demo: bool) -> bool:
    """Whether `prepare` succeeded on this database with these very sources."""
    try:
        return _note(data_dir).read_text() == _fingerprint(data_dir, demo)
    except OSError:
        return False


def _note(data_dir: Path) -> Path:
    return data_dir / "prepared"


def _fingerprint(data_dir: Path, demo: bool) -> str:
    digest = hashlib.sha256()
    cluster = (location(data_dir).data / "PG_VERSION").stat()
    settings = os.environ.get("DJANGO_SETTINGS_MODULE", "")
    digest.update(repr((demo, settings, cluster.st_ino, cluster.st_mtime_ns)).encode())
    for folder, names, files in os.walk(CHECKOUT):
        names[:] = sorted(name for name in names if not name.startswith((".", "__")))
        for name in sorted(files):
            if name.endswith((".py", ".txt")):
                found = os.stat(os.path.join(folder, name))
                digest.update(f"{folder}/{name} {found.st_size} {found.st_mtime_ns}\n".encode())
    return digest.hexdigest()
