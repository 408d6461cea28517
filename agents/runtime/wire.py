"""What processes tell each other, sealed: nobody else on the channel can read or forge it.

Any database role may LISTEN on any channel and NOTIFY any, a tenant's too, and a Redis may have
other users. So payloads are encrypted and signed with a key derived from SECRET_KEY, and channel
names don't tell whose they are. A payload that is replayed does no harm: what it asks for is
checked again, or is known already. While SECRET_KEY is changed, what comes from a process that has
another key of SECRET_KEY_FALLBACKS is heard as well.
"""

from __future__ import annotations

import base64
import functools
import hashlib
import secrets
import time
import zlib
from typing import Any

import orjson
from cryptography.fernet import Fernet, InvalidToken
from django.conf import settings

# Postgres takes payloads below 8000 bytes; sealing adds a third and some.
_PIECE_BYTES = 5_600
_HEADER_BYTES = 12  # of the message 8, of the piece's place and the number of pieces 2 each
# A message beyond that is not worth sending: what it tells is in the journal.
MOST_BYTES = 400_000
_INCOMPLETE_SECONDS = 15.0
_COMPRESSED_FROM = 500


class TooLong(ValueError):
    """The message has more than MOST_BYTES."""


@functools.lru_cache(maxsize=8)
def _key(secret: str) -> bytes:
    return hashlib.blake2b(secret.encode(), digest_size=32, person=b"concord-bus").digest()


@functools.lru_cache(maxsize=8)
def _fernet(secret: str) -> Fernet:
    return Fernet(base64.urlsafe_b64encode(_key(secret)))


def _keys() -> list[str]:
    """The key that seals, and those that open as well."""
    return [settings.SECRET_KEY, *settings.SECRET_KEY_FALLBACKS]


def channels(name: str) -> list[str]:
    """The channels to listen on for this name (an owner's, or "all"): one for each key."""
    # With the database's name: one Redis may serve several installations.
    place = f"{settings.DATABASES['default']['NAME']}\x1f{name}".encode()
    return [
        "concord_" + hashlib.blake2b(place, digest_size=20, key=_key(key)).hexdigest()
        for key in _keys()
    ]


def channel(name: str) -> str:
    """The channel to speak on to this name, within Postgres' 63 characters."""
    return channels(name)[0]


def seal(message: dict[str, Any]) -> list[str]:
    """The payloads that carry `message`, in order. Raises TooLong."""
    data = orjson.dumps(message)
    if len(data) > MOST_BYTES:
        raise TooLong(f"{len(data):,} bytes")
    packed = len(data) >= _COMPRESSED_FROM
    data = b"z" + zlib.compress(data, 1) if packed else b"-" + data
    pieces = [data[at : at + _PIECE_BYTES] for at in range(0, len(data), _PIECE_BYTES)]
    number = secrets.token_bytes(8)
    fernet = _fernet(settings.SECRET_KEY)
    return [
        fernet.encrypt(
            number + place.to_bytes(2, "big") + len(pieces).to_bytes(2, "big") + piece
        ).decode()
        for place, piece in enumerate(pieces)
    ]


def _opened(payload: str | bytes) -> bytes | None:
    for key in _keys():
        try:
            return _fernet(key).decrypt(payload)
        except InvalidToken:
            continue
    return None


class Opener:
    """Payloads back to messages, as they come in."""

    def __init__(self) -> None:
        self._open: dict[bytes, tuple[float, dict[int, bytes]]] = {}

    def open(self, payload: str | bytes) -> dict[str, Any] | None:
        """The message that this payload completes; None while pieces lack, or if it isn't ours."""
        plain = _opened(payload)
        if plain is None:
            return None
        number = plain[:8]
        place, count = int.from_bytes(plain[8:10], "big"), int.from_bytes(plain[10:12], "big")
        piece = plain[_HEADER_BYTES:]
        if count > 1:
            whole = self._complete(number, place, count, piece)
            if whole is None:
                return None
            piece = whole
        data = zlib.decompress(piece[1:]) if piece[:1] == b"z" else piece[1:]
        message: dict[str, Any] = orjson.loads(data)
        return message

    def _complete(self, number: bytes, place: int, count: int, piece: bytes) -> bytes | None:
        now = time.monotonic()
        for old in [key for key, (begun, _) in self._open.items() if begun < now]:
            del self._open[old]
        _, pieces = self._open.setdefault(number, (now + _INCOMPLETE_SECONDS, {}))
        pieces[place] = piece
        if len(pieces) < count:
            return None
        del self._open[number]
        return b"".join(pieces[place] for place in range(count))
