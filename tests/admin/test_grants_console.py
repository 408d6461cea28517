"""Grants, the permissions matrix and lent duties in the console."""

from __future__ import annotations

import html
import re
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from approvals.models import Delegation, Grant
from tenants.accounts.models import Member
from tenants.context import use_tenant
from tests.admin.console import Console, words
from tests.approvals.granting import TENANTS, grant, no_grants, ref

Consoles = Callable[..., Console]
LIST = "/admin/approvals/grant/"
MATRIX = "/admin/approvals/grant/permissions/"
DUTIES = "/admin/approvals/delegation/"


@pytest.fixture(autouse=True)
def clean(committed: None) -> Iterator[None]:
    with no_grants():
        yield
    for slug in TENANTS:
        with use_tenant(ref(slug)):
            Delegation.objects.all().delete()


def form(**fields: Any) -> dict[str, Any]:
    return {
        "agent": "",
        "tool": "calculator",
        "tier": "audited",
        "untrusted": "raise",
        "quorum": "1",
        "expires_minutes": "60",
        "on_expiry": "reject",
        "escalate_to": "",
        "conditions-when": [""],
        "conditions-tier": ["user"],
        "conditions-why": [""],
        **fields,
    }


def add(console: Console, **fields: Any) -> Any:
    return console.post(f"{LIST}add/", form(**fields))


def stored(slug: str = "acme") -> list[Grant]:
    with use_tenant(ref(slug)):
        return list(Grant.objects.select_related("agent"))


def test_an_owner_grants_a_tool_with_conditions(console: Consoles) -> None:
    owner = console("acme", "owner")
    given = {
        "tier": "free",
        "conditions-when": ['args.expression.contains("*")', "tainted", ""],
        "conditions-tier": ["admin", "user", "user"],
        "conditions-why": ["multiplications", "", ""],
        "decider_roles": ["owner"],
        "quorum": "2",
        "on_expiry": "escalate",
        "escalate_to": "owner",
        "calls_per_hour": "9",
    }
    assert add(owner, **given).status_code == 302
    (row,) = stored()
    assert (row.agent, row.tool, row.tier, row.quorum) == (None, "calculator", "free", 2)
    assert row.conditions == [
        {"when": 'args.expression.contains("*")', "tier": "admin", "why": "multiplications"},
        {"when": "tainted", "tier": "user", "why": ""},
    ]
    assert (row.decider_roles, row.escalate_to, row.calls_per_hour) == (["owner"], "owner", 9)
    assert stored("globex") == []
    listed = owner.page(LIST)
    assert "calculator" in listed and "every agent" in listed and "9 an hour" in listed
    change = f"{LIST}{row.pk}/change/"
    page = owner.get(change).text
    assert "multiplications" in page and "data-conditions" in page
    again = owner.fields(change)
    assert again["tool"] == "calculator" and again["quorum"] == "2"


def test_what_is_wrong_with_a_grant_is_told_where_it_is(console: Consoles) -> None:
    owner = console("acme", "owner")
    said = words(
        add(
            owner,
            **{
                "conditions-when": ["args.expresion == 1", "args.expression > 1"],
                "conditions-tier": ["user", "user"],
                "conditions-why": ["", ""],
                "on_expiry": "escalate",
            },
        ).text
    )
    assert "Condition 1, column 6: args has no expresion. There is: expression." in said
    assert "Condition 2, column 17: > doesn't work between string and int." in said
    assert "Name the role that is asked then." in said
    assert stored() == []
    assert add(owner).status_code == 302
    assert "already exists" in words(add(owner).text)
    assert add(owner, tool="no_such_tool").status_code == 200


def test_conditions_are_checked_while_they_are_written(console: Consoles) -> None:
    owner = console("acme", "owner")
    good = owner.post(f"{LIST}check/", {"tool": "calculator", "when": 'args.expression == "1"'})
    assert good.json() == {"issues": []}
    wrong = owner.post(f"{LIST}check/", {"tool": "calculator", "when": "tainted &&\n  1 + 1"})
    assert [issue["line"] for issue in wrong.json()["issues"]] == [1]
    assert owner.get(f"{LIST}check/").status_code == 405
    assert console("acme", "builder").post(f"{LIST}check/", {"when": "true"}).status_code == 403


@pytest.mark.parametrize("username", ["builder", "operator", "approver", "auditor"])
def test_others_see_grants_and_change_nothing(console: Consoles, username: str) -> None:
    number = grant("acme", "calculator", "admin", conditions=[{"when": "tainted", "tier": "admin"}])
    reader = console("acme", username)
    change = f"{LIST}{number}/change/"
    assert "calculator" in reader.page(LIST)
    assert "tainted" in reader.page(change)
    assert "calculator" in reader.page(MATRIX)
    assert add(reader).status_code == 403
    assert reader.post(change, form(tier="free")).status_code == 403
    assert reader.post(f"{LIST}{number}/delete/", {"post": "yes"}).status_code == 403
    (row,) = stored()
    assert row.tier == "admin"


def test_grants_of_another_tenant_are_not_there(console: Consoles) -> None:
    number = grant("globex", "calculator", "admin")
    owner = console("acme", "owner")
    assert owner.post(f"{LIST}{number}/change/", form()).status_code in (302, 404)
    assert "No grant yet" in owner.page(LIST)
    assert [row.tier for row in stored("globex")] == ["admin"]


def row_of(page: str, tool: str) -> str:
    """The matrix's row of a tool of the demo's agent, as text with the dots' explanations."""
    (found,) = re.findall(rf"<tr>\s*<th scope=\"row\"><code>{tool}</code>.*?</tr>", page, re.S)
    return html.unescape(found)


def test_the_matrix_shows_the_tier_for_each_role_and_why(console: Consoles) -> None:
    auditor = console("acme", "auditor")
    free = row_of(auditor.get(MATRIX + "?agent=assistant").text, "calculator")
    assert words(free).count("free") >= 6 and "the tool's own declaration" in free
    assert "The role auditor doesn't run agents." in free
    grant("acme", "calculator", "audited")
    grant(
        "acme",
        "calculator",
        "user",
        agent="assistant",
        conditions=[{"when": "tainted", "tier": "admin", "why": "from outside"}],
    )
    own = row_of(auditor.get(MATRIX + "?agent=assistant").text, "calculator")
    assert "the agent's own grant, 1 condition" in words(own)
    assert "The grant of assistant for calculator says user approval." in words(own)
    assert "admin sign-off where tainted : from outside" in words(own)
    assert "Signed off by whoever may decide on approvals" in words(own)
    assert "Change the grant" not in own and "See the grant" in own
    assert "Change the grant" in console("acme", "owner").get(MATRIX).text
    globex = row_of(
        console("globex", "auditor").get(MATRIX + "?agent=assistant").text, "calculator"
    )
    assert "the tool's own declaration" in globex


def test_the_matrix_is_narrowed(console: Consoles) -> None:
    grant("acme", "calculator", "admin")
    auditor = console("acme", "auditor")
    page = auditor.get(MATRIX + "?tier=admin").text
    assert "<code>calculator</code>" in page and "<code>current_time</code>" not in page
    page = auditor.get(MATRIX + "?text=current_t&role=member").text
    assert "<code>current_time</code>" in page and "<code>calculator</code>" not in page
    assert "builder</th>" not in page
    assert "Nothing fits" in auditor.page(MATRIX + "?text=zzz")
    assert "Nothing fits" in auditor.page(MATRIX + "?role=auditor")
    assert auditor.get(MATRIX + "?page=zzz&agent=%00").status_code == 200


def test_an_agents_page_shows_the_tiers_of_its_tools(console: Consoles) -> None:
    grant("acme", "calculator", "admin", agent="assistant")
    with use_tenant(ref("acme")):
        from agents.models import Agent

        agent = Agent.objects.get(slug="assistant")
    path = f"/admin/agents/agent/{agent.pk}/change/"
    shown = console("acme", "owner").get(path).text
    assert "The grant of assistant for calculator says admin sign-off." in words(shown)
    assert f"/admin/approvals/grant/add/?agent={agent.pk}&amp;tool=current_time" in shown
    builder = console("acme", "builder").get(path).text
    assert "says admin sign-off" in words(builder) and "/grant/add/?agent=" not in builder


# --- lent duties ----------------------------------------------------------------------------------


def member_id(username: str, slug: str = "acme") -> int:
    with use_tenant(ref(slug)):
        return int(Member.objects.get(username=username).pk)


def period(begins: float = -1, ends: float = 24) -> dict[str, str]:
    """Fields of a period in hours from now, UTC as the demo's members are."""
    fields = {}
    for name, hours in (("begins_at", begins), ("ends_at", ends)):
        moment = timezone.now() + timedelta(hours=hours)
        fields[f"{name}_0"] = moment.strftime("%Y-%m-%d")
        fields[f"{name}_1"] = moment.strftime("%H:%M:%S")
    return fields


def duties(slug: str = "acme") -> list[tuple[str, str]]:
    with use_tenant(ref(slug)):
        rows = Delegation.objects.select_related("approver", "substitute")
        return [(row.approver.username, row.substitute.username) for row in rows]


def lend(console: Console, approver: str, substitute: str, **fields: Any) -> Any:
    given = {"approver": member_id(approver), "substitute": member_id(substitute), **period()}
    return console.post(f"{DUTIES}add/", {**given, "note": "away", **fields})


def test_an_approver_lends_their_own_duty_and_ends_it(console: Consoles) -> None:
    approver = console("acme", "approver")
    assert "stands in for" in approver.told(lend(approver, "approver", "operator"))
    assert duties() == [("approver", "operator")]
    with use_tenant(ref("acme")):
        row = Delegation.objects.get()
    page = f"{DUTIES}{row.pk}/change/"
    assert "now" in approver.page(page) and "away" in approver.page(page)
    end = page.replace("/change/", "/end/")
    assert "can't decide for" in approver.page(end)
    assert "doesn't stand in" in approver.told(approver.post(end))
    with use_tenant(ref("acme")):
        assert Delegation.objects.get().ends_at <= timezone.now()
    assert "over already" in approver.told(approver.post(end))
    assert duties("globex") == []


def test_only_owners_lend_the_duties_of_others(console: Consoles) -> None:
    approver, owner = console("acme", "approver"), console("acme", "owner")
    assert "Select a valid choice" in words(lend(approver, "owner", "operator").text)
    assert lend(console("acme", "builder"), "approver", "builder").status_code == 403
    assert duties() == []
    assert lend(owner, "approver", "member").status_code == 302
    assert lend(owner, "owner", "member").status_code == 302
    assert sorted(duties()) == [("approver", "member"), ("owner", "member")]
    with use_tenant(ref("acme")):
        owners = Delegation.objects.get(approver__username="owner")
    assert approver.post(f"{DUTIES}{owners.pk}/end/").status_code == 403
    assert "Owner" in console("acme", "auditor").page(DUTIES)


def test_a_duty_that_can_not_be_lent_so_is_refused(console: Consoles) -> None:
    owner = console("acme", "owner")
    for approver, substitute, fields, said in (
        ("owner", "owner", {}, "it is their duty already"),
        ("owner", "member", period(2, 1), "It has to end after it begins."),
        ("owner", "member", period(-3, -1), "That is over already."),
        ("builder", "member", {}, "Select a valid choice"),
    ):
        assert said in words(lend(owner, approver, substitute, **fields).text)
    assert lend(owner, "owner", "member").status_code == 302
    assert "stands in already until" in words(lend(owner, "owner", "member").text)
    assert duties() == [("owner", "member")]
