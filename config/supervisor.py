"""A parent of long-lived processes: starts, watches, restarts and stops them.

It knows nothing of what they do: programs come as data. Each runs in a session of its own, so that
a Ctrl-C in the terminal reaches the parent alone, which then stops them in order.
"""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import time
from collections import deque
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO

_TETHERED = Path(__file__).with_name("tethered.py")
_LAST_LINES = 15


class GaveUp(RuntimeError):
    """A program died again and again right after its start."""


@dataclass(frozen=True, slots=True)
class Program:
    """One command line to keep running; `name` stands before each line it prints.

    `late` ones start once the opening is over: they must not slow down those that it waits for.
    """

    name: str
    argv: Sequence[str]
    late: bool = False


@dataclass(frozen=True, slots=True)
class Patience:
    """Seconds, and how many deaths in a row are too many."""

    stop: float = 15.0  # from SIGTERM to SIGKILL
    settled: float = 30.0  # who lived longer did not die at its start
    first_pause: float = 0.5  # before a restart; doubles with each death in a row
    longest_pause: float = 8.0
    deaths: int = 5


@dataclass(slots=True)
class _Child:
    program: Program
    process: subprocess.Popen[bytes]
    ended: asyncio.Task[int]
    last_lines: deque[str] = field(default_factory=lambda: deque(maxlen=_LAST_LINES))


class Supervisor:
    """Keeps programs running until it is told to stop, by `stop` or by a signal."""

    def __init__(
        self,
        programs: Sequence[Program],
        *,
        environment: Mapping[str, str],
        patience: Patience | None = None,
        output: BinaryIO | None = None,
    ) -> None:
        self._programs = programs
        self._environment = dict(environment)
        self._patience = patience or Patience()
        self._output = output or sys.stdout.buffer
        self._width = max(len(program.name) for program in programs)
        self._children: dict[str, _Child] = {}
        self._stopping = asyncio.Event()
        self._hurry = asyncio.Event()
        self._opened = asyncio.Event()

    async def run(self, opening: Callable[[], Awaitable[None]] | None = None) -> None:
        """Keep everything running until SIGINT, SIGTERM or SIGHUP; a second one kills.

        `opening` runs beside the programs once they are started. What it raises, and GaveUp, come
        out here after everything has been stopped.
        """
        loop = asyncio.get_running_loop()
        for number in stop_signals():
            loop.add_signal_handler(number, self.stop)
        stopping = asyncio.create_task(self._stopping.wait())
        keepers = [asyncio.create_task(self._keep(program)) for program in self._programs]
        waiting: set[asyncio.Task[object]] = {stopping, *keepers}
        waiting.add(asyncio.create_task(self._open(opening)))
        everything = list(waiting)
        try:
            while not self._stopping.is_set():
                done, waiting = await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
                for task in done:
                    task.result()
        finally:
            self._stopping.set()
            self._opened.set()  # who still waits for it sees that there is nothing to start
            await asyncio.gather(*(self._end(child) for child in self._children.values()))
            await asyncio.wait(keepers)
            for task in everything:
                task.cancel()
            await asyncio.gather(*everything, return_exceptions=True)

    def stop(self) -> None:
        """End `run`; called again while it ends, stop waiting for the programs and kill them."""
        if self._stopping.is_set():
            self._hurry.set()
        self._stopping.set()

    def say(self, text: str) -> None:
        """A line of the parent's own."""
        self._write(text.encode() + b"\n")

    async def _open(self, opening: Callable[[], Awaitable[None]] | None) -> None:
        if opening is not None:
            await opening()
        self._opened.set()

    async def _keep(self, program: Program) -> None:
        deaths = 0
        if program.late:
            await self._opened.wait()
        while not self._stopping.is_set():
            child, lived = await self._live(program)
            if self._stopping.is_set():
                return
            deaths = 1 if lived > self._patience.settled else deaths + 1
            how = _how_it_ended(child.process.returncode)
            if deaths >= self._patience.deaths:
                said = "\n".join(f"    {line}" for line in child.last_lines)
                raise GaveUp(
                    f"{program.name} {how}, {deaths} times in a row right after its start. "
                    f"It said last:\n{said}"
                )
            pause = self._patience.first_pause * 2 ** (deaths - 1)
            pause = min(pause, self._patience.longest_pause)
            self.say(f"{program.name} {how} after {lived:.1f} s; starting it again in {pause:g} s")
            with suppress(TimeoutError):
                await asyncio.wait_for(self._stopping.wait(), pause)

    async def _live(self, program: Program) -> tuple[_Child, float]:
        """One life of a program, from start to end; and how many seconds it lasted."""
        started = time.monotonic()
        process = self._start(program)
        ended = asyncio.create_task(asyncio.to_thread(process.wait))
        child = self._children[program.name] = _Child(program, process, ended)
        forwarding = asyncio.create_task(self._forward(child))
        await asyncio.shield(ended)
        # What it left running must not hold its place (or its port) against the next life.
        _signal_group(process.pid, signal.SIGKILL)
        await asyncio.wait([forwarding], timeout=1.0)
        forwarding.cancel()
        return child, time.monotonic() - started

    def _start(self, program: Program) -> subprocess.Popen[bytes]:
        # Not asyncio's subprocess: before Python 3.12 its wait() also waits for everybody who
        # holds the other end of the pipe, grandchildren included.
        tethered = [sys.executable, "-S", "-E", str(_TETHERED), str(os.getpid())]
        return subprocess.Popen(
            [*tethered, *program.argv],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            env=self._environment,
            start_new_session=True,
        )

    async def _forward(self, child: _Child) -> None:
        assert child.process.stdout is not None
        stream = asyncio.StreamReader()
        await asyncio.get_running_loop().connect_read_pipe(
            lambda: asyncio.StreamReaderProtocol(stream), child.process.stdout
        )
        prefix = f"{child.program.name:<{self._width}} | ".encode()
        rest = b""
        while chunk := await stream.read(65536):
            *lines, rest = (rest + chunk).split(b"\n")
            if len(rest) > 65536:  # a line without end must not grow here
                lines, rest = [*lines, rest], b""
            for line in lines:
                child.last_lines.append(line.decode(errors="replace"))
                self._write(prefix + line + b"\n")
        if rest:
            child.last_lines.append(rest.decode(errors="replace"))
            self._write(prefix + rest + b"\n")

    async def _end(self, child: _Child) -> None:
        if not child.ended.done():
            child.process.terminate()
            hurry = asyncio.create_task(self._hurry.wait())
            await asyncio.wait(
                [child.ended, hurry],
                timeout=self._patience.stop,
                return_when=asyncio.FIRST_COMPLETED,
            )
            hurry.cancel()
        _signal_group(child.process.pid, signal.SIGKILL)
        await child.ended

    def _write(self, data: bytes) -> None:
        # A closed terminal is no reason to leave the programs alone.
        with suppress(OSError, ValueError):
            self._output.write(data)
            self._output.flush()


def stop_signals() -> list[signal.Signals]:
    """The signals that mean "stop"; under nohup a hang-up is not one of them."""
    numbers = [signal.SIGINT, signal.SIGTERM, signal.SIGHUP]
    return [number for number in numbers if signal.getsignal(number) is not signal.SIG_IGN]


def _signal_group(leader: int, number: signal.Signals) -> None:
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(leader, number)


def _how_it_ended(code: int | None) -> str:
    if code is not None and code < 0:
        return f"was killed by {signal.Signals(-code).name}"
    return f"ended with code {code}"
