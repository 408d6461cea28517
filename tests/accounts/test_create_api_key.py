"""`manage.py create_api_key`: the key alone on standard output, a new account made with it."""

from __future__ import annotations

import io
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from tenants.accounts.models import ApiKey, Member
from tenants.context import TenantRef, use_tenant

pytestmark = pytest.mark.django_db


def create(*args: str, **options: Any) -> str:
    out = io.StringIO()
    call_command("create_api_key", *args, stdout=out, stderr=io.StringIO(), **options)
    return out.getvalue()


def test_the_key_is_all_that_is_written_and_the_account_is_made_once(
    acme: TenantRef, globex: TenantRef
) -> None:
    arguments = ["--schema", "acme", "deployer", "--name", "first"]
    text = create(*arguments, "--role", "integrator", "--scope", "agents:run", "--days", "3")
    assert text.startswith("ck_acme_") and len(text.splitlines()) == 1
    with use_tenant(acme):
        account = Member.objects.get(username="deployer")
        key = ApiKey.objects.get(account=account)
        assert (account.kind, account.roles) == ("service", ("integrator",))
        assert key.scopes == ["agents:run"] and key.expires_at is not None
        assert not account.has_usable_password()
    again = create("--schema", "acme", "deployer", "--name", "second")
    assert again != text
    with use_tenant(globex):
        assert not Member.objects.filter(username="deployer").exists()
        assert not ApiKey.objects.exists()


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["nobody", "--name", "x"], "To make it, give a --role"),
        (["new", "--name", "x", "--role", "emperor"], "No such role: emperor"),
        (["bad name!", "--name", "x", "--role", "integrator"], "valid username"),
        (["member", "--name", "x"], "is a person"),
        (["member", "--name", "x", "--role", "owner"], "its roles stay"),
        (["new", "--name", " ", "--role", "integrator"], "1 to 100"),
        (["new", "--name", "x", "--role", "integrator", "--days", "0"], "--days"),
        (["new", "--name", "x", "--role", "integrator", "--rate", "0"], "rate"),
        (["new", "--name", "x", "--role", "auditor", "--scope", "agents:run"], "don't give"),
    ],
)
def test_what_is_wrong_is_said_and_nothing_made(
    acme: TenantRef, arguments: list[str], said: str
) -> None:
    with pytest.raises(CommandError, match=said):
        create("--schema", "acme", *arguments)
    with use_tenant(acme):
        assert not Member.objects.filter(username__in=("new", "nobody", "bad name!")).exists()
