"""Every list over a tenant with 100,000 runs: how long it takes and what Postgres does for it.

    python -m benchmarks.lists_at_scale [--runs 100000] [--write]

Seeds the demo's tenant acme in a temporary folder, asks a server for each list five times over
HTTP and explains the statements it made. Fails when a list takes 200 ms or longer (the least of
five: neighbours on a machine only add), when one reads a growing table from end to end, or counts
one unasked. `--write` puts the tables into docs/performance.md.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from benchmarks.machine import machine
from benchmarks.processes import ROOT, cpu_seconds, free_port, started
from benchmarks.report import table
from config.embedded import running

MOST = 200.0  # milliseconds
TIMES = 5
DOC = ROOT / "docs" / "performance.md"
MARK = "<!-- written by benchmarks/lists_at_scale.py -->\n"


@dataclass(frozen=True)
class Row:
    name: str
    took: float
    cpu: float
    database: float
    scans: list[str]
    rows: int
    wrong: list[str]


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--runs", type=int, default=100_000)
    parser.add_argument("--write", action="store_true", help="put the tables into the docs")
    parser.add_argument("--keep", type=Path, help="a folder for the data, used again if seeded")
    options = parser.parse_args()
    with ExitStack() as stack:
        temporary = tempfile.TemporaryDirectory(prefix="concord-lists-")
        data = str(options.keep or stack.enter_context(temporary))
        os.environ.update(DATA_DIR=data, DJANGO_SETTINGS_MODULE="config.settings.local")
        os.environ.pop("DATABASE_URL", None)
        os.environ.setdefault("LOG_LEVEL", "ERROR")
        stack.enter_context(running(Path(data)))
        for command in ("migrate", "create_demo"):
            subprocess.run([sys.executable, "manage.py", command, "-v0"], cwd=ROOT, check=True)
        rows = _measured(options.runs)
    text = _report(rows, options.runs)
    print(text)
    if options.write:
        _write(text)
    wrong = [f"{row.name}: {said}" for row in rows for said in row.wrong]
    print("\n".join(wrong) or "every list holds")
    return 1 if wrong else 0


def _measured(runs: int) -> list[Row]:
    import django

    django.setup()
    from benchmarks.lists import Page, Visitor, pages
    from benchmarks.plans import explained
    from benchmarks.seed import known, seed
    from tenants.context import use_shared, use_tenant
    from tenants.models import Tenant

    with use_shared():
        acme = Tenant.objects.get(schema_name="acme").ref
    with use_tenant(acme):
        from agents.models import Agent
        from tenants.accounts.models import Member

        busiest = Member.objects.get(username="member")
        if not busiest.runs.exists():
            seed(runs, busiest, Agent.objects.get(slug="assistant"))
        rows_known = known(busiest)

    def measured(page: Page) -> Row:
        visitor.get(page)  # the first of a kind loads templates
        before = cpu_seconds(server.pid)
        answers = [visitor.get(page) for _ in range(TIMES)]
        cpu = (cpu_seconds(server.pid) - before) / TIMES * 1000
        visitor.queries()
        visitor.get(page)
        asked = visitor.queries()
        took = min(each for _, each in answers)
        wrong = [f"HTTP {answer.status_code}" for answer, _ in answers if answer.is_error]
        with use_tenant(acme):
            plans = [plan for sql in asked if (plan := explained(sql))]
        wrong += [f"{took:.0f} ms"] if took >= MOST else []
        for plan in plans:
            wrong += [f"reads all of {name}: {plan.sql}" for name in plan.reads_whole_tables]
            if plan.counts_everything and not page.counts:
                wrong.append(f"counts: {plan.sql}")
        scans = [scan for plan in plans for scan in plan.scans]
        name = f"{page.door}: {page.name}"
        database = sum(plan.milliseconds for plan in plans)
        return Row(name, took, cpu, database, scans, sum(plan.rows for plan in plans), wrong)

    port = free_port()
    command = [sys.executable, "-m", "uvicorn", "--host", "127.0.0.1", "--port", str(port)]
    command += ["--no-access-log", "--log-level", "warning", "benchmarks.recording:application"]
    with started(command, dict(os.environ), port, "/readyz") as server:
        visitor = Visitor(port, "acme")
        try:
            return [measured(page) for page in pages(rows_known, deep=max(2, runs // 100))]
        finally:
            visitor.close()


def _report(rows: list[Row], runs: int) -> str:
    shown = [
        [
            row.name,
            f"{row.took:.0f}",
            f"{row.cpu:.0f}",
            f"{row.database:.1f}",
            f"{row.rows:,}",
            ", ".join(dict.fromkeys(row.scans)) or "-",
        ]
        for row in rows
    ]
    head = [
        "list",
        "ms",
        "server CPU ms",
        "in queries ms",
        "rows read",
        "how the growing tables are read",
    ]
    return f"{runs:,} runs in one tenant, on {machine()}.\n\n{table(head, shown)}\n"


def _write(text: str) -> None:
    before, mark, rest = DOC.read_text(encoding="utf-8").partition(MARK)
    _, end, after = rest.partition(MARK)
    if not mark or not end:
        raise SystemExit(f"{DOC} has lost the marks between which the tables belong")
    DOC.write_text(f"{before}{MARK}\n{text}\n{MARK}{after}", encoding="utf-8")


if __name__ == "__main__":
    raise SystemExit(main())
