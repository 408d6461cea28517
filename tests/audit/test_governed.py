"""What configures something is on record however it is changed: by the ORM, in bulk, or in SQL."""

from __future__ import annotations

from typing import Any

import pytest
from django.apps import apps
from django.contrib.auth.models import Group
from django.db import connection
from django.utils import timezone

from approvals.audit.governed import GOVERNED
from approvals.models import AuditEntry, Grant, Tier
from config.trace import note_member, start_trace
from tenants import happened
from tenants.accounts.api_keys import KeyRequest, create_key, revoke_key
from tenants.accounts.models import Member, TokenFamily
from tenants.accounts.service_accounts import create_account
from tenants.context import TenantRef, use_tenant

# Tables of tenants' apps that configure nothing and give nobody a right: why each is left out.
NOT_GOVERNED = {
    "accounts_knownplace": "where somebody signed in before; gives no right",
    "accounts_member_user_permissions": "grants nothing: only roles do",
    "accounts_trycount": "counts tries",
    "agents_message": "what was said in a run; goes with its session",
    "agents_note": "a member's own notes, written by tools",
    "agents_step": "a run's journal; goes with the run",
    "approvals_callcount": "counts calls",
    "approvals_auditcheckpoint": "the log itself",
    "approvals_auditentry": "the log itself",
    "approvals_audithead": "the log itself",
    "approvals_auditkey": "the log itself",
    "approvals_auditseal": "the log itself",
    "auth_group_permissions": "grants nothing: only roles do",
    "auth_permission": "grants nothing: only roles do",
    "django_admin_log": "the console's own history",
    "django_session": "sign-ins are told as they happen",
    "limits_startwindow": "counts starts",
    "limits_usage": "counts use",
}

WHOLE_APPS = {
    "desk": "the demo's own business: its tools are on record, as tool calls",
    "showcase": "the same",
}


def tables_of_tenants() -> set[str]:
    from django.conf import settings

    labels = {apps.get_app_config(name.rpartition(".")[2]).label for name in settings.TENANT_APPS}
    labels -= set(WHOLE_APPS)
    return {
        model._meta.db_table
        for model in apps.get_models(include_auto_created=True)
        if model._meta.app_label in labels and not model._meta.proxy
    }


def test_every_table_of_a_tenant_is_governed_or_says_why_not() -> None:
    assert tables_of_tenants() == GOVERNED | set(NOT_GOVERNED)
    assert not GOVERNED & set(NOT_GOVERNED)


@pytest.mark.django_db
def test_governed_tables_are_those_with_the_trigger(acme: TenantRef, globex: TenantRef) -> None:
    for ref in (acme, globex):
        with use_tenant(ref), connection.cursor() as cursor:
            cursor.execute(
                "SELECT c.relname FROM pg_trigger t JOIN pg_class c ON c.oid = t.tgrelid "
                "WHERE t.tgname = 'audited' AND c.relnamespace = current_schema()::regnamespace"
            )
            assert {row[0] for row in cursor.fetchall()} == GOVERNED


def latest(count: int = 1, **filters: Any) -> list[AuditEntry]:
    return list(reversed(AuditEntry.objects.filter(**filters).order_by("-pk")[:count]))


def acting(member: Member) -> None:
    start_trace(None)
    note_member(member.pk)


@pytest.mark.django_db
def test_a_grants_life_is_on_record_with_who_did_it(acme_member: Member, globex: TenantRef) -> None:
    acting(acme_member)
    grant = Grant.objects.create(tool="audited_refund", tier=Tier.FREE)
    grant.tier = Tier.ADMIN
    grant.save()
    grant.delete()
    made, changed, gone = latest(3, target_type="grant")
    assert [e.action for e in (made, changed, gone)] == [
        "grant.created",
        "grant.changed",
        "grant.deleted",
    ]
    assert {(e.actor_id, e.actor_name, e.via) for e in (made, changed, gone)} == {
        (acme_member.pk, str(acme_member), "session")
    }
    assert made.before is None and made.after["tier"] == "free"
    assert (changed.before, changed.after) == ({"tier": "free"}, {"tier": "admin"})
    assert gone.after is None and gone.before["tool"] == "audited_refund"
    assert made.target_name == "audited_refund" and len(made.trace_id) == 32
    with use_tenant(globex):
        assert not AuditEntry.objects.filter(target_name="audited_refund").exists()


@pytest.mark.django_db
def test_bulk_writes_are_on_record_row_by_row(acme_member: Member) -> None:
    acting(acme_member)
    Grant.objects.bulk_create([Grant(tool=f"tool_{number}") for number in range(3)])
    Grant.objects.filter(tool__startswith="tool_").update(tier=Tier.USER)
    rows = list(Grant.objects.filter(tool__startswith="tool_"))
    for row in rows:
        row.note = "checked"
    Grant.objects.bulk_update(rows, ["note"])
    Grant.objects.filter(tool__startswith="tool_").delete()
    actions = [entry.action for entry in latest(12, target_type="grant")]
    assert actions == [
        *["grant.created"] * 3,
        *["grant.changed"] * 6,
        *["grant.deleted"] * 3,
    ]
    assert {entry.actor_id for entry in latest(12, target_type="grant")} == {acme_member.pk}


@pytest.mark.django_db
def test_what_is_written_past_the_application_is_on_record_as_such(acme_member: Member) -> None:
    acting(acme_member)
    Grant.objects.create(tool="audited_refund")
    # Below Django's cursor, as psql would.
    connection.connection.execute("SET LOCAL concord.actor TO ''")
    connection.connection.execute(
        "UPDATE approvals_grant SET quorum = 3 WHERE tool = 'audited_refund'"
    )
    (entry,) = latest(target_type="grant")
    assert entry.via == "database" and entry.actor_id is None
    assert entry.actor_name.startswith("database login ")
    assert (entry.before, entry.after) == ({"quorum": 1}, {"quorum": 3})


@pytest.mark.django_db
def test_roles_given_and_taken_name_the_member_and_the_role(acme_member: Member) -> None:
    acting(acme_member)
    role = Group.objects.get(name="builder")
    acme_member.groups.add(role)
    acme_member.groups.remove(role)
    given, taken = latest(2, target_type="member")
    assert (given.action, taken.action) == ("role.given", "role.taken")
    assert given.target_id == str(acme_member.pk) and given.target_name == str(acme_member)
    assert given.detail == taken.detail == {"role": "builder"}


@pytest.mark.django_db
def test_no_secret_is_ever_written(acme_member: Member) -> None:
    acting(acme_member)
    account = create_account("robot", ["builder"])
    key, text = create_key(None, account, KeyRequest("nightly"))
    revoke_key(None, key.pk)
    acme_member.set_password("another-password-1")
    acme_member.save()
    everything = str(
        list(AuditEntry.objects.values_list("before", "after", "detail", "target_name"))
    )
    assert text.rpartition("_")[2] not in everything and key.digest not in everything
    assert acme_member.password not in everything
    (changed,) = latest(action="member.changed")
    assert (changed.before, changed.after) == ({"password": "set"}, {"password": "set anew"})
    assert [entry.action for entry in latest(2, target_type="key")] == [
        "key.created",
        "key.revoked",
    ]


def entries() -> int:
    """But of runs: another test's may end at any moment."""
    return AuditEntry.objects.filter(run_id=None).count()


@pytest.mark.django_db
def test_what_is_nobodys_doing_makes_no_entry(acme_member: Member) -> None:
    before = entries()
    acme_member.last_login = timezone.now()
    acme_member.save(update_fields=["last_login"])
    acme_member.save()
    TokenFamily.objects.filter(member=acme_member).delete()
    assert entries() == before


@pytest.mark.django_db
def test_what_is_undone_was_never_on_record(acme_member: Member) -> None:
    from django.db import transaction

    before = entries()
    with transaction.atomic():
        happened.tell("test.happened")
        Grant.objects.create(tool="audited_refund")
        assert entries() == before + 2
        transaction.set_rollback(True)
    assert entries() == before
