"""The parent of web server and task cluster: ends them, restarts them, gives up in time."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

import pytest

from tests.config.waiting import alive, until

CHECKOUT = Path(__file__).resolve().parents[2]

# Runs a Supervisor over the programs given as JSON; prints what came of it.
DRIVER = """
import asyncio, json, os, sys
from config.supervisor import GaveUp, Patience, Program, Supervisor

async def main():
    given = json.loads(sys.argv[1])
    supervisor = Supervisor(
        [Program(name, [sys.executable, "-u", "-c", code], late=name == "late")
         for name, code in given["programs"]],
        environment=os.environ, patience=Patience(**given["patience"]))
    async def opening():
        supervisor.say("open")
        if given.get("opening") == "fails":
            raise ValueError("not ready")
        if given.get("opening") == "never ends":
            await asyncio.Event().wait()
        supervisor.say("opened")
    try:
        await supervisor.run(opening)
    except (GaveUp, ValueError) as error:
        supervisor.say(f"ended by {type(error).__name__}: {error}")
        return 1
    supervisor.say("stopped")
    return 0

sys.exit(asyncio.run(main()))
"""

WAITS = "import os, time; print('pid', os.getpid()); time.sleep(300)"
STUBBORN = (
    "import os, signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN);"
    "print('pid', os.getpid()); time.sleep(300)"
)
# Its child is in the same session, as the task cluster's workers are.
PARENT = (
    "import os, subprocess, time; child = subprocess.Popen(['sleep', '300']);"
    "print('pid', child.pid); print('own', os.getpid()); time.sleep(300)"
)
SLEEPY = "print('trying'); print('no database here'); raise SystemExit(3)"


@contextmanager
def _supervised(
    *programs: tuple[str, str], opening: str = "", **patience: float
) -> Iterator[subprocess.Popen[str]]:
    given = {"programs": programs, "patience": patience, "opening": opening}
    with subprocess.Popen(
        [sys.executable, "-c", DRIVER, json.dumps(given)],
        cwd=CHECKOUT,
        stdout=subprocess.PIPE,
        text=True,
    ) as parent:
        try:
            yield parent
        finally:
            if parent.poll() is None:
                parent.kill()


def _said(stream: IO[str] | None, *starts: str) -> dict[str, str]:
    """Read lines until each of these beginnings has come; beginning -> rest of its line."""
    assert stream is not None
    found: dict[str, str] = {}
    while len(found) < len(starts):
        line = stream.readline()
        assert line, f"ended after {found}"
        for start in starts:
            if line.startswith(start):
                found[start] = line[len(start) :].strip()
    return found


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_a_signal_to_the_parent_ends_all_and_exits_0(number: signal.Signals) -> None:
    with _supervised(("web", WAITS), ("cluster", WAITS)) as parent:
        said = _said(parent.stdout, "web     | pid", "cluster | pid")
        parent.send_signal(number)
        _said(parent.stdout, "stopped")
        assert parent.wait(60) == 0
    assert not any(alive(int(pid)) for pid in said.values())


def test_children_run_in_sessions_of_their_own() -> None:
    with _supervised(("web", WAITS)) as parent:
        pid = int(_said(parent.stdout, "web | pid")["web | pid"])
        assert os.getsid(pid) == pid != os.getsid(parent.pid)
        parent.terminate()


def test_a_child_that_ignores_sigterm_is_killed_when_patience_ends() -> None:
    with _supervised(("web", STUBBORN), stop=0.3) as parent:
        pid = int(_said(parent.stdout, "web | pid")["web | pid"])
        parent.terminate()
        assert parent.wait(60) == 0
    assert not alive(pid)


def test_a_second_signal_kills_at_once() -> None:
    with _supervised(("web", STUBBORN), stop=300) as parent:
        _said(parent.stdout, "web | pid")
        parent.send_signal(signal.SIGTERM)
        parent.send_signal(signal.SIGINT)
        assert parent.wait(60) == 0


def test_grandchildren_go_too() -> None:
    with _supervised(("cluster", PARENT)) as parent:
        said = _said(parent.stdout, "cluster | pid", "cluster | own")
        parent.terminate()
        assert parent.wait(60) == 0
    assert not any(alive(int(pid)) for pid in said.values())


def test_a_killed_parent_takes_its_children_along() -> None:
    with _supervised(("web", WAITS), ("cluster", WAITS)) as parent:
        said = _said(parent.stdout, "web     | pid", "cluster | pid")
        parent.kill()
        parent.wait()
        until(lambda: not any(alive(int(pid)) for pid in said.values()))


def test_a_child_that_dies_is_started_again() -> None:
    with _supervised(("web", WAITS), first_pause=0.01) as parent:
        first = int(_said(parent.stdout, "web | pid")["web | pid"])
        os.kill(first, signal.SIGKILL)
        said = _said(parent.stdout, "web was killed by SIGKILL", "web | pid")
        assert int(said["web | pid"]) != first
        parent.terminate()
        assert parent.wait(60) == 0


def test_a_child_that_cannot_start_ends_everything_with_its_last_words() -> None:
    with _supervised(("web", WAITS), ("cluster", SLEEPY), first_pause=0.01, deaths=3) as parent:
        web = int(_said(parent.stdout, "web     | pid")["web     | pid"])
        ended = _said(parent.stdout, "ended by GaveUp: cluster ended with code 3, 3 times in a row")
        assert ended
        _said(parent.stdout, "    trying", "    no database here")
        assert parent.wait(60) == 1
    assert not alive(web)


def test_an_opening_that_fails_ends_everything() -> None:
    with _supervised(("web", WAITS), opening="fails") as parent:
        _said(parent.stdout, "ended by ValueError: not ready")
        assert parent.wait(60) == 1


def test_a_late_program_starts_after_the_opening() -> None:
    with _supervised(("web", WAITS), ("late", WAITS)) as parent:
        assert parent.stdout is not None
        lines: list[str] = []
        while not (lines and lines[-1].startswith("late | pid")):
            lines.append(parent.stdout.readline())
            assert lines[-1], lines
        assert "opened\n" in lines
        parent.terminate()
        assert parent.wait(60) == 0


def test_an_opening_that_never_ends_does_not_hinder_the_end() -> None:
    with _supervised(("web", WAITS), ("late", WAITS), opening="never ends") as parent:
        _said(parent.stdout, "web  | pid")
        parent.terminate()
        _said(parent.stdout, "stopped")
        assert parent.wait(60) == 0


def test_a_line_without_an_end_is_passed_on_in_pieces() -> None:
    endless = "import sys, time; sys.stdout.write('x' * 200_000 + '\\nend\\n'); time.sleep(300)"
    with _supervised(("web", endless)) as parent:
        _said(parent.stdout, "web | end")
        parent.terminate()
        assert parent.wait(60) == 0
