"""What can go wrong with a model call, as typed exceptions.

Nothing in this package retries: each failure is raised once, says whether another attempt may
help (`retryable`) and when (`retry_after`, seconds), and the journal decides. `message` is safe to
show to whoever started the run: it holds no key, no address and no traceback.
"""

from __future__ import annotations

import datetime as dt
import re
from email.utils import parsedate_to_datetime
from typing import Any

_LONGEST_DETAIL = 300
_LONGEST_RETRY_AFTER = 3600.0


class ModelError(Exception):
    """A model call failed. `code` is stable and goes into events and run rows."""

    code = "model_error"
    retryable = False
    at_once = False
    """Another attempt needs no pause: it will be another model's."""

    def __init__(
        self,
        message: str,
        *,
        status: int | None = None,
        retry_after: float | None = None,
        retryable: bool | None = None,
    ) -> None:
        super().__init__(message)
        self.message = message
        self.status = status
        self.retry_after = retry_after
        if retryable is not None:
            self.retryable = retryable


class ConnectFailed(ModelError):
    """No connection, or it was closed before a reply began: the model has not answered."""

    code = "connect"
    retryable = True


class AddressForbidden(ModelError):
    """The provider's address is one that providers may not have here."""

    code = "address_refused"


class ModelUnknown(ModelError):
    """The model that a component names is not there, or is switched off."""

    code = "model_unknown"


class ModelTimeout(ModelError):
    """One of the four limits (connect, first byte, between bytes, total) was passed."""

    code = "timeout"
    retryable = True


class RateLimited(ModelError):
    code = "rate_limited"
    retryable = True


class ServerFailed(ModelError):
    code = "server"
    retryable = True


class BadRequest(ModelError):
    code = "bad_request"


class AuthFailed(ModelError):
    code = "auth"


class StreamCut(ModelError):
    """The connection was lost, or ended, before the reply was finished."""

    code = "cut"
    retryable = True


class Garbage(ModelError):
    """The endpoint answered with something that is not the protocol."""

    code = "garbage"
    retryable = True


class TooLarge(ModelError):
    """A line or the whole reply was beyond its limit; the rest was not read."""

    code = "too_large"


def another_may_help(error: ModelError) -> bool:
    """Whether another model is worth asking after this: what failed is the way to this one.

    A refused request (400, 413, 422: too long, a parameter, its content) is about what was asked,
    and the next model would be asked the same.
    """
    if isinstance(error, TooLarge):
        return False
    if isinstance(error, BadRequest):
        return error.status is not None and (error.status in (404, 405) or error.status < 400)
    return True


def retry_after_seconds(value: str | None, now: dt.datetime | None = None) -> float | None:
    """The `Retry-After` header as seconds from now: it holds seconds or an HTTP date.

    Returns None for a missing or unreadable value, and never more than an hour: a run that would
    wait longer had better fail.
    """
    if not value:
        return None
    try:
        seconds = float(value)
    except ValueError:
        try:
            moment = parsedate_to_datetime(value)
        except ValueError:
            return None
        if moment.tzinfo is None:
            moment = moment.replace(tzinfo=dt.UTC)
        seconds = (moment - (now or dt.datetime.now(dt.UTC))).total_seconds()
    if seconds != seconds:  # NaN passes float()
        return None
    return min(max(seconds, 0.0), _LONGEST_RETRY_AFTER)


def detail_of(payload: Any, secret: str = "") -> tuple[str, str]:
    """`(message, code)` as the provider states them in an error body, cleaned and cut.

    The key is taken out even when a provider echoes it.
    """
    error = payload.get("error", payload) if isinstance(payload, dict) else payload
    if isinstance(error, dict):
        message = error.get("message") or error.get("detail") or ""
        code = error.get("code") or error.get("type") or ""
    else:
        message, code = error, ""
    text = message if isinstance(message, str) else ""
    if secret:
        text = text.replace(secret, "[key]")
    text = re.sub(r"\bsk-[\w*.-]{3,}", "[key]", text)
    text = re.sub(r"[\x00-\x1f\x7f]+", " ", text).strip()
    if len(text) > _LONGEST_DETAIL:
        text = text[:_LONGEST_DETAIL].rstrip() + "…"
    return text, str(code)


def from_status(
    status: int, payload: Any = None, *, retry_after: str | None = None, secret: str = ""
) -> ModelError:
    """The exception for an HTTP status, or for an error object inside a stream that names one."""
    detail, code = detail_of(payload, secret)
    wait = retry_after_seconds(retry_after)
    if status in (401, 403):
        # The provider's text is left out on purpose: it often repeats part of the key.
        return AuthFailed("The model endpoint refused the API key.", status=status)
    if status == 429:
        if code == "insufficient_quota":
            return RateLimited(
                "The model account's quota is used up.", status=status, retryable=False
            )
        return RateLimited(
            "The model endpoint is limiting the rate.", status=status, retry_after=wait
        )
    if status == 408:
        return ModelTimeout("The model endpoint timed out.", status=status, retry_after=wait)
    if status == 413:
        return TooLarge("The request is too large for the model endpoint.", status=status)
    if status >= 500:
        return ServerFailed(
            f"The model endpoint failed with status {status}.", status=status, retry_after=wait
        )
    if 300 <= status < 400:
        return BadRequest("The model endpoint redirects: its address is wrong.", status=status)
    said = f": {detail}" if detail else "."
    return BadRequest(f"The model endpoint refused the request ({status}){said}", status=status)


def from_payload(payload: Any, *, secret: str = "") -> ModelError:
    """The exception for an error object sent inside a stream that had begun with status 200."""
    error = payload.get("error", payload) if isinstance(payload, dict) else payload
    named = error.get("code") if isinstance(error, dict) else None
    status = int(str(named)) if re.fullmatch(r"[45]\d\d", str(named)) else None
    detail, code = detail_of(payload, secret)
    kind = str(error.get("type") or "") if isinstance(error, dict) else ""
    if status is None:
        if "rate_limit" in code or "rate_limit" in kind or code == "insufficient_quota":
            status = 429
        elif "invalid_request" in kind or "context_length" in code:
            status = 400
        elif "auth" in kind or "api_key" in code:
            status = 401
    if status is not None:
        return from_status(status, payload, secret=secret)
    said = f": {detail}" if detail else "."
    return ServerFailed(f"The model endpoint reported an error{said}")
