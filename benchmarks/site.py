"""The ground the contenders stand on: one Postgres, one model server, the product's demo data."""

from __future__ import annotations

import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from benchmarks.contenders import Site, environment
from benchmarks.processes import ROOT, Process, free_port, started
from config.embedded import location, running
from config.embedded_cluster import Cluster
from config.embedded_location import LOGIN

AGENTOS_DATABASE = "agentos"


@contextmanager
def model_server(
    first_delay: float = 0.05, delay: float = 0.005, *, tokens: int = 20, tools: bool = True
) -> Iterator[tuple[str, Process]]:
    """A model server's base URL and process."""
    port = free_port()
    command = [sys.executable, "benchmarks/model_server.py", "--port", str(port)]
    command += ["--first-delay", str(first_delay), "--delay", str(delay), "--tokens", str(tokens)]
    with started([*command, *(["--tools"] if tools else [])], {}, port, "/") as process:
        yield f"http://127.0.0.1:{port}/v1", process


@contextmanager
def prepared() -> Iterator[tuple[Site, Process]]:
    """Everything set up in a temporary folder, with default durability, and removed at the end."""
    with (
        tempfile.TemporaryDirectory(prefix="concord-bench-") as folder,
        running(Path(folder)) as cluster,
        model_server() as (model_url, model),
    ):
        cluster.create_database(AGENTOS_DATABASE)
        where = location(Path(folder))
        url = f"postgresql+psycopg://{where.user}@/{AGENTOS_DATABASE}"
        site = Site(
            data=Path(folder),
            model_url=model_url,
            agentos_db_url=f"{url}?host={where.socket_dir}&port={where.port}",
            postmaster=cluster.postmaster_pid() or 0,
        )
        env = environment(site)
        python = sys.executable
        for command in (
            ["manage.py", "migrate", "-v0"],
            ["manage.py", "create_demo", "-v0"],
            ["benchmarks/bench_agents.py"],
        ):
            subprocess.run([python, *command], cwd=ROOT, env=env, check=True)
        yield site, model


class Connections:
    """The database's own view of who is connected, over a connection of the superuser's."""

    def __init__(self, data: Path) -> None:
        self.cluster = Cluster(data)

    def __enter__(self) -> Connections:
        self.connection = self.cluster.superuser()
        return self

    def __exit__(self, *_: object) -> None:
        self.connection.close()

    def count(self) -> tuple[int, int]:
        """How many connections the application's login has, and how many aren't idle."""
        row = self.connection.execute(
            "SELECT count(*), count(*) FILTER (WHERE state <> 'idle') "
            "FROM pg_stat_activity WHERE usename = %s",
            (LOGIN,),
        ).fetchone()
        assert row is not None
        return int(row[0]), int(row[1])
