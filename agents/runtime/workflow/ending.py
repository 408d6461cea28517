"""Ending nodes that still run: because of another node, or because the whole run ends or is let go.

The two differ for a call that writes: when only its node isn't wanted any more it is awaited, for
else nobody would know whether it took effect.
"""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Coroutine
from typing import Any, TypeVar

T = TypeVar("T")
OTHERS = "not wanted any more"


async def end_nodes(tasks: Collection[asyncio.Task[Any]], error: BaseException | None) -> None:
    """Cancel these and await their end. `error`: what ended whoever waits for them."""
    why = error.args if isinstance(error, asyncio.CancelledError) else (OTHERS,)
    for task in tasks:
        task.cancel(*why[:1])
    if tasks:
        await asyncio.gather(*tasks, return_exceptions=True)


async def to_its_end(work: Coroutine[Any, Any, T]) -> T:
    """Await `work`, also when another node makes this one unwanted meanwhile."""
    task = asyncio.ensure_future(work)
    try:
        return await asyncio.shield(task)
    except asyncio.CancelledError as error:
        try:
            if error.args[:1] == (OTHERS,):
                await asyncio.wait({task})
        finally:
            await end_nodes([task] if not task.done() else [], error)
        raise
