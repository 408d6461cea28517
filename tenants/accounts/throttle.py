"""Limits on guessing passwords that can't be used to lock somebody out.

Three counters, each in the tenant's schema and so counted once for all processes:

- an account at a place: strict. The place is the device, if the member has signed in there before,
  else the address.
- an address over all accounts: broader. A known device isn't asked about it.
- an account over all strange places: soft and short. A place where the member has signed in before
  isn't asked about it, so whoever guesses elsewhere doesn't keep the member out.

A try is counted before the password is looked at and given back when it was right: however many
come at once, in however many processes, no more than allowed reach the hasher. Accounts are counted
by the name that was typed, whether or not there is such a member.
"""

from __future__ import annotations

import logging
import math
import unicodedata
from dataclasses import dataclass
from datetime import timedelta

from django.conf import settings
from django.db import connection, transaction
from django.utils import timezone
from django.utils.crypto import salted_hmac

from config.errors import TooManyRequests
from tenants import happened
from tenants.accounts.models import KnownPlace, Member, TryCount
from tenants.accounts.places import Place
from tenants.context import current_tenant

log = logging.getLogger(__name__)

KNOWN_PLACES_MAX = 20  # of one member; the longest unused go first

_COUNT = """
INSERT INTO accounts_trycount AS c (key, tries, blocked_until, expires_at)
VALUES (%(key)s, 1, NULL, clock_timestamp() + make_interval(secs => %(window)s))
ON CONFLICT (key) DO UPDATE SET
  tries = CASE WHEN c.expires_at <= clock_timestamp() THEN 1 ELSE c.tries + 1 END,
  expires_at = CASE WHEN c.expires_at <= clock_timestamp()
    THEN excluded.expires_at ELSE c.expires_at END,
  blocked_until = NULL
WHERE c.blocked_until IS NULL OR c.blocked_until <= clock_timestamp()
RETURNING tries
"""
_BLOCK = """
UPDATE accounts_trycount SET
  blocked_until = clock_timestamp() + make_interval(secs => %(pause)s),
  expires_at = clock_timestamp() + make_interval(secs => %(pause)s + %(window)s)
WHERE key = %(key)s
"""
_WAIT = """
SELECT extract(epoch FROM blocked_until - clock_timestamp())::float8
FROM accounts_trycount WHERE key = %(key)s
"""
_GIVE_BACK = """
UPDATE accounts_trycount SET
  tries = greatest(tries - 1, 0),
  blocked_until = CASE WHEN tries - 1 < %(most)s THEN NULL ELSE blocked_until END
WHERE key = %(key)s
"""


@dataclass(frozen=True, slots=True)
class Rule:
    """`most` tries in a window are free; the pause after that doubles up to `longest` seconds."""

    kind: str
    most: int
    longest: float

    def pause(self, tries: int) -> float:
        doubled = settings.SIGN_IN_PAUSE_SECONDS * 2.0 ** min(tries - self.most, 30)
        return float(min(doubled, self.longest))


@dataclass(frozen=True, slots=True)
class Counter:
    key: str
    rule: Rule


@dataclass(frozen=True, slots=True)
class Attempt:
    """A try that was let through and is counted. Tell it when the password was right."""

    counters: tuple[Counter, ...]

    def succeeded(self) -> None:
        """Give the try back; the strict counter of this account here begins anew."""
        with transaction.atomic(), connection.cursor() as cursor:
            for counter in self.counters:
                if counter.rule.kind == "place":
                    cursor.execute("DELETE FROM accounts_trycount WHERE key = %s", [counter.key])
                else:
                    cursor.execute(_GIVE_BACK, {"key": counter.key, "most": counter.rule.most})


def begin(username: str, place: Place) -> Attempt:
    """Count a try at `username` from `place`. Raises TooManyRequests, saying when to come back.

    Holds its row locks for this short transaction only, not while a password is checked.
    """
    attempt = Attempt(tuple(_counters(_account(username), place)))
    seconds = _count_all(attempt.counters, place.address)
    if seconds:
        raise refused(seconds)
    return attempt


def refused(seconds: int) -> TooManyRequests:
    return TooManyRequests(
        f"Too many tries to sign in. Try again in {in_words(seconds)}.",
        code="sign_in_paused",
        headers={"Retry-After": str(seconds)},
        retry_after=seconds,
    )


def in_words(seconds: int) -> str:
    """`40 seconds`, `1 minute`, `15 minutes`: rounded up, so that it is never too early."""
    if seconds < 60:
        return f"{seconds} second{'' if seconds == 1 else 's'}"
    minutes = math.ceil(seconds / 60)
    return f"{minutes} minute{'' if minutes == 1 else 's'}"


def limited(kind: str, subject: str, most: int) -> bool:
    """Count one more `kind` of thing about `subject`; True when it is too many by now.

    For what isn't signing in: mails asked for. Pauses grow as they do there.
    """
    rule = Rule(kind, most, settings.SIGN_IN_PAUSE_SECONDS_MAX)
    return _count_all((Counter(_key(kind, subject), rule),)) > 0


def remember(member: Member, username: str, place: Place, device: str = "") -> None:
    """Note that `member` has signed in from here; `device` is this browser's name, if it has one.

    Of each member the latest KNOWN_PLACES_MAX are kept, for SIGN_IN_DEVICE_DAYS.
    """
    account = _account(username)
    keys = [_key("address", account, place.address)] if place.address else []
    keys += [_key("device", account, device)] if device else []
    expires = timezone.now() + timedelta(days=settings.SIGN_IN_DEVICE_DAYS)
    with transaction.atomic():
        KnownPlace.objects.bulk_create(
            [KnownPlace(key=key, member=member, expires_at=expires) for key in sorted(keys)],
            update_conflicts=True,
            unique_fields=["key"],
            update_fields=["member", "expires_at"],
        )
        mine = KnownPlace.objects.filter(member=member).order_by("-expires_at", "key")
        KnownPlace.objects.filter(
            pk__in=list(mine.values_list("pk", flat=True)[KNOWN_PLACES_MAX:])
        ).delete()


def clean_expired() -> int:
    """Forget counters and places of the active tenant whose time is over."""
    now = timezone.now()
    removed = TryCount.objects.filter(expires_at__lt=now).delete()[0]
    return removed + KnownPlace.objects.filter(expires_at__lt=now).delete()[0]


def _account(username: str) -> str:
    # As the sign-in form has it, so that page and API count the same account.
    return unicodedata.normalize("NFKC", username)


def _key(*parts: str) -> str:
    return salted_hmac(
        "tenants.accounts.throttle", "\0".join(parts), algorithm="sha256"
    ).hexdigest()


def _counters(account: str, place: Place) -> list[Counter]:
    """Which counters a try here is subject to: always in one order, so that none wait crosswise."""
    address_key = _key("address", account, place.address)
    device_key = _key("device", account, place.device)
    known = set(
        KnownPlace.objects.filter(
            key__in=[address_key, device_key], expires_at__gt=timezone.now()
        ).values_list("key", flat=True)
    )
    by_device = bool(place.device) and device_key in known
    longest = settings.SIGN_IN_PAUSE_SECONDS_MAX
    counters = []
    if place.address and not by_device:
        rule = Rule("address", settings.SIGN_IN_ADDRESS_TRIES, longest)
        counters.append(Counter(_key("tries address", place.address), rule))
    if not known:
        rule = Rule(
            "account", settings.SIGN_IN_ACCOUNT_TRIES, settings.SIGN_IN_ACCOUNT_PAUSE_SECONDS
        )
        counters.append(Counter(_key("tries account", account), rule))
    here = device_key if by_device else address_key
    rule = Rule("place", settings.SIGN_IN_TRIES, longest)
    return [*counters, Counter(_key("tries place", here), rule)]


def _count_all(counters: tuple[Counter, ...], address: str = "") -> int:
    """Count one try everywhere and return 0; or nowhere, and return the seconds to wait."""
    with transaction.atomic(), connection.cursor() as cursor:
        for counter in counters:
            values = {"key": counter.key, "window": settings.SIGN_IN_WINDOW_SECONDS}
            cursor.execute(_COUNT, values)
            row = cursor.fetchone()
            if row is None:
                cursor.execute(_WAIT, values)
                (wait,) = cursor.fetchone() or (0.0,)
                transaction.set_rollback(True)
                return max(1, math.ceil(wait or 0.0))
            if row[0] >= counter.rule.most:
                pause = counter.rule.pause(row[0])
                cursor.execute(_BLOCK, {**values, "pause": pause})
                _tell(counter.rule.kind, pause, address)
    return 0


def _tell(kind: str, pause: float, address: str) -> None:
    # The name stays out of the log: people type passwords into that field.
    log.warning(
        "%s: too many tries (%s): paused for %d s; the last one from %s",
        current_tenant().schema,
        kind,
        pause,
        address or "an unknown address",
    )
    happened.tell(
        "sign_in.paused",
        result="refused",
        actor=happened.Actor(),
        detail={"limit": kind, "seconds": round(pause)},
    )
