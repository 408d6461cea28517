"""Duties lent over the API: who may, for how long, and what the substitute may do from then on."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from approvals.models import Delegation
from tenants.context import use_shared, use_tenant
from tenants.models import Tenant
from tests.approvals.making import Careful, decide, ended, waiting

pytestmark = pytest.mark.usefixtures("committed")


@pytest.fixture(autouse=True)
def nothing_lent(committed: None) -> None:
    for slug in ("acme", "globex"):
        with use_shared():
            ref = Tenant.objects.get(schema_name=slug).ref
        with use_tenant(ref):
            Delegation.objects.all().delete()


def in_days(days: float) -> str:
    return (timezone.now() + timedelta(days=days)).isoformat()


def lent(client: Any, **fields: Any) -> dict[str, Any]:
    answer = client.post("/delegations", json={"ends_at": in_days(1), **fields})
    assert answer.status_code == 201, answer.text
    return dict(answer.json())


@pytest.mark.parametrize("tenant", ["acme", "globex"])
def test_a_substitute_decides_until_the_duty_is_taken_back(api: Any, tenant: str) -> None:
    agent = Careful(tenant, {"create_note": {"tier": "admin"}}).make()
    member, approver = api(tenant, "member"), api(tenant, "approver")
    builder = api(tenant, "builder")
    runs = [member.run(f"Create a note saying {agent.slug}", slug=agent.slug) for _ in range(2)]
    asked = [waiting(approver, run["id"])[0] for run in runs]
    assert decide(builder, asked[0]["id"], "approve").status_code in (403, 404)
    made = lent(approver, substitute="builder", note="On holiday")
    assert (made["approver"], made["state"], made["note"]) == ("approver", "now", "On holiday")
    decided = decide(builder, asked[0]["id"], "approve")
    assert decided.status_code == 200, decided.text
    assert decided.json()["decisions"][0]["on_behalf_of"] == "approver"
    assert ended(member, runs[0]["id"])["status"] == "completed"
    assert approver.http.delete(f"/delegations/{made['id']}").status_code == 204
    assert decide(builder, asked[1]["id"], "approve").status_code in (403, 404)
    assert decide(approver, asked[1]["id"], "reject").status_code == 200
    [over] = approver.get("/delegations?state=over").json()["items"]
    assert (over["id"], over["state"]) == (made["id"], "over")
    again = approver.http.delete(f"/delegations/{made['id']}")
    assert again.status_code == 409 and again.json()["type"].endswith("lending_over")


def test_one_lends_ones_own_duty_and_an_owner_anybodys(api: Any) -> None:
    approver, owner = api("acme", "approver"), api("acme", "owner")
    theirs = approver.post(
        "/delegations", json={"approver": "owner", "substitute": "member", "ends_at": in_days(1)}
    )
    assert theirs.status_code == 403 and theirs.json()["type"].endswith("not_your_duty")
    later = lent(owner, approver="approver", substitute="member", begins_at=in_days(0.5))
    assert later["state"] == "later"
    assert [row["id"] for row in owner.get("/delegations?approver=approver").json()["items"]] == [
        later["id"]
    ]
    assert api("globex", "owner").get("/delegations").json()["items"] == []
    path = f"/delegations/{later['id']}"
    assert api("globex", "owner").http.delete(path).status_code == 404
    assert owner.http.delete(path).status_code == 204
    assert owner.get("/delegations").json()["items"] == []  # it had not begun
    refused = api("acme", "builder").post(
        "/delegations", json={"substitute": "member", "ends_at": in_days(1)}
    )
    assert refused.status_code == 403


@pytest.mark.parametrize(
    ("fields", "named"),
    [
        ({"substitute": "approver"}, "substitute"),
        ({"substitute": "nobody-here"}, "substitute"),
        ({"substitute": "member", "ends_at": "2020-01-01T00:00:00Z"}, "ends_at"),
        ({"substitute": "member", "ends_at": "tomorrow"}, "ends_at"),
        ({"substitute": "member", "more": 1}, "more"),
    ],
)
def test_what_can_not_be_lent_names_the_field(api: Any, fields: dict[str, Any], named: str) -> None:
    body = {"ends_at": in_days(1), **fields}
    refused = api("globex", "approver").post("/delegations", json=body)
    assert refused.status_code == 422
    assert named in [error["loc"][-1] for error in refused.json()["errors"]]
    assert api("globex", "owner").get("/delegations").json()["items"] == []
