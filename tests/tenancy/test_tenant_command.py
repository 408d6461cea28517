"""`manage.py tenant`: the console's verbs on the command line."""

from __future__ import annotations

import io
from collections.abc import Iterator

import pytest
from django.core.management import CommandError, call_command

from tenants.context import use_shared
from tenants.lifecycle import resume_tenant
from tenants.models import Tenant
from tenants.provisioning import drop_tenant


def tenant(*args: str) -> str:
    said = io.StringIO()
    call_command("tenant", *args, stdout=said)
    return said.getvalue().strip()


@pytest.fixture
def initech(committed: None) -> Iterator[str]:
    yield "initech"
    with use_shared():
        for row in Tenant.objects.filter(schema_name="initech"):
            drop_tenant(row)


def test_a_tenants_life_from_the_command_line(initech: str) -> None:
    assert tenant("create", initech, "initech.localhost", "--name", "Initech") == (
        "initech is active"
    )
    (line,) = [line for line in tenant("list").splitlines() if line.startswith(initech)]
    assert line.split() == ["initech", "active", "initech.localhost", "Initech"]
    with pytest.raises(CommandError, match="suspend it first"):
        tenant("delete", initech, "--yes", initech)
    assert tenant("suspend", initech) == "initech is suspended"
    assert tenant("resume", initech) == "initech is active again"
    with pytest.raises(CommandError, match="is active"):
        tenant("resume", initech)
    tenant("suspend", initech)
    with pytest.raises(CommandError, match="nothing is deleted"):
        tenant("delete", initech, "--yes", "acme")
    assert tenant("delete", initech, "--yes", initech) == "initech is deleted"
    assert initech not in tenant("list") and "globex" in tenant("list")


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("args", "said"),
    [
        (("suspend", "nobody"), "no such tenant: nobody"),
        (("delete", "nobody", "--yes", "nobody"), "no such tenant: nobody"),
        (("suspend", "platform"), "stays as it is"),
        (("create", "Bad-Slug", "x.localhost"), "small letter"),
        (("create", "template", "x.localhost"), "reserved"),
        (("create", "fine", "acme.localhost"), "already exists"),
    ],
)
def test_what_can_not_be_is_refused_with_a_reason(args: tuple[str, ...], said: str) -> None:
    with pytest.raises(CommandError, match=said):
        tenant(*args)
    with use_shared():
        assert not Tenant.objects.filter(schema_name="fine").exists()


@pytest.mark.django_db
def test_a_problem_of_a_serving_tenant_is_kept_over_a_suspension() -> None:
    with use_shared():
        Tenant.objects.filter(schema_name="acme").update(problem="behind")
        tenant("suspend", "acme")
        resume_tenant("acme")
        assert Tenant.objects.get(schema_name="acme").problem == "behind"
