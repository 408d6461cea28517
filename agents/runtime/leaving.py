"""Runs that are to leave this process at their next step boundary."""

from __future__ import annotations

from collections.abc import Iterable
from uuid import UUID

_leaving: set[UUID] = set()


def ask(runs: Iterable[UUID]) -> None:
    """Let each of these runs go before it begins another step."""
    _leaving.update(runs)


def forget(run_id: UUID) -> None:
    _leaving.discard(run_id)


def asked(run_id: UUID) -> bool:
    """Whether the run is to begin no step here. The journal asks, and raises HandedOver."""
    return run_id in _leaving
