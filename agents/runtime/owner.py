"""Who owns a run: a name per process that tells whether the process behind it still lives."""

from __future__ import annotations

import os
import secrets
import socket
from pathlib import Path


def _start_time(pid: int) -> str:
    """The kernel's start time of a process in clock ticks since boot, "" when it can't be told."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return ""
    return stat.rpartition(")")[2].split()[19]


def _boot() -> str:
    try:
        return Path("/proc/sys/kernel/random/boot_id").read_text().strip()[:8]
    except OSError:
        return "-"


def new_owner() -> str:
    """`host/boot/pid/start/nonce`, at most 120 characters."""
    pid = os.getpid()
    host = socket.gethostname().replace("/", "-")[:60]
    return f"{host}/{_boot()}/{pid}/{_start_time(pid)}/{secrets.token_hex(4)}"


def host_of(owner: str) -> str:
    """The machine in an owner's name."""
    return owner.partition("/")[0]


def is_dead(owner: str) -> bool:
    """Whether the owner is certainly gone: on this very machine, and its process is no more.

    False when it can't be known; then the lease decides.
    """
    parts = owner.split("/")
    if len(parts) != 5 or not parts[2].isdecimal():
        return False
    host, boot, pid, started, _ = parts
    if host != socket.gethostname().replace("/", "-")[:60] or boot != _boot() or boot == "-":
        return False
    now = _start_time(int(pid))
    return now != started if started else False
