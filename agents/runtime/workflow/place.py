"""Where a node stands: its scope's key and roots, and what it is given when it runs."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from agents.runtime.guarding import RunGuard
from agents.runtime.state import StepState
from agents.workflows.spec import BaseNode

if TYPE_CHECKING:
    from agents.runtime.workflow.flow import Flow

_LONGEST_KEY = 150  # attempts and verdicts have keys that begin with a node's


@dataclass(frozen=True)
class Place:
    """Of a scope: what its keys begin with (`each[3]/`), what sources may name beside nodes, and
    who has to have room for one of its nodes, the innermost first: `at_once` run at most.
    """

    roots: Mapping[str, Any]
    rooms: tuple[asyncio.Semaphore, ...]
    at_once: int
    prefix: str = ""
    tainted: bool = False

    def key(self, node: str) -> str:
        """The key of a node's step, at most 150 characters."""
        key = self.prefix + node
        if len(key) <= _LONGEST_KEY:
            return key
        return f"{key[:110]}~{hashlib.sha256(key.encode()).hexdigest()[:24]}"


@dataclass
class At:
    """A node that runs: its step, what it takes, and whether somebody takes from it (`read`).

    `over`: of a map, its list.
    """

    flow: Flow
    node: Any
    key: str
    place: Place
    step: StepState
    args: dict[str, Any] = field(default_factory=dict)
    over: Any = None
    tainted: bool = False
    read: bool = True

    @property
    def roots(self) -> dict[str, Any]:
        """What expressions see."""
        return {"args": self.args, "input": self.place.roots["input"]}

    @property
    def name(self) -> str:
        return str(self.node.title or self.node.id)

    def guard(self) -> RunGuard:
        """The guardrails of this node: what it takes decides whether it is tainted."""
        guard = RunGuard(self.flow.journal, self.flow.plan)
        guard.tainted = self.tainted
        return guard

    def room(self) -> Room:
        """A place among those that run at once."""
        return Room(self.place.rooms)


class Room:
    """A place in each of several rooms. The innermost is asked first, so that who waits for the
    outer one can't be waited for.
    """

    __slots__ = ("_held", "_rooms")

    def __init__(self, rooms: tuple[asyncio.Semaphore, ...]) -> None:
        self._rooms = rooms
        self._held = 0

    async def __aenter__(self) -> None:
        try:
            for room in self._rooms:
                await room.acquire()
                self._held += 1
        except BaseException:
            self._leave()
            raise

    async def __aexit__(self, *raised: object) -> None:
        self._leave()

    def _leave(self) -> None:
        for room in self._rooms[: self._held]:
            room.release()
        self._held = 0


def title_of(node: BaseNode) -> str:
    return node.title or node.id
