"""Many tenants on one machine: making them, starting with them, and changing all their tables.

    .venv/bin/python -m benchmarks.tenants_at_scale [--tenants 300] [--jobs 2] [--write]

Over an embedded, durable database in a temporary folder that is deleted at the end (4-5 MB a
tenant, and its log). Makes the tenants one after another and times each; starts a web server;
runs `migrate_tenants` with nothing to do; then rolls out a change made for this measurement alone
(a nullable column on the runs' table, by a module of migrations beside the real ones) with the
server up, while clients of all tenants go on asking. `--write` puts the figures into
benchmarks/tenants.md.
"""

from __future__ import annotations

import argparse
import os
import platform
import re
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from benchmarks.processes import ROOT
from benchmarks.tenants_rollout import columns_missing, rolled_out

RESULTS = ROOT / "benchmarks" / "tenants.md"


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n\n")[0])
    parser.add_argument("--tenants", type=int, default=300)
    parser.add_argument("--jobs", type=int, default=len(os.sched_getaffinity(0)))
    parser.add_argument("--clients", type=int, default=4)
    parser.add_argument("--write", action="store_true", help="also into benchmarks/tenants.md")
    chosen = parser.parse_args()
    folder = Path(tempfile.mkdtemp(prefix="concord-tenants-"))
    os.environ.update(
        DATA_DIR=str(folder / "data"),
        DJANGO_SETTINGS_MODULE="config.settings.local",
        LOG_LEVEL="ERROR",
        DEMO_MODEL_FIRST_DELAY="0.01",
        DEMO_MODEL_DELAY="0.002",
    )
    os.environ.pop("DATABASE_URL", None)
    try:
        figures = measure(folder, chosen)
    finally:
        shutil.rmtree(folder)
    table = "\n".join(f"| {what} | {how} |" for what, how in figures)
    print(table)
    if chosen.write:
        RESULTS.write_text(HEAD.format(**environment(), tenants=chosen.tenants) + table + "\n")


HEAD = """# Tenants at scale

By `python -m benchmarks.tenants_at_scale --tenants {tenants}`, on {cores} cores, Python {python},
Postgres
{postgres} (embedded, durable). Load average of the machine over the last 15 minutes, this included:
{load}.

| what | measured |
|---|---|
"""


def environment() -> dict[str, str]:
    return {
        "cores": str(len(os.sched_getaffinity(0))),
        "python": platform.python_version(),
        "postgres": "18",
        "load": f"{os.getloadavg()[2]:.1f}",
    }


def measure(folder: Path, chosen: argparse.Namespace) -> list[tuple[str, str]]:
    from config.embedded import running

    figures: list[tuple[str, str]] = []
    with running(Path(os.environ["DATA_DIR"]), durable=True):
        import django

        django.setup()
        from django.core.management import call_command

        from tenants.context import use_shared

        with use_shared():
            begun = time.perf_counter()
            call_command("migrate", verbosity=0)
            figures.append(("first `migrate`: shared schema, platform, template", since(begun)))
            empty = size()
            slugs = [f"tenant{number:04}" for number in range(chosen.tenants)]
            figures += made(slugs)
            each = (size() - empty) / chosen.tenants / 1e6
            figures.append(("disk of a tenant", f"{each:.1f} MB"))
            figures += nothing_to_do()
        with server() as (port, process, ready):
            figures.append(("start of a web process to `/readyz` 200", f"{ready:.1f} s"))
            figures += asked_once(port, process, slugs)
            figures += rolled_out(folder, port, chosen, slugs, manage)
        with use_shared():
            lacking = columns_missing(slugs)
            assert not lacking, f"not changed: {lacking}"
    return figures


def since(begun: float) -> str:
    return f"{time.perf_counter() - begun:.2f} s"


def size() -> int:
    from django.db import connection

    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_database_size(current_database())")
        return int(cursor.fetchone()[0])


def made(slugs: list[str]) -> list[tuple[str, str]]:
    from tenants.provisioning import create_tenant

    times = []
    backend = backend_pid()
    spent = time.process_time() + cpu_seconds(backend)
    for slug in slugs:
        begun = time.perf_counter()
        create_tenant(slug, slug, [f"{slug}.localhost"])
        times.append(time.perf_counter() - begun)
    spent = time.process_time() + cpu_seconds(backend) - spent
    ordered = sorted(times)
    tenth = max(len(times) // 10, 1)
    return [
        (
            "making a tenant, whole (rows, role, schema, tables, roles)",
            f"median {statistics.median(times):.3f} s, "
            f"p95 {ordered[int(len(times) * 0.95)]:.3f} s, longest {ordered[-1]:.3f} s",
        ),
        (
            "CPU of that, whatever else the machine does: this process and its Postgres backend",
            f"{spent / len(times):.3f} s",
        ),
        (
            "the first tenth of them, and the last",
            f"median {statistics.median(times[:tenth]):.3f} s, "
            f"{statistics.median(times[-tenth:]):.3f} s",
        ),
    ]


def backend_pid() -> int:
    from django.db import connection

    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_backend_pid()")
        return int(cursor.fetchone()[0])


def cpu_seconds(pid: int) -> float:
    """User and system time of the process so far."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def manage(*arguments: str, settings: str = "", path: str = "") -> tuple[float, str]:
    """Seconds and what was said; the command must succeed."""
    env = dict(os.environ)
    if settings:
        env["DJANGO_SETTINGS_MODULE"] = settings
        env["PYTHONPATH"] = path
    begun = time.perf_counter()
    done = subprocess.run(
        [sys.executable, "manage.py", *arguments],
        cwd=ROOT,
        env=env,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    seconds = time.perf_counter() - begun
    if done.returncode:
        raise SystemExit(f"{' '.join(arguments)}: {done.stdout[-2000:]}")
    return seconds, done.stdout


def nothing_to_do() -> list[tuple[str, str]]:
    seconds, said = manage("migrate_tenants", "--verbosity", "2")
    found = re.search(r"found in ([\d.]+) s", said)
    verified, _ = manage("migrate_tenants", "--verify")
    check, _ = manage("check")
    return [
        (
            "`migrate_tenants` with nothing to do",
            f"{seconds:.1f} s, of it {found[1] if found else '?'} s to find that out "
            f"(`manage.py check`, which only loads the code: {check:.1f} s)",
        ),
        ("`migrate_tenants --verify`: all compared with the template", f"{verified:.1f} s"),
    ]


@contextmanager
def server() -> Iterator[tuple[int, int, float]]:
    """Port, process id, and seconds until it was ready."""
    import httpx

    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = int(probe.getsockname()[1])
    begun = time.perf_counter()
    process = subprocess.Popen(
        [
            *(sys.executable, "-m", "config.launch", "uvicorn", "--host", "127.0.0.1"),
            *("--port", str(port), "--lifespan", "on", "--timeout-graceful-shutdown", "5"),
            *("--log-level", "error", "config.asgi:application"),
        ],
        cwd=ROOT,
    )
    try:
        while True:
            if process.poll() is not None:
                raise SystemExit("the server did not start")
            try:
                if httpx.get(f"http://127.0.0.1:{port}/readyz").status_code == 200:
                    break
            except httpx.HTTPError:
                pass
            time.sleep(0.02)
        yield port, process.pid, time.perf_counter() - begun
    finally:
        process.terminate()
        process.wait(30)


def resident(pid: int) -> float:
    status = Path(f"/proc/{pid}/status").read_text()
    found = re.search(r"VmRSS:\s+(\d+) kB", status)
    assert found
    return int(found[1]) / 1024


def asked_once(port: int, pid: int, slugs: list[str]) -> list[tuple[str, str]]:
    """A request that reads and writes each tenant's own tables: a wrong password."""
    import httpx

    before = resident(pid)
    with httpx.Client(base_url=f"http://127.0.0.1:{port}/api/v1", timeout=60) as client:
        for slug in slugs:
            answer = client.post(
                "/auth/token",
                headers={"X-Tenant": slug},
                json={"username": "nobody", "password": "wrong"},
            )
            assert answer.status_code == 401, answer.text
    return [
        ("memory of the web process, started", f"{before:.0f} MB"),
        ("memory of it after a request to each tenant", f"{resident(pid):.0f} MB"),
    ]


if __name__ == "__main__":
    main()
