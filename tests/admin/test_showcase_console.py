"""Incidents and changed files in the console: looked at by whoever may, of one tenant alone."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterator
from typing import Any
from uuid import uuid4

import pytest

from agents.showcase.models import Dispatch, FileChange, Incident, UnitReservation
from tenants.context import use_shared, use_tenant
from tenants.models import Tenant
from tests.admin.console import Console

Consoles = Callable[..., Console]
UNITS = [{"unit": "CC-1", "kind": "critical-care", "eta_minutes": 4.0}]


@pytest.fixture
def done(committed: None) -> Iterator[dict[str, Any]]:
    """In acme an incident that was dispatched, one that is reserved for, and a changed file."""
    mark = secrets.token_hex(4)
    with use_shared():
        ref = Tenant.objects.get(schema_name="acme").ref
    with use_tenant(ref):
        rows: list[Any] = []

        def write(kind: Any, **values: Any) -> Any:
            key = f"{mark}-{len(rows)}"
            rows.append(kind.objects.create(run_id=uuid4(), idempotency_key=key, **values))
            return rows[-1]

        sent, held = (
            write(Incident, report=f"{word} <b>{mark}</b>", location="North Station")
            for word in ("Smoke", "Fall")
        )
        for incident in (sent, held):
            write(UnitReservation, incident=incident, units=UNITS, hospital="West Clinic")
        write(Dispatch, incident=sent, units=UNITS, hospital="West Clinic")
        change = write(
            FileChange, path="a.py", before="x = 1\ny = 2\n", content="x = 3\ny = 2\n", reason=mark
        )
    yield {"mark": mark, "sent": sent.pk, "held": held.pk, "change": change.pk}
    with use_tenant(ref):
        FileChange.objects.filter(pk=change.pk).delete()
        Incident.objects.filter(pk__in=[sent.pk, held.pk]).delete()


def test_incidents_show_their_state_and_units(console: Consoles, done: dict[str, Any]) -> None:
    auditor = console("acme", "auditor")
    listed = auditor.page(f"/admin/showcase/incident/?q={done['mark']}")
    assert "Dispatched" in listed and "Reserved" in listed
    source = auditor.get(f"/admin/showcase/incident/?q={done['mark']}").text
    assert f"<b>{done['mark']}</b>" not in source  # what was reported is no markup
    page = auditor.page(f"/admin/showcase/incident/{done['sent']}/change/")
    assert "CC-1 (critical-care, 4.0 min)" in page and "West Clinic" in page
    assert 'name="_save"' not in page


def test_a_change_is_shown_as_its_difference(console: Consoles, done: dict[str, Any]) -> None:
    auditor = console("acme", "auditor")
    assert done["mark"] in auditor.page("/admin/showcase/filechange/")
    page = auditor.page(f"/admin/showcase/filechange/{done['change']}/change/")
    assert "-x = 1" in page and "+x = 3" in page and "-y = 2" not in page


def test_nobody_else_sees_them_and_nobody_writes(console: Consoles, done: dict[str, Any]) -> None:
    path = f"/admin/showcase/incident/{done['sent']}/change/"
    other = console("globex", "owner")
    assert other.get(path).status_code in (302, 404)
    assert done["mark"] not in other.page("/admin/showcase/incident/")
    owner = console("acme", "owner")
    assert "Incidents" in owner.page("/admin/")
    assert owner.get("/admin/showcase/incident/add/").status_code == 403
    assert owner.get(path.replace("change", "delete")).status_code == 403
