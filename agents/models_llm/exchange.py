"""One POST to a model endpoint and its reply: limits, time-outs, and failures as typed errors."""

from __future__ import annotations

import asyncio
import contextlib
from dataclasses import dataclass

import aiohttp
import orjson
from multidict import CIMultiDict
from yarl import URL

from agents.models_llm.addresses import AddressRefused
from agents.models_llm.errors import (
    AddressForbidden,
    BadRequest,
    ConnectFailed,
    Garbage,
    ModelError,
    ModelTimeout,
    StreamCut,
    TooLarge,
    from_status,
)

_LONGEST_ERROR_BODY = 65_536


@dataclass(frozen=True, slots=True)
class Limits:
    """Seconds, and bytes for `reply`."""

    connect: float
    first_byte: float
    read: float
    total: float
    reply: int
    gather: float = 0.02


class Exchange:
    """Use: `await open()`, then `read()` until it gives b"", and `close()` in a finally.

    `close` returns the connection for reuse when the reply was read to its end, and otherwise
    closes it at once: that is how a cancelled run stops the endpoint from generating.
    Errors are raised `from None`: aiohttp's own carry the request's headers, the key among them.
    """

    __slots__ = (
        "_began",
        "_came",
        "_deadline",
        "_limits",
        "_loop",
        "_received",
        "_response",
        "_secret",
        "_session",
        "_url",
        "_waiting",
        "_watch",
    )

    def __init__(
        self, session: aiohttp.ClientSession, url: URL, limits: Limits, secret: str = ""
    ) -> None:
        self._session = session
        self._url = url
        self._limits = limits
        self._secret = secret
        self._loop = asyncio.get_running_loop()
        self._deadline = self._loop.time() + limits.total
        self._response: aiohttp.ClientResponse | None = None
        self._received = 0
        self._began = 0.0
        self._came = 0.0
        self._waiting: float | None = None
        self._watch: asyncio.TimerHandle | None = None

    async def open(self, body: bytes, headers: CIMultiDict[str]) -> None:
        """Sends the request and waits for a reply with status 200."""
        limits = self._limits
        self._began = self._loop.time()
        patience = aiohttp.ClientTimeout(total=None, sock_connect=limits.connect)
        try:
            async with asyncio.timeout_at(min(self._deadline, self._began + limits.first_byte)):
                self._response = await self._session.post(
                    self._url, data=body, headers=headers, timeout=patience, allow_redirects=False
                )
        except aiohttp.ConnectionTimeoutError:
            raise ModelTimeout(
                f"Connecting to the model endpoint took longer than {limits.connect:g} s."
            ) from None
        except TimeoutError:
            raise self._too_slow(first=True) from None
        except aiohttp.ClientConnectorCertificateError:
            raise ConnectFailed(
                "The model endpoint's certificate can't be verified.", retryable=False
            ) from None
        except aiohttp.ClientConnectorSSLError:
            raise ConnectFailed(
                "The model endpoint does not speak TLS as it should: is its address http?",
                retryable=False,
            ) from None
        except aiohttp.ClientConnectorDNSError:
            raise ConnectFailed("The model endpoint's host name has no address.") from None
        except aiohttp.ClientConnectorError as error:
            if isinstance(error.os_error, AddressRefused):
                raise AddressForbidden(str(error.os_error.strerror)) from None
            reason = error.strerror or "no connection"
            raise ConnectFailed(f"The model endpoint can't be reached ({reason}).") from None
        except aiohttp.ClientResponseError:
            raise Garbage("The model endpoint does not speak HTTP.") from None
        except (aiohttp.ClientConnectionError, ConnectionError):
            raise ConnectFailed(
                "The model endpoint closed the connection before it replied."
            ) from None
        except (aiohttp.ClientError, ValueError):
            raise BadRequest("The request to the model endpoint can't be sent.") from None
        if self._response.status != 200:
            raise await self._refusal(self._response)

    @property
    def content_type(self) -> str:
        return self._response.content_type if self._response is not None else ""

    async def read(self) -> bytes:
        """The next bytes as they come, b"" at the end of the reply."""
        response = self._response
        assert response is not None
        if self._watch is None:
            self._watch = self._loop.call_at(self._expiry(self._began), self._look)
        if self._came:
            await self._gather(response)
        self._waiting = self._loop.time()
        try:
            data = await response.content.readany()
        except TimeoutError:
            raise self._too_slow(first=not self._received) from None
        except (aiohttp.ClientError, ConnectionError):
            raise StreamCut("The connection was lost in the middle of the reply.") from None
        finally:
            self._waiting = None
        began, self._received = self._received == 0, self._received + len(data)
        if began:  # from here on the shorter limit between bytes counts
            self._watch.cancel()
            self._watch = self._loop.call_at(self._expiry(self._loop.time()), self._look)
        self._came = self._loop.time()
        if self._received > self._limits.reply:
            raise TooLarge(f"The model's reply is longer than {self._limits.reply:,} bytes.")
        return data

    async def _gather(self, response: aiohttp.ClientResponse) -> None:
        """Let tokens that follow closely come together: the socket isn't looked at for a moment.

        Each look costs a wake-up of the loop, a read and a parse, whether for one token or five.
        """
        pause = self._came + self._limits.gather - self._loop.time()
        connection = response.connection
        transport = connection.transport if connection is not None else None
        if pause <= 0 or transport is None or transport.is_closing():
            return
        # Not aiohttp's own pause: that would stop and restart its parser as well.
        with contextlib.suppress(RuntimeError):
            transport.pause_reading()
        try:
            await asyncio.sleep(pause)
        finally:
            with contextlib.suppress(RuntimeError):  # closed meanwhile
                transport.resume_reading()

    def _expiry(self, since: float) -> float:
        """The loop time at which waiting since then becomes too long."""
        if self._received:
            return min(self._deadline, since + self._limits.read)
        return min(self._deadline, self._began + self._limits.first_byte)

    def _look(self) -> None:
        """One timer that looks now and then, instead of one made and cancelled at every read:
        per token that was as dear as parsing it. Time the caller spends between two reads is
        its own and doesn't count.
        """
        now = self._loop.time()
        if self._waiting is not None and now >= self._expiry(self._waiting):
            if self._response is not None:
                self._response.content.set_exception(TimeoutError())
            return
        again = self._expiry(now if self._waiting is None else self._waiting)
        # Past its deadline but not waiting: the next read is looked at soon after it begins.
        self._watch = self._loop.call_at(max(again, now + 0.05), self._look)

    async def read_all(self) -> bytes:
        pieces = []
        while piece := await self.read():
            pieces.append(piece)
        return b"".join(pieces)

    async def drain(self, seconds: float = 0.1) -> None:
        """Waits for the end of a reply whose content is complete, to keep its connection."""
        response = self._response
        if response is None or response.content.at_eof():
            return
        try:
            async with asyncio.timeout(seconds):
                while await response.content.readany():
                    pass
        except (TimeoutError, aiohttp.ClientError, ConnectionError):
            return  # close() drops the connection; the reply itself is whole

    def close(self) -> None:
        if self._watch is not None:
            self._watch.cancel()
        response = self._response
        if response is None:
            return
        if response.content.at_eof():
            response.release()
        else:
            response.close()

    def _too_slow(self, *, first: bool) -> ModelTimeout:
        limits = self._limits
        if self._loop.time() >= self._deadline:
            return ModelTimeout(f"The model's reply took longer than {limits.total:g} s.")
        if first:
            return ModelTimeout(f"The model did not begin to reply in {limits.first_byte:g} s.")
        return ModelTimeout(f"The model's reply paused for more than {limits.read:g} s.")

    async def _refusal(self, response: aiohttp.ClientResponse) -> ModelError:
        """The typed error of a status; its body is read as far as it is quick and small."""
        payload: object = None
        body = b""
        try:
            while len(body) < _LONGEST_ERROR_BODY and (piece := await self.read()):
                body += piece
            payload = orjson.loads(body)
        except (ModelError, orjson.JSONDecodeError):
            # A proxy's HTML page says nothing a run's owner could use; the status does.
            payload = None
        return from_status(
            response.status,
            payload,
            retry_after=response.headers.get("Retry-After"),
            secret=self._secret,
        )
