"""The ruling on a call: from the tenant's own grants, from memory, and as they are now."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest
from django.core.exceptions import ValidationError
from django.db import connection
from django.test.utils import CaptureQueriesContext

from approvals import grants
from approvals.call_rate import take_call
from approvals.grants import ruling_for
from approvals.models import CallCount, Grant
from approvals.policy import Ruling
from tenants import notices
from tenants.accounts.models import Member
from tenants.accounts.principal import Principal, load
from tenants.context import use_tenant
from tenants.hop import hop
from tenants.kept_of_tenant import KeptOfTenant
from tenants.pool import close_pool
from tests.approvals.granting import grant, ref
from tests.support.loops import eventually

pytestmark = pytest.mark.usefixtures("granting")


def principal(slug: str, username: str = "member") -> Principal:
    with use_tenant(ref(slug)):
        found = load(Member.objects.get(username=username).pk)
    assert found is not None
    return found


@asynccontextmanager
async def listening() -> AsyncIterator[None]:
    """As a server is: notices arrive, and what is kept is trusted."""
    notices.start()
    try:
        await eventually(notices.listening)
        yield
    finally:
        await notices.stop()
        await close_pool()


async def ruled(slug: str, tool: str = "pay", **told: Any) -> Ruling:
    given: dict[str, Any] = {
        "arguments": {},
        "member": await hop(principal, slug),
        "tainted": False,
        **told,
    }
    with use_tenant(await hop(ref, slug)):
        return await ruling_for("assistant", tool, "free", "write", **given)


def test_each_tenant_has_its_own_grants() -> None:
    grant("acme", "pay", "admin", agent="assistant", quorum=2)
    grant("globex", "pay", "audited")

    async def main() -> None:
        async with listening():
            acme, globex = await ruled("acme"), await ruled("globex")
            assert (acme.tier, acme.quorum) == ("admin", 2)
            assert (globex.tier, globex.quorum) == ("audited", 1)
            assert (await ruled("acme", "other")).tier == "free"

    asyncio.run(main())


def test_a_change_is_in_effect_at_the_next_call() -> None:
    number = grant("acme", "pay", "audited")

    def change(act: Callable[[Grant], object]) -> None:
        with use_tenant(ref("acme")):
            act(Grant.objects.get(pk=number))

    def sign_off(row: Grant) -> None:
        row.tier = "admin"
        row.save()

    async def main() -> None:
        async with listening():
            assert (await ruled("acme")).tier == "audited"
            await hop(change, sign_off)
            assert (await ruled("acme")).tier == "admin"
            await hop(change, lambda row: row.delete())
            assert (await ruled("acme")).tier == "free"

    asyncio.run(main())


@pytest.mark.parametrize("tenant", ["acme", "globex"])
def test_a_change_in_bulk_or_in_sql_is_noticed_too(tenant: str) -> None:
    grant(tenant, "pay", "audited")

    def in_bulk() -> None:
        with use_tenant(ref(tenant)):
            Grant.objects.filter(tool="pay").update(tier="admin")

    def in_sql() -> None:
        with use_tenant(ref(tenant)), connection.cursor() as cursor:
            cursor.execute("UPDATE approvals_grant SET tier = 'user' WHERE tool = 'pay'")

    async def main() -> None:
        async with listening():
            assert (await ruled(tenant)).tier == "audited"
            for change, tier in ((in_bulk, "admin"), (in_sql, "user")):
                await hop(change)
                async with asyncio.timeout(30):
                    while (await ruled(tenant)).tier != tier:  # noqa: ASYNC110 - no event: memory
                        await asyncio.sleep(0.01)

    asyncio.run(main())


def test_nothing_is_read_while_nothing_changes(monkeypatch: pytest.MonkeyPatch) -> None:
    grant("acme", "pay", "audited")
    readings = []

    def counted() -> grants.Granted:
        readings.append(1)
        return grants.read_grants()

    kept = KeptOfTenant(counted, kinds=("grants",), seconds=lambda: 60)
    monkeypatch.setattr(grants, "_granted", kept)

    async def main() -> None:
        member = await hop(principal, "acme")
        async with listening():
            with use_tenant(await hop(ref, "acme")):
                many = [
                    ruling_for("assistant", "pay", "free", "write", {}, member, False)
                    for _ in range(200)
                ]
                assert {one.tier for one in await asyncio.gather(*many)} == {"audited"}
        assert len(readings) == 1

    asyncio.run(main())


def test_conditions_know_the_call_the_member_and_the_tenant() -> None:
    grant(
        "acme",
        "pay",
        conditions=[
            {"when": "args.amount > 100", "tier": "admin", "why": "more than 100"},
            {"when": '!("operator" in member.roles)', "tier": "user"},
            {"when": 'tenant.slug != "acme" || component != "assistant"', "tier": "admin"},
            {
                "when": '!tenant.domains.exists(d, args.to.endsWith("@" + d))',
                "tier": "audited",
            },
        ],
    )
    own = {"amount": 5, "to": "ann@acme.localhost"}

    async def main() -> None:
        async with listening():
            operator = await hop(principal, "acme", "operator")
            assert (await ruled("acme", arguments=own)).tier == "user"
            assert (await ruled("acme", arguments=own, member=operator)).tier == "free"
            other = {**own, "to": "ann@elsewhere.example"}
            assert (await ruled("acme", arguments=other, member=operator)).tier == "audited"
            much = await ruled("acme", arguments={**own, "amount": 101}, member=operator)
            assert much.tier == "admin" and much.why.endswith("more than 100.")
            assert (await ruled("globex", arguments=own)).tier == "free"

    asyncio.run(main())


def test_a_grant_that_could_not_be_meant_is_not_saved() -> None:
    for wrong, named in (
        ({"conditions": [{"when": "args.x >", "tier": "user"}]}, "conditions"),
        ({"decider_roles": ["member"]}, "decider_roles"),
        ({"decider_roles": "owner"}, "decider_roles"),
        ({"on_expiry": "escalate"}, "escalate_to"),
        ({"on_expiry": "escalate", "escalate_to": "builder"}, "escalate_to"),
        ({"quorum": 0}, "quorum"),
        ({"tier": "sometimes"}, "tier"),
    ):
        with pytest.raises(ValidationError) as refused:
            grant("acme", "pay", **{"tier": "admin", **wrong})
        assert named in refused.value.message_dict
    grant("acme", "pay", on_expiry="escalate", escalate_to="owner", decider_roles=["approver"])
    with pytest.raises(ValidationError):  # one for every agent, and no second
        grant("acme", "pay")


def test_calls_an_hour_are_exact_however_many_are_made_at_once() -> None:
    number = grant("acme", "pay", calls_per_hour=7)
    with use_tenant(ref("acme")):
        ann, bob = Member.objects.filter(username__in=("member", "operator")).order_by("pk")
    other = grant("globex", "pay", calls_per_hour=1)

    async def main() -> None:
        async with listening():
            ruling = await ruled("acme")
            with use_tenant(await hop(ref, "acme")):
                for member in (ann, bob):
                    taken = await asyncio.gather(*(take_call(ruling, member.pk) for _ in range(40)))
                    assert taken.count("") == 7
                assert "7 times an hour for each member" in next(filter(None, taken))
            elsewhere = await ruled("globex")
            with use_tenant(await hop(ref, "globex")):
                assert await take_call(elsewhere, ann.pk) == ""
                assert await take_call(elsewhere, ann.pk) != ""

    asyncio.run(main())
    with use_tenant(ref("acme")):
        counted = CallCount.objects.filter(grant=number)
        assert {row.calls for row in counted} == {7}
        counted.update(hour=1)  # long ago

    async def later() -> None:
        async with listening():
            ruling = await ruled("acme")
            with use_tenant(await hop(ref, "acme")):
                taken = [await take_call(ruling, ann.pk) for _ in range(8)]
                assert taken.count("") == 7

    asyncio.run(later())
    with use_tenant(ref("globex")):
        assert Grant.objects.get(pk=other).calls_per_hour == 1


def test_a_grant_without_such_a_limit_costs_no_statement() -> None:
    grant("acme", "pay", calls_per_run=3)

    async def main() -> None:
        async with listening():
            ruling = await ruled("acme")
            # Outside of any tenant no connection would be given at all.
            assert await take_call(ruling, 1) == ""

    asyncio.run(main())


def test_all_grants_of_a_tenant_are_read_in_two_statements() -> None:
    for tool in ("a", "b", "c"):
        grant("acme", tool, "audited", agent="assistant")
        grant("acme", tool, "admin")
    with (
        use_tenant(ref("acme")),
        CaptureQueriesContext(
            connection,
        ) as queries,
    ):
        found = grants.read_grants()
    assert len(found.rules) == 6 and "acme.localhost" in found.domains
    assert len(queries) == 2
