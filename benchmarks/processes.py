"""Server processes: started, ready, measured from /proc, stopped."""

from __future__ import annotations

import http.client
import os
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
TICKS = os.sysconf("SC_CLK_TCK")
PAGE = os.sysconf("SC_PAGE_SIZE")


class Failed(RuntimeError):
    """A server did not start or broke down; the text ends with what it said."""


class Process:
    """One server process. Its output goes to a file that `Failed` quotes."""

    def __init__(self, command: list[str], env: dict[str, str], port: int) -> None:
        self.port = port
        self.log = tempfile.NamedTemporaryFile(prefix="bench-", suffix=".log")  # noqa: SIM115
        self.popen = subprocess.Popen(
            command, cwd=ROOT, env=env, stdout=self.log, stderr=self.log, start_new_session=True
        )

    @property
    def pid(self) -> int:
        return self.popen.pid

    def said(self, characters: int = 3000) -> str:
        return Path(self.log.name).read_text(errors="replace")[-characters:]

    def wait_ready(self, path: str, seconds: float = 90) -> None:
        """Until `path` answers with less than 500. Raises Failed."""
        end = time.monotonic() + seconds
        while time.monotonic() < end and self.popen.poll() is None:
            connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=10)
            try:
                connection.request("GET", path)
                if connection.getresponse().status < 500:
                    return
            except (OSError, http.client.HTTPException):
                time.sleep(0.1)
            finally:
                connection.close()
        raise Failed(f"{' '.join(self.popen.args[:4])} did not start:\n{self.said()}")  # type: ignore[index]

    def stop(self) -> None:
        """SIGTERM, then after 15 seconds SIGKILL to its process group."""
        self.popen.terminate()
        try:
            self.popen.wait(15)
        except subprocess.TimeoutExpired:
            os.killpg(self.pid, signal.SIGKILL)
            self.popen.wait()
        self.log.close()


@contextmanager
def started(command: list[str], env: dict[str, str], port: int, ready: str) -> Iterator[Process]:
    """The process runs, and answered at `ready`, for the length of the block."""
    process = Process(command, env, port)
    try:
        process.wait_ready(ready)
        yield process
    finally:
        process.stop()


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _stat(pid: int) -> list[str]:
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()


def children(pid: int) -> list[int]:
    """The process's descendants, whatever their depth."""
    found: list[int] = []
    for task in Path(f"/proc/{pid}/task").glob("*/children"):
        try:
            direct = [int(child) for child in task.read_text().split()]
        except OSError:
            continue
        for child in direct:
            found += [child, *children(child)]
    return found


def cpu_seconds(pid: int) -> float:
    """User and system time so far of the process and its descendants, ended ones included."""
    total = 0
    for each in (pid, *children(pid)):
        try:
            fields = _stat(each)
        except OSError:
            continue
        total += sum(int(value) for value in fields[11:15])
    return total / TICKS


def rss_bytes(pid: int) -> int:
    """Resident memory of the process and its descendants."""
    total = 0
    for each in (pid, *children(pid)):
        try:
            total += int(Path(f"/proc/{each}/statm").read_text().split()[1]) * PAGE
        except OSError:
            continue
    return total


def threads(pid: int) -> int:
    return sum(int(_stat(each)[17]) for each in (pid, *children(pid)))
