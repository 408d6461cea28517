"""Processes of a server whose parent died without a chance to stop them.

The parent puts a random mark into its children's environment and writes it into DATA_DIR. Whoever
carries the mark belongs to that server, grandchildren included and whatever their number is by now;
a number that was given to another process since cannot be mistaken. Standard library only: the
check before installation reads it too. Where there is no /proc (macOS), nothing is found.
"""

from __future__ import annotations

import fcntl
import json
import os
import secrets
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

MARK = "CONCORD_SERVER_MARK"
_PROC = Path("/proc")
_LISTEN = "0A"


class AlreadyRunning(RuntimeError):
    """Another live parent owns this data folder."""


@contextmanager
def owned(data_dir: Path) -> Iterator[str]:
    """This process is the one parent on `data_dir` for the block; gives the mark for its children.

    Ends what an earlier parent left, and what is still there at the end. Raises AlreadyRunning.
    """
    handle = os.open(data_dir / "server.lock", os.O_RDWR | os.O_CREAT, 0o644)
    try:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            holder = os.pread(handle, 32, 0).decode(errors="replace").strip() or "unknown"
            raise AlreadyRunning(f"a server already runs on {data_dir}: process {holder}") from None
        os.ftruncate(handle, 0)
        os.pwrite(handle, str(os.getpid()).encode(), 0)
        end_marked(data_dir)
        mark = secrets.token_hex(16)
        _record(data_dir).write_text(json.dumps({"mark": mark, "parent": os.getpid()}))
        try:
            yield mark
        finally:
            end_marked(data_dir)
            _record(data_dir).unlink(missing_ok=True)
    finally:
        os.close(handle)


def running_parent(data_dir: Path) -> str | None:
    """The process id of the live parent on `data_dir`, None when there is none."""
    try:
        handle = os.open(data_dir / "server.lock", os.O_RDONLY)
    except OSError:
        return None
    try:
        fcntl.flock(handle, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return os.pread(handle, 32, 0).decode(errors="replace").strip() or "unknown"
    finally:
        os.close(handle)
    return None


def marked(data_dir: Path) -> set[int]:
    """Processes that carry the recorded mark, other than this one."""
    try:
        mark = json.loads(_record(data_dir).read_text())["mark"]
    except (OSError, ValueError, KeyError, TypeError):
        return set()
    wanted = f"{MARK}={mark}".encode()
    found = set()
    for pid in _pids():
        with suppress(OSError):
            if pid != os.getpid() and wanted in (_PROC / str(pid) / "environ").read_bytes().split(
                b"\0"
            ):
                found.add(pid)
    return found


def end_marked(data_dir: Path) -> None:
    """End what `marked` finds, until it finds nothing: one look misses who is just in an exec."""
    for _ in range(5):
        if not (found := marked(data_dir)):
            return
        end_all(found)


def end_all(pids: set[int], seconds: float = 5.0) -> None:
    """SIGTERM, and SIGKILL for those still there after `seconds`."""
    for number in (signal.SIGTERM, signal.SIGKILL):
        for pid in pids:
            with suppress(OSError):
                os.kill(pid, number)
        deadline = time.monotonic() + seconds
        while pids and time.monotonic() < deadline:
            pids = {pid for pid in pids if _alive(pid)}
            time.sleep(0.02 if pids else 0)


def listeners(port: int) -> set[int]:
    """Processes with a socket listening on this TCP port, as far as we may see them."""
    sockets = set()
    for table in ("net/tcp", "net/tcp6"):
        with suppress(OSError):
            for line in (_PROC / table).read_text().splitlines()[1:]:
                fields = line.split()
                if fields[3] == _LISTEN and int(fields[1].rsplit(":", 1)[1], 16) == port:
                    sockets.add(f"socket:[{fields[9]}]")
    if not sockets:
        return set()
    return {pid for pid in _pids() if _open_files(pid) & sockets}


def command_line(pid: int) -> str:
    """What a process was started as, at most 120 characters; "?" when it is gone."""
    try:
        words = (_PROC / str(pid) / "cmdline").read_bytes().replace(b"\0", b" ")
    except OSError:
        return "?"
    return words.decode(errors="replace").strip()[:120] or "?"


def _record(data_dir: Path) -> Path:
    return data_dir / "server.json"


def _pids() -> list[int]:
    try:
        return [int(entry.name) for entry in _PROC.iterdir() if entry.name.isdigit()]
    except OSError:
        return []


def _open_files(pid: int) -> set[str]:
    found = set()
    with suppress(OSError):
        for entry in (_PROC / str(pid) / "fd").iterdir():
            with suppress(OSError):
                found.add(os.readlink(entry))
    return found


def _alive(pid: int) -> bool:
    """A zombie has ended: only its parent has not looked yet."""
    try:
        state = (_PROC / str(pid) / "stat").read_text().rsplit(")", 1)[1].split()[0]
    except OSError:
        return False
    return state not in ("Z", "X")
