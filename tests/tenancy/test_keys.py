"""Cache keys, channel groups and files are the tenant's own."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from channels.layers import InMemoryChannelLayer
from django.contrib.contenttypes.models import ContentType
from django.core.cache import cache
from django.core.files.base import ContentFile

from tenants.accounts.models import Member
from tenants.context import TenantNotSet, TenantRef, use_shared, use_tenant
from tenants.files import TenantStorage
from tenants.keys import file_path, group_name

ACME, GLOBEX = TenantRef(schema="acme"), TenantRef(schema="globex")


def test_the_same_cache_key_is_another_in_each_tenant() -> None:
    with use_tenant(ACME):
        cache.set("greeting", "from acme")
    with use_tenant(GLOBEX):
        assert cache.get("greeting") is None
        cache.set("greeting", "from globex")
    with use_tenant(ACME):
        assert cache.get("greeting") == "from acme"


def test_the_cache_has_no_key_without_a_tenant() -> None:
    with use_shared(), pytest.raises(TenantNotSet):
        cache.get("greeting")


def test_groups_of_two_tenants_never_meet() -> None:
    with use_tenant(ACME):
        one = group_name("run", "42")
    with use_tenant(GLOBEX):
        other = group_name("run", "42")
    assert one != other
    assert InMemoryChannelLayer().require_valid_group_name(one)


def test_a_group_name_stays_within_channels_alphabet_and_length() -> None:
    with use_tenant(ACME):
        assert InMemoryChannelLayer().require_valid_group_name(group_name("söme thing", "a/b"))
        with pytest.raises(ValueError, match="too long"):
            group_name("x" * 200)


@pytest.mark.parametrize("name", ["../globex/secret", "/etc/passwd", "a/../../b", "..\\globex\\x"])
def test_a_path_out_of_the_tenants_folder_is_refused(name: str) -> None:
    with use_tenant(ACME), pytest.raises(ValueError, match="path"):
        file_path(name)


def test_a_file_of_one_tenant_does_not_exist_for_another(tmp_path: Path) -> None:
    storage = TenantStorage(location=tmp_path)
    with use_tenant(ACME):
        name = storage.save("reports/one.txt", ContentFile(b"acme's"))
        assert storage.exists(name)
        assert storage.listdir("")[0] == ["reports"]
    with use_tenant(GLOBEX):
        assert not storage.exists(name)
    with use_shared(), pytest.raises(TenantNotSet):
        storage.exists(name)
    assert (tmp_path / "acme" / "reports" / "one.txt").read_bytes() == b"acme's"


@pytest.mark.django_db
def test_content_types_are_the_same_in_every_schema(acme: TenantRef, globex: TenantRef) -> None:
    ids: list[Any] = []
    for ref in (acme, globex):
        ContentType.objects.clear_cache()
        with use_tenant(ref):
            ids.append(ContentType.objects.get_for_model(Member).pk)
    assert ids[0] == ids[1]
