"""Two ways through Django: lean and async for the API, one hop on a thread for pages.

Django's own ASGI handler takes a thread for every request, and every synchronous middleware or
signal receiver pins it while a stream lasts. The API's path has neither; pages are ordinary
synchronous Django, run whole on one of a few long-lived threads that keep their connection.
"""

from __future__ import annotations

import asyncio
import io
import logging
from collections.abc import Coroutine, Iterator
from typing import Any

from django.conf import settings
from django.core.exceptions import RequestAborted
from django.core.handlers.asgi import ASGIHandler, get_script_prefix
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.urls import set_script_prefix, set_urlconf

from config.api_errors import as_problem, problem_response
from config.errors import PROBLEM_JSON, Problem, TooLarge, problem_for
from config.event_stream import EventStream
from config.observed import TellsRoute
from config.security import DOCS_POLICY
from tenants.hop import web_hop

log = logging.getLogger(__name__)


class ApiHandler(TellsRoute, ASGIHandler):
    """No middleware, no signals, no thread: authority and errors are the API's own."""

    def load_middleware(self, is_async: bool = False) -> None:
        self._view_middleware: list[Any] = []
        self._template_response_middleware: list[Any] = []
        self._exception_middleware: list[Any] = []
        self._middleware_chain = self._get_response_async

    def resolve_request(self, request: HttpRequest) -> Any:
        match = super().resolve_request(request)
        match.tried = []  # for a debug page that the API doesn't have; 3 kB for as long as a stream
        return match

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        try:
            body = await _read_body(receive, settings.API_MAX_BODY)
        except RequestAborted:
            return
        except Problem as problem:
            await self.send_response(problem_response(problem), send)
            return
        serving = self._serve(scope, body, send)
        del body
        await _until_disconnect(receive, serving)

    async def _serve(self, scope: Any, body: io.BytesIO, send: Any) -> None:
        answer = await self._answer(scope, body)
        del body  # neither it nor the request is kept for as long as a stream lasts
        if isinstance(answer, EventStream):
            await answer.serve(send)
        else:
            await self.send_response(answer, send)

    async def _answer(self, scope: Any, body: io.BytesIO) -> HttpResponseBase:
        set_script_prefix(get_script_prefix(scope))
        set_urlconf(settings.ROOT_URLCONF)
        request, refused = self.create_request(scope, body)
        if request is None:
            return as_api_response(refused)
        try:
            response = await self._get_response_async(request)
        except Exception as error:
            response = problem_response(as_problem(error))
        answer = as_api_response(response)
        answer.headers.setdefault("X-Content-Type-Options", "nosniff")
        if answer.headers.get("Content-Type", "").startswith("text/html"):
            answer.headers.setdefault("Content-Security-Policy", DOCS_POLICY)
        return answer


def as_api_response(response: HttpResponseBase) -> HttpResponseBase:
    """Errors that come as a bare response (405, say) become problem+json like all others."""
    if response.status_code < 400 or response["Content-Type"].startswith(PROBLEM_JSON):
        return response
    detail = ""
    if response.status_code == 405:
        detail = f"This address takes {response.headers.get('Allow', 'another method')}."
    problem = problem_response(problem_for(response.status_code, detail))
    if response.has_header("Allow"):
        problem["Allow"] = response["Allow"]
    return problem


async def _read_body(receive: Any, limit: int) -> io.BytesIO:
    """The whole body, refused as soon as it is larger than `limit` bytes."""
    body = io.BytesIO()
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise RequestAborted
        body.write(message.get("body", b""))
        if body.tell() > limit:
            raise TooLarge(
                f"The body is larger than the {limit:,} bytes allowed here.", limit_bytes=limit
            )
        if not message.get("more_body", False):
            body.seek(0)
            return body


async def _until_disconnect(receive: Any, work: Coroutine[Any, Any, None]) -> None:
    """Serve until done or the client leaves; then what was being served is cancelled."""
    serving = asyncio.current_task()
    assert serving is not None  # servers run each request in a task of its own
    left = False

    async def listen() -> None:
        nonlocal left
        try:
            while (await receive())["type"] != "http.disconnect":
                pass
        except Exception as error:  # a server that can't say any more has lost its client
            log.debug("no more from the client: %s", type(error).__name__)
        left = True
        serving.cancel()

    listening = asyncio.ensure_future(listen())
    try:
        await work
    except asyncio.CancelledError:
        if not left or serving.uncancel() > 0:
            raise
    finally:
        listening.cancel()


class PageHandler(TellsRoute, ASGIHandler):
    """Web app and admin: the whole synchronous request in one hop."""

    def load_middleware(self, is_async: bool = False) -> None:
        super().load_middleware(is_async=False)

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        try:
            body = await self.read_body(receive)
        except RequestAborted:
            return
        with body:
            request, refused = self.create_request(scope, body)
            if request is None:
                await self.send_response(refused, send)
                return
            request.tenant = scope["tenant"]
            response = await web_hop(self._page, request, get_script_prefix(scope))
            await self.send_response(response, send)

    def _page(self, request: HttpRequest, prefix: str) -> HttpResponseBase:
        set_script_prefix(prefix)
        response = self.get_response(request)
        if response.streaming and not response.is_async:
            response = _whole(response)
        response.close()
        return response


def _whole(response: Any) -> HttpResponse:
    """A synchronous stream (a static file) read in the hop, where blocking is allowed."""
    content: Iterator[bytes] = response.streaming_content
    whole = HttpResponse(b"".join(content), status=response.status_code, headers=response.headers)
    whole.cookies = response.cookies
    response.close()
    return whole
