"""Secrets at rest: bound to tenant and column, opened by every key, moved by rotation."""

from __future__ import annotations

import re
from io import StringIO
from typing import Any

import pytest
from django.core.exceptions import ImproperlyConfigured
from django.core.management import CommandError, call_command

from agents.providers.models import Provider
from tenants.context import TenantRef, use_shared, use_tenant
from tenants.models import Tenant
from tenants.secret_field import open_secret, put_secret, secret_fields
from tenants.secrets import Unreadable, reseal, seal, unseal

OLD, NEW = "o" * 48, "n" * 48
PURPOSE = "providers.provider.api_key"


@pytest.fixture(autouse=True)
def one_key(settings: Any) -> None:
    settings.SECRETS_KEYS = [OLD, *settings.SECRETS_KEYS]  # audit logs have keys of their own


def provider(name: str, secret: str) -> Provider:
    row = Provider(name=name, slug=name, kind="openai")
    put_secret(row, "api_key", secret)
    row.save()
    return row


def rotated() -> str:
    out = StringIO()
    call_command("rotate_secrets", stdout=out)
    return out.getvalue()


def test_a_secret_opens_for_its_tenant_and_purpose_alone(
    acme: TenantRef, globex: TenantRef
) -> None:
    with use_tenant(acme):
        sealed = seal("sk-secret-ü", PURPOSE)
        assert unseal(sealed, PURPOSE) == "sk-secret-ü"
        assert "secret" not in sealed and seal("sk-secret-ü", PURPOSE) != sealed
        with pytest.raises(Unreadable):
            unseal(sealed, "providers.provider.other")
    with use_tenant(globex), pytest.raises(Unreadable):
        unseal(sealed, PURPOSE)


@pytest.mark.parametrize("broken", ["", "plain text", "s1:", "s1:gAAAA", "s9:x"])
def test_what_was_never_sealed_is_unreadable(acme: TenantRef, broken: str) -> None:
    with use_tenant(acme), pytest.raises(Unreadable):
        unseal(broken, PURPOSE)


def test_every_key_opens_and_the_first_seals(acme: TenantRef, settings: Any) -> None:
    with use_tenant(acme):
        sealed = seal("sk-1", PURPOSE)
        settings.SECRETS_KEYS = [NEW, OLD]
        assert unseal(sealed, PURPOSE) == "sk-1"
        fresh = reseal(sealed, PURPOSE)
        assert fresh is not None and reseal(fresh, PURPOSE) is None
        settings.SECRETS_KEYS = [NEW]
        assert unseal(fresh, PURPOSE) == "sk-1"
        with pytest.raises(Unreadable):
            unseal(sealed, PURPOSE)


def test_without_any_key_nothing_is_kept(acme: TenantRef, settings: Any) -> None:
    settings.SECRETS_KEYS = []
    with use_tenant(acme), pytest.raises(ImproperlyConfigured, match="SECRETS_KEYS"):
        seal("sk-1", PURPOSE)


def test_rotation_moves_every_tenants_secrets_and_repeating_it_is_safe(
    acme: TenantRef, globex: TenantRef, settings: Any
) -> None:
    there = re.match(r"(\d+) secrets moved to the first key, (\d+) were", rotated())
    assert there is not None
    all_of_them = 4 + sum(map(int, there.groups()))
    rows = {}
    for ref in (acme, globex):
        with use_tenant(ref):
            rows[ref.schema] = [provider(f"{ref.schema}-{n}", f"sk-{ref.schema}-{n}") for n in "ab"]
            Provider.objects.create(name="none", slug="none", kind="ollama")  # has no secret
    with use_shared():
        Tenant.objects.filter(schema_name="globex").update(state="suspended")
    settings.SECRETS_KEYS = [NEW, OLD]
    assert f"{all_of_them} secrets moved" in rotated()
    assert f"0 secrets moved to the first key, {all_of_them} were there already" in rotated()
    settings.SECRETS_KEYS = [NEW]
    for ref in (acme, globex):
        with use_tenant(ref):
            for row in rows[ref.schema]:
                row.refresh_from_db()
                assert open_secret(row, "api_key") == f"sk-{row.slug}"


def test_rotation_names_what_it_cannot_read_and_does_the_rest(
    acme: TenantRef, globex: TenantRef, settings: Any
) -> None:
    with use_tenant(globex):
        foreign = provider("foreign", "sk-globex").api_key
    with use_tenant(acme):
        lost = provider("lost", "sk-lost")
        Provider.objects.filter(pk=lost.pk).update(api_key=foreign)
        good = provider("good", "sk-good")
    settings.SECRETS_KEYS = [NEW, OLD]
    with pytest.raises(CommandError, match=f"acme, {PURPOSE} of row {lost.pk}: opens under no key"):
        rotated()
    settings.SECRETS_KEYS = [NEW]
    with use_tenant(acme):
        good.refresh_from_db()
        assert open_secret(good, "api_key") == "sk-good"


def test_the_column_shows_no_secret_and_no_form_takes_it(acme: TenantRef) -> None:
    with use_tenant(acme):
        row = provider("shown", "sk-shown")
        assert "sk-shown" not in repr(row.__dict__)
        put_secret(row, "api_key", "")
        assert row.api_key == "" and open_secret(row, "api_key") == ""
    assert all(not field.editable for field in secret_fields())
    assert PURPOSE in {field.purpose for field in secret_fields()}
