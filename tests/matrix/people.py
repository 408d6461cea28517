"""One of each who may ask: a member of each role, keys, and nobody; in each tenant."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib import import_module
from uuid import uuid4

from django.conf import settings
from django.contrib.auth import BACKEND_SESSION_KEY, HASH_SESSION_KEY, SESSION_KEY
from django.contrib.auth.models import Group

from tenants.accounts.api_keys import KeyRequest, create_key
from tenants.accounts.models import Member
from tenants.accounts.scopes import PLATFORM_ROLES, ROLES, Scope
from tenants.accounts.tokens import issue_pair
from tenants.context import TenantRef, use_shared, use_tenant
from tenants.models import Tenant

PLACES = ("acme", "globex", "platform")


@dataclass(frozen=True, slots=True)
class Person:
    """`bearer`: a token or key, `session`: a browser's session; "" where they have none.

    `scopes` is what the tables of roles, and the key, say that they may at `tenant`.
    """

    name: str
    tenant: str
    scopes: frozenset[str] = frozenset()
    bearer: str = ""
    session: str = ""

    def __str__(self) -> str:
        return f"{self.name} of {self.tenant}" if self.tenant else self.name


NOBODY = Person("nobody", "")


@contextmanager
def everybody() -> Iterator[list[Person]]:
    """People of every tenant for as long as the block lasts, and `NOBODY`."""
    made = []
    try:
        found = [NOBODY]
        for slug in PLACES:
            with use_shared():
                ref = Tenant.objects.get(schema_name=slug).ref
            with use_tenant(ref):
                found += [*_members(ref, made), *(_keys(ref, made) if slug != "platform" else ())]
        yield found
    finally:
        for ref, member in made:
            with use_tenant(ref):
                member.delete()


def _member(ref: TenantRef, role: str, made: list[tuple[TenantRef, Member]], kind: str) -> Member:
    member = Member.objects.create_user(f"matrix-{uuid4().hex[:12]}", kind=kind)
    made.append((ref, member))
    member.groups.set(Group.objects.filter(name=role))
    return member


def _members(ref: TenantRef, made: list[tuple[TenantRef, Member]]) -> Iterator[Person]:
    table = PLATFORM_ROLES if ref.schema == "platform" else ROLES
    for role, scopes in table.items():
        member = _member(ref, role, made, Member.Kind.PERSON)
        yield Person(
            role, ref.schema, frozenset(scopes), issue_pair(member)["access"], _session(member)
        )
    nothing = _member(ref, "", made, Member.Kind.PERSON)
    yield Person(
        "a member without a role",
        ref.schema,
        bearer=issue_pair(nothing)["access"],
        session=_session(nothing),
    )


def _keys(ref: TenantRef, made: list[tuple[TenantRef, Member]]) -> Iterator[Person]:
    """Two keys of an account that may everything: each has every other scope."""
    every = sorted(ROLES["owner"])
    for name, scopes in (("a key", every[::2]), ("another key", every[1::2])):
        account = _member(ref, "owner", made, Member.Kind.SERVICE)
        wanted = KeyRequest("matrix", [Scope(scope) for scope in scopes], rate=1_000_000)
        _, text = create_key(None, account, wanted)
        yield Person(name, ref.schema, frozenset(scopes), text)


def _session(member: Member) -> str:
    """Signed in as a browser would be."""
    store = import_module(settings.SESSION_ENGINE).SessionStore()
    store[SESSION_KEY] = str(member.pk)
    store[BACKEND_SESSION_KEY] = settings.AUTHENTICATION_BACKENDS[0]
    store[HASH_SESSION_KEY] = member.get_session_auth_hash()
    store.save()
    return str(store.session_key)
