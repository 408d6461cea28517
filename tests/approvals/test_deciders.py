"""Who may decide: by role, for somebody else, not twice, and not on one's own request."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from approvals.deciders import duties_of, may_decide, waiting_for
from approvals.models import Approval, Decision, Delegation
from tenants.accounts.models import Member
from tenants.accounts.principal import of_member
from tenants.context import TenantRef, use_tenant
from tests.approvals.granting import a_member, an_approval


@pytest.fixture
def inside(acme: TenantRef) -> Iterator[None]:
    with use_tenant(acme):
        yield


@pytest.fixture
def requester(inside: None) -> Member:
    return a_member("member")


def lent(lender: Member, substitute: Member, begins: float = -1, ends: float = 1) -> Delegation:
    """For a period in hours from now."""
    now = timezone.now()
    return Delegation.objects.create(
        approver=lender,
        substitute=substitute,
        begins_at=now + timedelta(hours=begins),
        ends_at=now + timedelta(hours=ends),
    )


def decided(approval: Approval, member: Member, behalf: Member | None = None) -> None:
    Decision.objects.create(
        approval=approval, member=member, on_behalf_of=behalf, decision="approve"
    )


def test_a_sign_off_is_for_those_whose_roles_may_decide(requester: Member) -> None:
    approval = an_approval(requester)
    for role in ("approver", "owner"):
        assert may_decide(a_member(role), approval).on_behalf_of is None
        assert may_decide(a_member(role), approval)
    for role in ("member", "builder", "operator", "auditor", "integrator"):
        assert may_decide(a_member(role), approval).code == "scope_missing"


def test_a_grant_may_name_the_roles(requester: Member) -> None:
    approval = an_approval(requester, decider_roles=["owner"])
    refused = may_decide(a_member("approver"), approval)
    assert not refused and refused.code == "wrong_role" and "owner" in refused.reason
    assert may_decide(a_member("approver", "owner"), approval)


def test_the_scopes_of_a_token_count_and_not_only_the_roles(requester: Member) -> None:
    approval = an_approval(requester)
    who = of_member(a_member("approver"))
    assert may_decide(who, approval)
    assert may_decide(who.narrowed(frozenset({"runs:read"})), approval).code == "scope_missing"


def test_a_suspended_member_decides_nothing(requester: Member) -> None:
    approval = an_approval(requester)
    assert not may_decide(a_member("owner", is_active=False), approval)


def test_nobody_signs_off_their_own_request_unless_the_grant_says_so(inside: None) -> None:
    owner = a_member("owner")
    assert may_decide(owner, an_approval(owner)).code == "own_request"
    assert may_decide(owner, an_approval(owner, own_requests=True))


@pytest.mark.parametrize(
    "asked", [{"tier": "user"}, {"tier": "free", "kind": "input"}, {"kind": "external"}]
)
def test_what_asks_the_user_is_the_requesters_alone(
    requester: Member, asked: dict[str, Any]
) -> None:
    approval = an_approval(requester, **asked)
    assert may_decide(requester, approval)
    assert may_decide(a_member("owner"), approval).code == "not_requester"
    substitute = a_member("member")
    lent(requester, substitute)
    assert may_decide(substitute, approval).code == "not_requester"


def test_nobody_decides_twice(requester: Member) -> None:
    approval, approver = an_approval(requester, quorum=2), a_member("approver")
    decided(approval, approver)
    assert may_decide(approver, approval).code == "already_decided"
    assert may_decide(a_member("approver"), approval)


def test_a_duty_may_be_lent_for_a_period(requester: Member) -> None:
    approval, lender, substitute = an_approval(requester), a_member("approver"), a_member("member")
    assert may_decide(substitute, approval).code == "scope_missing"
    past = lent(lender, substitute, -3, -1)
    assert not may_decide(substitute, approval)
    past.delete()
    lent(lender, substitute, 1, 3).delete()
    assert not may_decide(substitute, approval)
    lent(lender, substitute)
    standing = may_decide(of_member(substitute), approval)
    assert standing and standing.on_behalf_of == lender.pk
    assert may_decide(lender, approval)  # who lends keeps it


def test_a_lent_duty_is_worth_what_the_lender_may(requester: Member) -> None:
    approval, lender, substitute = an_approval(requester), a_member("approver"), a_member("member")
    lent(lender, substitute)
    assert may_decide(substitute, an_approval(requester, decider_roles=["owner"])).code == (
        "wrong_role"
    )
    lender.is_active = False
    lender.save()
    assert not may_decide(substitute, approval)
    lender.is_active = True
    lender.save()
    lender.groups.clear()
    assert not may_decide(substitute, approval)


def test_a_lent_duty_is_not_lent_on(requester: Member) -> None:
    approval = an_approval(requester)
    first, second, third = a_member("approver"), a_member("member"), a_member("member")
    lent(first, second)
    lent(second, third)
    assert may_decide(second, approval) and not may_decide(third, approval)


def test_lender_and_substitute_have_one_voice(requester: Member) -> None:
    lender, substitute = a_member("approver"), a_member("member")
    lent(lender, substitute)
    spoken = an_approval(requester, quorum=2)
    decided(spoken, substitute, behalf=lender)
    assert may_decide(lender, spoken).code == "already_decided"
    assert may_decide(substitute, spoken).code == "already_decided"
    heard = an_approval(requester, quorum=2)
    decided(heard, lender)
    assert may_decide(substitute, heard).code == "already_decided"
    other = a_member("approver")
    lent(other, substitute)
    assert may_decide(substitute, heard).on_behalf_of == other.pk


def test_four_eyes_are_not_got_round_by_lending(inside: None) -> None:
    owner, friend, other = a_member("owner"), a_member("approver"), a_member("approver")
    lent(owner, friend)
    lent(other, owner)
    own = an_approval(owner)
    assert may_decide(owner, own).code == "own_request"  # not in the other's name either
    assert may_decide(friend, own).on_behalf_of is None  # by a duty of their own
    helper = a_member("member")
    lent(owner, helper)
    assert may_decide(helper, own).code == "own_request"


def test_one_that_was_escalated_is_for_the_other_role(requester: Member) -> None:
    approval = an_approval(
        requester, decider_roles=["approver"], on_expiry="escalate", escalate_to="owner"
    )
    approver, owner = a_member("approver"), a_member("owner")
    assert may_decide(approver, approval) and not may_decide(owner, approval)
    approval.escalated_at = timezone.now()
    approval.save()
    assert may_decide(owner, approval)
    assert may_decide(approver, approval).code == "wrong_role"


def test_a_consent_that_was_escalated_is_not_the_requesters_any_more(requester: Member) -> None:
    approval = an_approval(requester, tier="user", on_expiry="escalate", escalate_to="owner")
    owner = a_member("owner")
    assert may_decide(requester, approval) and not may_decide(owner, approval)
    approval.escalated_at = timezone.now()
    approval.save()
    assert may_decide(owner, approval)
    assert may_decide(requester, approval).code == "own_request"
    rows = Approval.objects.filter(pk=approval.pk)
    assert rows.filter(waiting_for(owner)).exists()
    assert not rows.filter(waiting_for(requester)).exists()


def test_another_tenants_duties_count_nowhere(
    acme: TenantRef, globex: TenantRef, requester: Member
) -> None:
    approval = an_approval(requester)
    substitute = a_member("member")
    with use_tenant(globex):
        lender, theirs = a_member("approver"), a_member("member")
        lent(lender, theirs)
    assert not may_decide(substitute, approval)


def test_a_list_is_narrowed_in_the_database_and_judged_in_few_statements(
    requester: Member,
) -> None:
    approver, substitute = a_member("approver"), a_member("member")
    lent(approver, substitute)
    mine = an_approval(substitute, tier="user")
    open_to_all = [an_approval(requester) for _ in range(20)]
    owners = an_approval(requester, decider_roles=["owner"])
    escalated = an_approval(
        requester, decider_roles=["owner"], escalate_to="approver", escalated_at=timezone.now()
    )
    theirs = an_approval(requester, tier="user")
    made = [mine, *open_to_all, owners, escalated, theirs]
    rows = Approval.objects.filter(pk__in=[one.pk for one in made])
    expected = {one.pk for one in (mine, *open_to_all, escalated)}
    assert {one.pk for one in rows.filter(waiting_for(substitute))} == expected
    listed = list(rows)
    with CaptureQueriesContext(connection) as queries:
        duties = duties_of(of_member(substitute), listed)
        assert {one.pk for one in listed if duties.on(one)} == expected
    assert len(queries) <= 4
    assert {one.pk for one in rows.filter(waiting_for(requester))} == {theirs.pk}
