"""The deployers' first start, done as the page says, on a database of its own."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

import httpx
import psycopg
import pytest

from config.embedded import Cluster
from tests.docs.reading import ROOT, check_output, runnable
from tests.support.ports import free_port
from tests.support.server import Server
from tests.support.waiting import until

PAGE = "docs/deployers.md"
NAME = "concord_docs"  # roles belong to the whole cluster: not that of another installation


@pytest.fixture(scope="module")
def cluster(database: None) -> Iterator[Cluster]:
    """The tests' Postgres, with what the page's SQL makes; it is gone afterwards."""
    found = Cluster(Path(os.environ["DATA_DIR"]), durable=False)
    remove(found)
    (example,) = runnable(PAGE, "sql")
    before, after = example.code.replace("concord", NAME).split(f"\\connect {NAME}\n")
    with found.superuser() as connection:
        for statement in filter(str.strip, before.split(";")):
            connection.execute(statement.encode())
    with found.superuser(NAME) as connection:
        connection.execute(after.encode())
    yield found
    remove(found)


def remove(cluster: Cluster) -> None:
    cluster.drop_database(NAME)
    with cluster.superuser() as connection:
        # Tenants' roles first, then what they inherit from, at last the login that made them.
        rows = connection.execute(
            "SELECT rolname FROM pg_roles WHERE rolname LIKE %s"
            " ORDER BY rolcanlogin, rolname LIKE '%%--tenants'",
            [f"{NAME}%"],
        )
        for (role,) in rows.fetchall():
            connection.execute(psycopg.sql.SQL("DROP ROLE {}").format(psycopg.sql.Identifier(role)))


@pytest.fixture(scope="module")
def installed(cluster: Cluster, tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """The environment of an installation made by the page's commands."""
    where = cluster.location
    url = f"postgresql://{NAME}@/{NAME}?host={quote(str(where.socket_dir))}&port={where.port}"
    start, member = runnable(PAGE, "sh")
    code = start.code.replace("postgresql://concord:change-me@localhost:5432/concord", f"'{url}'")
    assert url in code
    data_dir = tmp_path_factory.mktemp("installation")
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    ended = subprocess.run(
        ["bash", "-eu", "-c", f"{code}\n{member.code}\necho '==='; env -0"],
        cwd=ROOT,
        env={"PATH": path, "HOME": str(data_dir), "DATA_DIR": str(data_dir)},
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert ended.returncode == 0, ended.stderr
    said, _, environment = ended.stdout.partition("===\n")
    check_output(member, said)
    return dict(entry.split("=", 1) for entry in environment.split("\0") if entry)


def test_the_migrations_are_then_current(installed: dict[str, str]) -> None:
    check = [sys.executable, "manage.py", "migrate", "--check"]
    ended = subprocess.run(check, cwd=ROOT, env=installed, capture_output=True, text=True)
    assert ended.returncode == 0, ended.stderr


def test_the_pages_static_files_are_collected(installed: dict[str, str]) -> None:
    static = Path(installed["DATA_DIR"]) / "static"
    missing = [
        wanted
        for wanted in ("web/css/base.css", "web/js/chat.js", "console/console.css", "unfold")
        if not (static / wanted).exists()
    ]
    assert missing == []


@pytest.mark.parametrize("kind", ["daphne", "uvicorn"])
def test_a_production_server_starts_on_it(installed: dict[str, str], kind: str) -> None:
    with Server.started(installed, kind=kind) as server:
        here = f"http://127.0.0.1:{server.port}"
        assert httpx.get(f"{here}/healthz").status_code == 200
        plain = httpx.get(f"{here}/admin/", headers={"Host": "ops.example.com"})
        assert (plain.status_code, plain.headers["location"]) == (
            301,
            "https://ops.example.com/admin/",
        )
        proxied = {"Host": "ops.example.com", "X-Forwarded-Proto": "https"}
        page = httpx.get(f"{here}/admin/login/?next=/admin/", headers=proxied)
        assert page.status_code == 200
        assert "max-age=31536000" in page.headers["strict-transport-security"]
        token = httpx.get(f"{here}/api/v1/me", headers={"X-Tenant": "acme"})
        assert token.status_code == 404


def test_the_one_parent_serves_on_it_and_stops(installed: dict[str, str], tmp_path: Path) -> None:
    port, log = free_port(), tmp_path / "log"
    env = {**installed, "PORT": str(port), "DEMO": "0"}
    with (
        log.open("wb") as out,
        subprocess.Popen(
            [sys.executable, "manage.py", "up"], cwd=ROOT, env=env, stdout=out, stderr=out
        ) as parent,
    ):
        try:
            until(lambda: "Ctrl-C stops it." in log.read_text() or parent.poll() is not None)
            assert parent.poll() is None, log.read_text()
            assert httpx.get(f"http://127.0.0.1:{port}/readyz").status_code == 200
        finally:
            parent.terminate()
        assert parent.wait(90) == 0, log.read_text()


def test_the_login_alone_reads_no_tenants_table(
    installed: dict[str, str], cluster: Cluster
) -> None:
    make = (
        "from tenants.provisioning import create_tenant\n"
        "create_tenant('northwind', 'Northwind', ['northwind.example.com'])"
    )
    ended = subprocess.run(
        [sys.executable, "manage.py", "shell", "-v", "0", "-c", make],
        cwd=ROOT,
        env=installed,
        capture_output=True,
        text=True,
    )
    assert ended.returncode == 0, ended.stderr
    with psycopg.connect(installed["DATABASE_URL"], autocommit=True) as connection:
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            connection.execute("SELECT count(*) FROM northwind.agents_run")
        connection.execute(f'SET ROLE "{NAME}__northwind"')
        row = connection.execute("SELECT count(*) FROM northwind.agents_run").fetchone()
    assert row == (0,)
