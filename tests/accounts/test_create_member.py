"""The command that makes a first member: whole or not at all."""

from __future__ import annotations

import io

import pytest
from django.contrib.auth import authenticate
from django.core.management import CommandError, call_command

from tenants.accounts.models import Member
from tenants.context import TenantRef, use_tenant

pytestmark = pytest.mark.django_db
GOOD = "a long and unusual pass phrase"


def create(*args: str) -> str:
    out = io.StringIO()
    call_command("create_member", *args, stdout=out)
    return out.getvalue()


def test_a_member_can_sign_in_and_has_their_roles(
    acme: TenantRef, globex: TenantRef, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MEMBER_PASSWORD", GOOD)
    said = create("ada", "--schema", "acme", "--role", "owner", "--role", "approver")
    assert "ada is a member of acme" in said and GOOD not in said
    with use_tenant(acme):
        member = authenticate(None, username="ada", password=GOOD)
        assert isinstance(member, Member) and member.roles == ("approver", "owner")
    with use_tenant(globex):
        assert not Member.objects.filter(username="ada").exists()


@pytest.mark.parametrize(
    ("args", "password", "told"),
    [
        (("ada", "--schema", "nowhere", "--role", "owner"), GOOD, "no active tenant"),
        (("ada", "--schema", "acme", "--role", "king"), GOOD, "no such role: king"),
        (("ada", "--schema", "acme", "--role", "owner"), "password", "too common"),
        (("owner", "--schema", "acme", "--role", "owner"), GOOD, "already exists"),
        (("a b", "--schema", "acme", "--role", "owner"), GOOD, "valid username"),
    ],
)
def test_what_is_wrong_is_said_and_nothing_is_made(
    acme: TenantRef,
    monkeypatch: pytest.MonkeyPatch,
    args: tuple[str, ...],
    password: str,
    told: str,
) -> None:
    monkeypatch.setenv("MEMBER_PASSWORD", password)
    with use_tenant(acme):
        before = Member.objects.count()
    with pytest.raises(CommandError, match=told):
        create(*args)
    with use_tenant(acme):
        assert Member.objects.count() == before
