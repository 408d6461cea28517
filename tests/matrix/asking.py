"""Many requests over a few connections, and addresses in which nothing real is named."""

from __future__ import annotations

import re
import threading
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from http.client import HTTPConnection
from typing import Any, NamedTuple, TypeVar
from uuid import uuid4

import orjson

T = TypeVar("T")
_AT_ONCE = 4
# By converter: nothing has these.
_NOTHING = {"int": "2147483000", "uuid": "", "path": "0", "str": "0", "slug": "none"}
_ARGUMENT = re.compile(r"[<{](?:(\w+):)?\w+[>}]")


class Answer(NamedTuple):
    """`problem`: the body of a problem+json, else empty."""

    status: int
    location: str
    problem: dict[str, Any]
    text: str

    @property
    def code(self) -> str:
        return str(self.problem.get("type", "")).rpartition(":")[2]


class Asker:
    """Keeps one connection a thread, until `close`. An event stream is left once it has begun."""

    def __init__(self, port: int) -> None:
        self.port = port
        self._own = threading.local()
        self._all: list[HTTPConnection] = []

    def close(self) -> None:
        for connection in self._all:
            connection.close()

    def ask(
        self, method: str, path: str, headers: dict[str, str], body: bytes | None = None
    ) -> Answer:
        connection = getattr(self._own, "connection", None)
        if connection is None:
            connection = self._own.connection = HTTPConnection("127.0.0.1", self.port, timeout=60)
            self._all.append(connection)
        try:
            connection.request(method, path, body=body, headers=headers)
            response = connection.getresponse()
            kind = response.headers.get("Content-Type", "")
            if kind.startswith("text/event-stream"):
                connection.close()
                return Answer(response.status, "", {}, "")
            text = response.read()
        except BaseException:
            connection.close()
            raise
        problem = orjson.loads(text) if kind.startswith("application/problem+json") else {}
        location = response.headers.get("Location", "")
        return Answer(response.status, location, problem, text.decode(errors="replace"))


def each(work: Callable[[T], str | None], cells: Iterable[T]) -> list[str]:
    """What `work` has to object to in any of the cells, in their order."""
    with ThreadPoolExecutor(_AT_ONCE) as threads:
        return [said for said in threads.map(work, cells) if said]


def filled(route: str, given: str | None = None) -> str:
    """An address of the route. Arguments name nothing that is there, or `given`."""

    def value(match: re.Match[str]) -> str:
        if given is not None:
            return given
        kind = (match[1] or "str").lower()
        return _NOTHING.get(kind) or (str(uuid4()) if kind.startswith("uuid") else "none")

    return _ARGUMENT.sub(value, route)
