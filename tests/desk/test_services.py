"""Looking at services and restarting them."""

from __future__ import annotations

from typing import Any

import pytest

from agents.desk.models import Restart, Service
from agents.tools.calling import ToolError
from tenants.context import TenantRef, use_tenant

pytestmark = pytest.mark.django_db


def test_a_diagnostic_tells_how_a_service_is_and_changes_nothing(desk: Any) -> None:
    before = list(Service.objects.values())
    told = desk("run_diagnostic", service="Billing")
    assert told["status"] == "degraded" and told["error_percent"] == 7.5
    assert told["last_restart"] is None
    assert list(Service.objects.values()) == before


def test_a_restart_mends_the_service_and_is_on_record(desk: Any, globex: TenantRef) -> None:
    told = desk("restart_service", service="mail service", reason="nothing goes out")
    assert (told["status_before"], told["status"]) == ("down", "healthy")
    restart = Restart.objects.get()
    assert (restart.service.name, restart.reason) == ("mail", "nothing goes out")
    assert restart.member.username == "member"
    diagnosed = desk("run_diagnostic", service="mail")
    assert diagnosed["status"] == "healthy"
    assert diagnosed["last_restart"] == restart.at.isoformat()
    with use_tenant(globex):
        assert Service.objects.get(name="mail").status == "down"
        assert not Restart.objects.exists()


def test_the_same_call_again_restarts_nothing(desk: Any) -> None:
    first = desk("restart_service", key="one", service="billing")
    again = desk("restart_service", key="one", service="billing")
    assert again == first
    assert Restart.objects.count() == 1


def test_an_unknown_service_is_told_with_those_there_are(desk: Any) -> None:
    with pytest.raises(ToolError, match="choose one of: billing, mail, search, website"):
        desk("restart_service", service="biling")
    assert not Restart.objects.exists()
