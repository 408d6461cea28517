"""Keys of service accounts: made (and shown once), listed, revoked. Console, API and CLI ask here.

A key is `ck_<tenant>_<id>_<secret>`: the tenant and the id may be seen by anyone, the secret is 256
random bits of which only the SHA-256 is kept. Synchronous.
"""

from __future__ import annotations

import hashlib
import logging
import secrets
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime

from django.conf import settings
from django.db import transaction
from django.db.models import QuerySet
from django.utils import timezone

from config.errors import Conflict, Forbidden, Invalid, NotFound
from tenants import notices
from tenants.accounts.history import record
from tenants.accounts.models import ApiKey, Member
from tenants.accounts.principal import Principal
from tenants.accounts.scopes import Scope
from tenants.context import current_tenant

log = logging.getLogger(__name__)

PREFIX = "ck_"


@dataclass(frozen=True, slots=True)
class KeyRequest:
    """`scopes` empty: all that the account may now. `rate`: requests a minute, None for usual."""

    name: str
    scopes: Collection[str] = ()
    expires_at: datetime | None = None
    rate: int | None = None


@dataclass(frozen=True, slots=True)
class KeyParts:
    tenant: str
    public_id: str
    secret: str


def split(raw: str) -> KeyParts | None:
    """The parts of what looks like a key. A slug may hold underscores, the other parts don't."""
    head, _, rest = raw.removeprefix(PREFIX).rpartition("_")
    tenant, _, public_id = head.rpartition("_")
    if not (raw.startswith(PREFIX) and tenant and public_id and rest and raw.isascii()):
        return None
    return KeyParts(tenant, public_id, rest)


def digest_of(secret: str) -> str:
    return hashlib.sha256(secret.encode()).hexdigest()


def shown(key: ApiKey) -> str:
    """What may be shown of a key at any time: enough to tell which one it is."""
    return f"{PREFIX}{current_tenant().schema}_{key.public_id}_…"


def visible_keys(actor: Principal) -> QuerySet[ApiKey]:
    """Keys the actor may know of: their own, and with members:read every account's."""
    if not actor.may(Scope.KEYS_READ):
        raise Forbidden("Seeing keys needs the scope keys:read.", code="scope_missing")
    keys = ApiKey.objects.select_related("account", "created_by")
    return keys if actor.may(Scope.MEMBERS_READ) else keys.filter(account_id=actor.member_id)


def create_key(actor: Principal | None, account: Member, wanted: KeyRequest) -> tuple[ApiKey, str]:
    """A new key and its text, which nobody can be shown again. No actor: the command line.

    Raises Forbidden (not the actor's to do, or more than the actor may), Conflict (not a service
    account, suspended, or too many keys) and Invalid.
    """
    _check_right(actor, account)
    with transaction.atomic():
        account = Member.objects.select_for_update().get(pk=account.pk)
        _check_account(account)
        scopes = _scopes(actor, account, wanted)
        _check_form(wanted)
        secret = secrets.token_hex(32)
        key = ApiKey.objects.create(
            account=account,
            name=wanted.name.strip(),
            public_id=secrets.token_hex(6),
            digest=digest_of(secret),
            scopes=sorted(scopes),
            expires_at=wanted.expires_at,
            rate=wanted.rate,
            created_by_id=actor.member_id if actor else None,
        )
        record(account, actor.member_id if actor else None, f"Key {key} made.")
    log.info("api key %s of %s made", key.public_id, current_tenant().schema)
    key.refresh_from_db(fields=["created_at"])
    return key, f"{PREFIX}{current_tenant().schema}_{key.public_id}_{secret}"


def revoke_key(actor: Principal | None, key_id: int) -> ApiKey:
    """Make a key useless, in every process at once. Repeating is no error.

    Raises NotFound for a key the actor may not know of, Forbidden for one not theirs to revoke.
    """
    keys = ApiKey.objects.select_related("account") if actor is None else visible_keys(actor)
    with transaction.atomic():
        key = keys.select_for_update(of=("self",)).filter(pk=key_id).first()
        if key is None:
            raise NotFound("There is no such key.", code="unknown_key")
        _check_right(actor, key.account)
        if key.revoked_at is None:
            key.revoked_at = timezone.now()
            key.save(update_fields=["revoked_at"])
            record(key.account, actor.member_id if actor else None, f"Key {key} revoked.")
            notices.notify("api_key", id=key.public_id, member=key.account_id)
    log.info("api key %s of %s revoked", key.public_id, current_tenant().schema)
    return key


def _check_right(actor: Principal | None, account: Member) -> None:
    if actor is None:
        return
    if not actor.may(Scope.KEYS_WRITE):
        raise Forbidden("Managing keys needs the scope keys:write.", code="scope_missing")
    if account.pk != actor.member_id and not actor.may(Scope.MEMBERS_WRITE):
        raise Forbidden(
            "Managing another account's keys needs the scope members:write.", code="scope_missing"
        )


def _check_account(account: Member) -> None:
    if account.kind != Member.Kind.SERVICE:
        raise Conflict(
            f"{account} is a person: keys are for service accounts.", code="not_a_service_account"
        )
    if not account.is_active:
        raise Conflict(f"{account} is suspended.", code="account_suspended")
    live = ApiKey.objects.filter(account=account, revoked_at=None).count()
    if live >= settings.API_KEYS_MAX:
        raise Conflict(
            f"{account} has {live} keys that aren't revoked, the most there may be: revoke one.",
            code="too_many_keys",
        )


def _scopes(actor: Principal | None, account: Member, wanted: KeyRequest) -> set[str]:
    may = {str(scope) for scope in account.scopes}
    scopes = {str(scope) for scope in wanted.scopes}
    if not scopes:
        scopes = may if actor is None else may & actor.scopes
    beyond = scopes - may
    if beyond:
        raise Invalid(
            f"The roles of {account} don't give: {', '.join(sorted(beyond))}.",
            code="key_scopes",
            errors=[{"loc": ["body", "scopes"], "msg": "more than the account's roles give"}],
        )
    if actor is not None and scopes - actor.scopes:
        raise Forbidden(
            "You can't give rights that you don't have: "
            f"{', '.join(sorted(scopes - actor.scopes))}.",
            code="key_scopes",
        )
    if not scopes:
        raise Invalid(
            f"The key would give nothing: give {account} a role first.", code="key_scopes"
        )
    return scopes


def _check_form(wanted: KeyRequest) -> None:
    name = wanted.name.strip()
    if not 0 < len(name) <= 100 or "\x00" in name:
        raise Invalid("A key has a name of 1 to 100 characters.", code="key_form")
    if wanted.expires_at is not None and wanted.expires_at <= timezone.now():
        raise Invalid("The key would have expired already.", code="key_form")
    if wanted.rate is not None and not 1 <= wanted.rate <= 1_000_000:
        raise Invalid("A rate is 1 to 1,000,000 requests a minute.", code="key_form")
