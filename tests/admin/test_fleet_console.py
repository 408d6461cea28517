"""The fleet's live runs and the task queue on the platform's console."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
from django.db import transaction

from tenants.context import use_shared
from tenants.directory import forget
from tenants.models import Tenant
from tests.admin.console import Console
from tests.admin.failures import record_failure
from tests.support.client import Api
from tests.support.server import Server
from tests.support.waiting import until

Consoles = Callable[..., Console]


@pytest.fixture
def root(console: Consoles) -> Console:
    return console("platform", "root")


def test_live_runs_of_every_tenant_are_shown(root: Console, slow_server: Server) -> None:
    started = []
    for slug in ("acme", "globex"):
        api = Api.signed_in(slow_server, slug, "member")
        answer = api.post(
            "/agents/assistant/runs", json={"input": "Who are you?", "background": True}
        )
        started.append((api, answer.json()["id"], slug))
    page = root.page("/admin/tickets/ticket/")
    for api, run, slug in started:
        assert run in page and slug in page
        assert run in root.page(f"/admin/tickets/ticket/?schema={slug}")
        other = "globex" if slug == "acme" else "acme"
        assert run not in root.page(f"/admin/tickets/ticket/?schema={other}")
        assert "Who are you" not in page  # what members say stays in their tenant
        api.post(f"/runs/{run}/cancel")
        api.close()
    assert started[0][1] not in root.page("/admin/tickets/ticket/")


def test_a_failed_job_is_tried_again(root: Console, committed: None) -> None:
    with use_shared():
        task = record_failure("tenants.owners.has_owner", ("globex",), "DoesNotExist: at first")
    path = f"/admin/django_q/failure/{task}/change/"
    page = root.page(path)
    assert "DoesNotExist: at first" in page and "tenants.owners.has_owner" in page
    assert "It is queued once more" in root.page(path.replace("/change/", "/retry/"))  # asks first
    assert "queued again" in root.told(root.post(path.replace("/change/", "/retry/")))
    assert root.get(path).status_code == 404

    def done() -> str:
        listed = root.get("/admin/django_q/success/").text
        rows = [row for row in listed.split("<tr") if "tenants.owners.has_owner" in row]
        return re.findall(r"/admin/django_q/success/\w+/change/", rows[0])[0] if rows else ""

    assert "Result true" in root.page(until(done))


def test_the_schedules_are_shown(root: Console) -> None:
    page = root.page("/admin/django_q/schedule/")
    assert "sweep leases" in page and "tenants.jobs.clean_tokens" in page
    assert root.get("/admin/django_q/ormq/").status_code == 200


def test_executors_and_what_waits_for_them_are_shown(
    root: Console, slow_server: Server, committed: None
) -> None:
    with Server.started({"EXECUTOR_CAPACITY": "0"}) as idle:
        said = until(
            lambda: root.page("/admin/tickets/executor/"), lambda page: "holds no runs" in page
        )
        assert f"process {idle.processes[0].pid}" in said
        assert f"process {slow_server.processes[0].pid}" in said and "of 1000" in said
    with use_shared(), transaction.atomic():
        tenant = Tenant.objects.get(schema_name="globex")
        Tenant.objects.filter(pk=tenant.pk).update(max_concurrent_runs=1)
        forget()
    api = Api.signed_in(slow_server, "globex", "member")
    runs = []
    try:
        for _ in range(3):
            ask = {"input": "Who are you?", "background": True}
            runs.append(api.post("/agents/assistant/runs", json=ask).json()["id"])
        page = until(
            lambda: root.page("/admin/tickets/ticket/"), lambda page: "Waiting by tenant" in page
        )
        assert "globex the oldest since" in page and "2 waiting" in page
        assert runs[2] in root.page("/admin/tickets/ticket/?schema=globex&held=waiting")
    finally:
        for run in runs:
            api.post(f"/runs/{run}/cancel")
        with use_shared():
            Tenant.objects.filter(pk=tenant.pk).update(max_concurrent_runs=None)
            forget()
        api.close()
