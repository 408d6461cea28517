"""A schema change over many tenants with the server up, and clients who notice nothing of it."""

from __future__ import annotations

import argparse
import statistics
import threading
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path

from benchmarks.processes import ROOT

PASSWORD = "benchmark-1-benchmark"
CHANGED = """
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("agents", "{last}")]
    operations = [
        migrations.AddField("run", "benchmark_note", models.CharField(max_length=40, null=True))
    ]
"""
# The real migrations are found in this package as well.
BESIDE = """
import agents.migrations

__path__ += agents.migrations.__path__
"""
SETTINGS = """
from config.settings.local import *

MIGRATION_MODULES = {"agents": "bench_migrations"}
"""


def furnished(slugs: list[str]) -> None:
    """These tenants get a member and the demo's agent."""
    from django.contrib.auth.models import Group

    from agents.catalog.install import install
    from tenants.accounts.models import Member
    from tenants.context import use_shared, use_tenant
    from tenants.models import Tenant

    with use_shared():
        refs = [tenant.ref for tenant in Tenant.objects.filter(schema_name__in=slugs)]
    for ref in refs:
        with use_tenant(ref):
            member = Member.objects.create_user("ada", PASSWORD)
            member.groups.add(Group.objects.get(name="owner"))
            install("assistant")


class Clients:
    """Threads that go on starting runs and listing them, each time for the next tenant."""

    def __init__(self, port: int, slugs: list[str]) -> None:
        self._port = port
        self._slugs = slugs
        self._stopping = threading.Event()
        self.answers: Counter[int] = Counter()
        self.wrong: list[str] = []
        self.seconds: list[float] = []
        self._threads = [
            threading.Thread(target=self._go, args=(slug,), name=slug) for slug in slugs
        ]

    def __enter__(self) -> Clients:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stopping.set()
        for thread in self._threads:
            thread.join()

    def _go(self, slug: str) -> None:
        import httpx

        with httpx.Client(
            base_url=f"http://127.0.0.1:{self._port}/api/v1",
            headers={"X-Tenant": slug},
            timeout=60,
        ) as client:
            signed = client.post("/auth/token", json={"username": "ada", "password": PASSWORD})
            client.headers["Authorization"] = f"Bearer {signed.json()['access']}"
            while not self._stopping.is_set():
                for method, path, body in (
                    ("POST", "/agents/assistant/runs", {"input": "What is 17*23?"}),
                    ("GET", "/runs", None),
                ):
                    begun = time.perf_counter()
                    try:
                        answer = client.request(method, path, json=body)
                    except httpx.HTTPError as error:
                        self.wrong.append(f"{slug}: {type(error).__name__}: {error}")
                        continue
                    self.seconds.append(time.perf_counter() - begun)
                    self.answers[answer.status_code] += 1
                    ended = answer.json().get("status", "completed")
                    if answer.status_code != 200 or ended != "completed":
                        self.wrong.append(f"{slug}: {answer.status_code} {answer.text[:300]}")


def rolled_out(
    folder: Path,
    port: int,
    chosen: argparse.Namespace,
    slugs: list[str],
    manage: Callable[..., tuple[float, str]],
) -> list[tuple[str, str]]:
    package = folder / "bench_migrations"
    package.mkdir()
    names = sorted(path.stem for path in (ROOT / "agents" / "migrations").glob("0*.py"))
    (package / "__init__.py").write_text(BESIDE)
    (package / "9999_benchmark.py").write_text(CHANGED.format(last=names[-1]))
    (folder / "bench_settings.py").write_text(SETTINGS)
    sample = slugs[:: max(len(slugs) // chosen.clients, 1)][: chosen.clients]
    furnished(sample)
    with Clients(port, sample) as clients:
        time.sleep(5)  # what they meet without a change, for comparison
        quiet, at = list(clients.seconds), len(clients.seconds)
        seconds, said = manage(
            "migrate",
            "--jobs",
            str(chosen.jobs),
            settings="bench_settings",
            path=str(folder),
        )
        during = clients.seconds[at:]
    if clients.wrong:
        raise SystemExit(f"{len(clients.wrong)} wrong answers, such as {clients.wrong[:3]}")
    assert f"{chosen.tenants + 1} up to date, 0 failed" in said, said[-2000:]
    return [
        (
            f"a new column in every tenant, {chosen.jobs} processes, with the server up",
            f"{seconds:.1f} s, {seconds / (chosen.tenants + 1):.3f} s a tenant",
        ),
        (
            f"answers to {len(sample)} clients meanwhile (runs and lists)",
            f"{len(during)}, none wrong; median {statistics.median(during) * 1e3:.0f} ms, "
            f"longest {max(during) * 1e3:.0f} ms "
            f"(before: {statistics.median(quiet) * 1e3:.0f}, {max(quiet) * 1e3:.0f} ms)",
        ),
    ]


def columns_missing(slugs: list[str]) -> list[str]:
    from django.db import connection

    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT n.nspname FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid "
            "JOIN pg_namespace n ON n.oid = c.relnamespace "
            "WHERE c.relname = 'agents_run' AND a.attname = 'benchmark_note'"
        )
        changed = {row[0] for row in cursor.fetchall()}
    return sorted({*slugs, "template", "platform"} - changed)
