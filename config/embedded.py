"""The embedded Postgres: one private server per DATA_DIR, from the binaries a wheel brings along.

It listens on a Unix socket in a folder only its account may enter, never on a network port, which
is why its pg_hba trusts: whoever gets to the socket could read the files as well. The application
logs in as `app`, which is no superuser and inherits nothing; `postgres`, the superuser, is used
here alone, for what only it may do (roles, databases, the vector extension).

Where things are is computed, never asked: settings build DATABASES from `django_database` without
a server. Who needs the server says so with `running`; the last to leave stops it.
"""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from config.embedded_account import EmbeddedError
from config.embedded_cluster import Cluster, locked
from config.embedded_location import Location, django_database, location, url

__all__ = ["Cluster", "EmbeddedError", "Location", "django_database", "location", "running", "url"]


@contextmanager
def running(
    data_dir: Path, *, durable: bool = True, may_create_databases: bool = False
) -> Iterator[Cluster]:
    """The server of `data_dir` runs for the length of the block.

    Every user holds a shared lock; who can turn it into an exclusive one at the end is the last,
    and stops the server. A killed user's lock goes with it, so nobody counts for ever.
    """
    cluster = Cluster(data_dir, durable=durable, may_create_databases=may_create_databases)
    _ = cluster.account  # makes the folder the lock lies in
    entered_by = os.getpid()
    with locked(cluster.location.home / "users.lock", fcntl.LOCK_SH) as lock:
        try:
            cluster.start()
            yield cluster
        finally:
            # A forked child that unwinds its parent's stack is no user of its own.
            if os.getpid() == entered_by and _last(lock):
                cluster.stop()


def _last(lock: int) -> bool:
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
