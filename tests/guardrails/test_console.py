"""Guardrails in the console: of an agent's draft, and of the tenant, in effect at the next run."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tests.admin.conftest import console
from tests.admin.console import Console
from tests.support.client import Api

__all__ = ["console"]

pytestmark = pytest.mark.usefixtures("committed")
ADD = "/admin/agents/tenantguardrail/add/"
LIST = "/admin/agents/tenantguardrail/"
MAIL = "ada.lovelace@example.com"


@pytest.fixture
def cleared(committed: None) -> Iterator[None]:
    yield
    from agents.models import TenantGuardrail
    from tenants.context import use_shared, use_tenant
    from tenants.models import Tenant

    with use_shared():
        ref = Tenant.objects.get(schema_name="acme").ref
    with use_tenant(ref):
        for row in TenantGuardrail.objects.all():
            row.delete()


def make(there: Console, **fields: Any) -> Any:
    return there.post(ADD, {"is_enabled": "on", "options": "{}", **fields})


def test_a_tenants_guardrail_holds_from_the_next_run_on_and_for_no_other_tenant(
    console: Callable[..., Console], api: Callable[..., Api], cleared: None
) -> None:
    here, there = api("acme", "member"), api("globex", "member")
    assert MAIL in here.run(f"I am {MAIL}")["input"]
    owner = console("acme", "owner")
    told = owner.told(make(owner, name="no-mail", kind="pii"))
    assert "no-mail" in told
    assert "input, output" in owner.page(LIST)
    run = here.run(f"I am {MAIL}")
    assert run["input"] == "I am [e-mail address]"
    assert MAIL in there.run(f"I am {MAIL}")["input"]
    page = owner.page(f"/admin/agents/run/{run['id']}/change/")
    assert "pii: e-mail address (redacted in the input)" in page and MAIL not in page

    from agents.models import TenantGuardrail
    from tenants.context import use_shared, use_tenant
    from tenants.models import Tenant

    with use_shared():
        ref = Tenant.objects.get(schema_name="acme").ref
    with use_tenant(ref):
        row = TenantGuardrail.objects.get(name="no-mail")
    change = f"{LIST}{row.pk}/change/"
    fields = owner.fields(change)
    fields.pop("is_enabled")
    owner.told(owner.post(change, fields))
    assert MAIL in here.run(f"I am {MAIL}")["input"]


def test_settings_that_make_no_sense_are_refused_with_their_place(
    console: Callable[..., Console], cleared: None
) -> None:
    owner = console("acme", "owner")
    for kind, options, said in (
        ("pii", '{"kinds": {"shoe_size": "mask"}}', "kinds.shoe_size"),
        ("secrets", '{"action": "explode"}', "action"),
        ("topic", "{}", "list words under deny"),
        ("judge", "{}", "rules: Field required"),
        ("schema", '{"json_schema": {"type": "thing"}}', "no JSON schema"),
        ("schema", '{"json_schema": {"$ref": "https://example.com/x"}}', "$ref"),
        ("length", '{"characters": 0, "colour": "red"}', "colour"),
        ("pii", '{"name": "other"}', "set by the fields above"),
        ("pii", "{broken", "JSON"),
    ):
        answer = make(owner, name="bad", kind=kind, options=options)
        assert answer.status_code == 200 and said in answer.text.replace("&#x27;", "'"), (
            kind,
            said,
        )


def test_only_those_who_publish_may_make_one(console: Callable[..., Console]) -> None:
    assert make(console("acme", "auditor"), name="mine", kind="pii").status_code == 403
    assert console("acme", "auditor").get(LIST).status_code == 200


def test_an_agents_guardrails_are_ticked_compared_and_published(
    console: Callable[..., Console], api: Callable[..., Api]
) -> None:
    from agents.models import Agent
    from tenants.context import use_shared, use_tenant
    from tenants.models import Tenant

    with use_shared():
        ref = Tenant.objects.get(schema_name="acme").ref
    with use_tenant(ref):
        agent, _ = Agent.objects.get_or_create(slug="ticked", defaults={"name": "Ticked"})
    owner = console("acme", "owner")
    change = f"/admin/agents/agent/{agent.pk}/change/"
    fields = owner.fields(change)
    entries = ["pii", "secrets", "injection", "moderation", "topic", "length", "schema", "judge"]
    assert "guardrails" not in fields and json.loads(fields["guardrails-options-pii"])["stages"]
    fields["guardrails-entry"] = entries
    fields["guardrails"] = ["pii", "topic"]
    fields["guardrails-options-topic"] = '{"deny": ["poker"], "on_error": "maybe"}'
    refused = owner.post(change, fields)
    assert refused.status_code == 200 and "on_error" in refused.text
    fields["guardrails-options-topic"] = '{"deny": ["poker"]}'
    owner.told(owner.post(change, fields))
    publish = owner.page(f"/admin/agents/agent/{agent.pk}/publish/")
    assert '"deny": ["poker"]' in publish and '"kind": "pii"' in publish
    assert owner.post(f"/admin/agents/agent/{agent.pk}/publish/", {"note": ""}).status_code == 302
    member = api("acme", "member")
    assert member.run("Let's play POKER", slug="ticked")["error"]["guardrail"] == "topic"
    assert member.run(f"It's {MAIL}", slug="ticked")["input"] == "It's [e-mail address]"
    again = owner.fields(change)
    assert sorted(again["guardrails"]) == ["pii", "topic"]
