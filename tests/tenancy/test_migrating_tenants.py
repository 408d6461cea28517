"""`migrate_tenants`: who is behind, several at a time, one that fails, a crash, two at once."""

from __future__ import annotations

import io
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db import connection

from tenants import provisioning
from tenants.context import TenantRef, use_shared, use_tenant
from tenants.locks import Busy, schema_lock
from tenants.models import Tenant
from tenants.roles import ensure_tenant_schema
from tenants.rollout import Outcome, roll_out
from tenants.staleness import missing_migrations
from tests.support.nursery import ROOT
from tests.support.waiting import until
from tests.tenancy.holding import records_held, schema_held, somebody_waits

SLUGS = ("roll_a", "roll_b", "roll_c", "roll_d")
# A small app of Django's own: taking its table away and its migrations back is quick.
APP, TABLE, FIRST = "sessions", "django_session", "sessions.0001_initial"

COMMAND = [sys.executable, "manage.py", "migrate_tenants"]
ENV = {**os.environ, "DJANGO_SETTINGS_MODULE": "config.settings.test"}


def refs() -> dict[str, TenantRef]:
    with use_shared():
        return {t.schema_name: t.ref for t in Tenant.objects.filter(schema_name__in=SLUGS)}


def run(where: TenantRef, sql: str) -> None:
    with use_tenant(where), connection.cursor() as cursor:
        cursor.execute(sql)


def fall_behind(ref: TenantRef) -> None:
    run(ref, f"DELETE FROM django_migrations WHERE app = '{APP}'; DROP TABLE IF EXISTS {TABLE}")


def behind() -> set[str]:
    return {tenant.schema_name for tenant in provisioning.stale_tenants()}


def state(slug: str) -> tuple[str, str]:
    with use_shared():
        tenant = Tenant.objects.get(schema_name=slug)
    return tenant.state, tenant.problem


@pytest.fixture(scope="module")
def tenants(database: None, django_db_blocker: object) -> Iterator[dict[str, TenantRef]]:
    with django_db_blocker.unblock(), use_shared():  # type: ignore[attr-defined]
        for slug in SLUGS:
            provisioning.create_tenant(slug, slug, [f"{slug}.localhost"])
        yield refs()
        for tenant in Tenant.objects.filter(schema_name__in=SLUGS):
            provisioning.drop_tenant(tenant)


@pytest.fixture
def stale(committed: None, tenants: dict[str, TenantRef]) -> Iterator[dict[str, TenantRef]]:
    """All four are behind; afterwards all are up to date."""
    for ref in tenants.values():
        fall_behind(ref)
    yield tenants
    for ref in tenants.values():
        fall_behind(ref)
        provisioning.set_up_tenant(ref.schema)


def migrate_tenants(*args: str, **options: object) -> str:
    said = io.StringIO()
    call_command("migrate_tenants", *args, stdout=said, stderr=said, **options)
    return said.getvalue()


def test_only_those_that_are_behind_are_found(stale: dict[str, TenantRef]) -> None:
    provisioning.set_up_tenant("roll_b")
    everybody = ["platform", "acme", "globex", *SLUGS]
    assert missing_migrations(everybody) == {slug: [FIRST] for slug in SLUGS if slug != "roll_b"}
    assert behind() == set(SLUGS) - {"roll_b"}
    plan = migrate_tenants(plan=True)
    assert f"roll_a: {FIRST}" in plan and "3 tenant(s) behind" in plan and "acme" not in plan
    with pytest.raises(CommandError, match="3 tenant"):
        migrate_tenants(check=True)
    with pytest.raises(CommandError, match="behind"):
        call_command("migrate", check=True)
    assert behind() == set(SLUGS) - {"roll_b"}  # looking changed nothing


def test_the_login_by_itself_may_not_read_a_tenants_list(
    committed: None, tenants: dict[str, TenantRef]
) -> None:
    with use_shared(), connection.cursor() as cursor, pytest.raises(Exception, match="permission"):
        cursor.execute("SELECT count(*) FROM roll_a.django_migrations")


def test_all_are_migrated_by_several_processes(stale: dict[str, TenantRef]) -> None:
    said = migrate_tenants(jobs=2)
    assert "4 tenant(s) behind" in said and "4 up to date, 0 failed" in said
    assert behind() == set()
    assert migrate_tenants(jobs=2) == ""  # nothing to do is no news
    assert "are like the template" in migrate_tenants(*SLUGS, verify=True)


def test_one_that_fails_serves_on_and_stops_no_other(stale: dict[str, TenantRef]) -> None:
    ensure_tenant_schema("roll_b")
    run(stale["roll_b"], f"CREATE TABLE {TABLE} (id int)")
    said = io.StringIO()
    with pytest.raises(CommandError, match="could not migrate roll_b: ProgrammingError"):
        call_command("migrate_tenants", jobs=2, stdout=said, stderr=said)
    assert "3 up to date, 1 failed" in said.getvalue()
    assert behind() == {"roll_b"}
    assert state("roll_b")[0] == Tenant.State.ACTIVE and TABLE in state("roll_b")[1]
    run(stale["roll_b"], f"DROP TABLE {TABLE}")
    migrate_tenants()
    assert state("roll_b") == (Tenant.State.ACTIVE, "")


def test_only_the_named_tenants_are_migrated(stale: dict[str, TenantRef]) -> None:
    migrate_tenants("roll_c")
    assert behind() == set(SLUGS) - {"roll_c"}
    with pytest.raises(CommandError, match="no such tenant: nobody"):
        migrate_tenants("nobody")


def test_a_suspended_tenant_is_migrated_and_stays_suspended(stale: dict[str, TenantRef]) -> None:
    with use_shared():
        Tenant.objects.filter(schema_name="roll_d").update(state=Tenant.State.SUSPENDED)
        migrate_tenants("roll_d")
        assert state("roll_d") == (Tenant.State.SUSPENDED, "")
        Tenant.objects.filter(schema_name="roll_d").update(state=Tenant.State.ACTIVE)


def test_a_difference_from_the_template_is_reported(
    committed: None, tenants: dict[str, TenantRef]
) -> None:
    run(tenants["roll_a"], f"ALTER TABLE {TABLE} ADD COLUMN stray integer")
    try:
        said = io.StringIO()
        with pytest.raises(CommandError, match="1 of 2 tenant"):
            call_command(
                "migrate_tenants", "roll_a", "roll_b", verify=True, stdout=said, stderr=said
            )
        assert f"roll_a: column {TABLE}.stray should not be there" in said.getvalue()
        assert "roll_b" not in said.getvalue()
    finally:
        run(tenants["roll_a"], f"ALTER TABLE {TABLE} DROP COLUMN stray")


def test_a_crash_in_the_middle_is_made_good_by_the_next_time(stale: dict[str, TenantRef]) -> None:
    """Killed, with all its processes, while a migration has made its table and not recorded it."""
    with records_held(stale["roll_b"]):
        process = subprocess.Popen(
            [*COMMAND, "--jobs", "2"],
            cwd=ROOT,
            env=ENV,
            start_new_session=True,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
        )
        until(behind, lambda left: left == {"roll_b"}, seconds=60)
        until(somebody_waits)
        os.killpg(process.pid, signal.SIGKILL)
        process.communicate()
    assert behind() == {"roll_b"}
    migrate_tenants()
    assert behind() == set()
    assert [state(slug) for slug in SLUGS] == [(Tenant.State.ACTIVE, "")] * 4
    assert "4 tenant(s) are like the template" in migrate_tenants(*SLUGS, verify=True)


def test_a_worker_that_is_killed_fails_its_tenant_alone(stale: dict[str, TenantRef]) -> None:
    told: list[Outcome] = []

    def kill() -> None:
        until(lambda: len(told), lambda number: number == 3, seconds=60)
        left = until(lambda: workers_of(os.getpid()), lambda pids: len(pids) == 1)
        os.kill(left[0], signal.SIGKILL)

    killer = threading.Thread(target=kill)
    with records_held(stale["roll_b"]):
        killer.start()
        roll_out(SLUGS, 2, told.append)
        killer.join()
    assert {outcome.schema: outcome.result for outcome in told[:3]} == dict.fromkeys(
        ("roll_a", "roll_c", "roll_d"), "done"
    )
    assert (told[3].schema, told[3].result) == ("roll_b", "failed")
    assert "its worker process ended (-9)" in told[3].reason
    assert behind() == {"roll_b"}


def test_a_table_in_use_is_waited_for_without_keeping_others_from_it(
    stale: dict[str, TenantRef], settings: Any
) -> None:
    settings.MIGRATE_LOCK_SECONDS, settings.MIGRATE_LOCK_ATTEMPTS = 0.05, 1
    with records_held(stale["roll_b"]):
        with pytest.raises(CommandError, match=r"roll_b: OperationalError: .*lock timeout"):
            migrate_tenants("roll_b")
        assert state("roll_b")[0] == Tenant.State.ACTIVE
    migrate_tenants("roll_b")
    assert state("roll_b") == (Tenant.State.ACTIVE, "")


def workers_of(parent: int) -> list[int]:
    listed = subprocess.run(
        ["ps", "-o", "pid=,args=", "--ppid", str(parent)], capture_output=True, text=True
    )
    return [
        int(line.split()[0])
        for line in listed.stdout.splitlines()
        if "tenants.migration_worker" in line
    ]


def test_two_at_once_do_not_collide(stale: dict[str, TenantRef]) -> None:
    both = [
        subprocess.Popen(
            [*COMMAND, "--jobs", "1"],
            cwd=ROOT,
            env=ENV,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        for _ in range(2)
    ]
    said = [process.communicate()[0] for process in both]
    assert [process.returncode for process in both] == [0, 0], said
    assert behind() == set()


def test_one_that_another_process_is_at_is_left_for_later(stale: dict[str, TenantRef]) -> None:
    told: list[Outcome] = []
    with schema_held("roll_a") as release:

        def tell(outcome: Outcome) -> None:
            told.append(outcome)
            if outcome.schema == "roll_b":
                release()

        with pytest.raises(Busy), schema_lock("roll_a", wait=False):
            pass
        roll_out(["roll_a", "roll_b"], 1, tell)
    assert [(o.schema, o.result) for o in told] == [
        ("roll_a", "busy"),
        ("roll_b", "done"),
        ("roll_a", "done"),
    ]
    assert behind() == {"roll_c", "roll_d"}
