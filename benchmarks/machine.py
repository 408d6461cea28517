"""Where and with what the figures were made."""

from __future__ import annotations

import os
import platform
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path

from benchmarks.processes import ROOT, TICKS

_OURS = ("Django", "django-ninja", "channels", "daphne", "uvicorn", "psycopg", "aiohttp")
_THEIRS = ("agno", "fastapi", "uvicorn", "uvloop", "openai", "psycopg", "SQLAlchemy")


def machine() -> str:
    """Processor, cores, memory, kernel and Python, in a line."""
    model = "unknown processor"
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            model = line.partition(":")[2].strip()
            break
    memory = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") / 1024**3
    return (
        f"{model}, {os.cpu_count()} cores, {memory:.0f} GB, {platform.system()} "
        f"{platform.release()}, Python {platform.python_version()}"
    )


def versions(peer: Path | None) -> list[str]:
    """Two lines: our packages, and the peer's when its Python is given."""
    lines = ["Concord: " + ", ".join(f"{name} {version(name)}" for name in _OURS)]
    if peer is not None:
        script = (
            "import sys, importlib.metadata as m\nfor n in sys.argv[1:]: print(n, m.version(n))"
        )
        told = subprocess.run(
            [str(peer), "-c", script, *_THEIRS], capture_output=True, text=True, check=True
        )
        lines.append("AgentOS: " + ", ".join(told.stdout.splitlines()))
    return lines


def revision() -> str:
    """The commit that was measured, with a plus when files differ from it; empty without git."""
    git = ["git", "-C", str(ROOT)]
    try:
        head = subprocess.run(
            [*git, "rev-parse", "--short", "HEAD"], capture_output=True, text=True, check=True
        )
        changed = subprocess.run(
            [*git, "status", "--porcelain", "-uno"], capture_output=True, text=True, check=True
        )
    except (OSError, subprocess.CalledProcessError):
        return ""
    return head.stdout.strip() + ("+" if changed.stdout.strip() else "")


class Others:
    """How much of the machine went to processes that are none of the benchmark's."""

    def __init__(self) -> None:
        self.before = _busy()

    def percent(self, own_seconds: float) -> float:
        """Of all cores, since construction; `own_seconds` is the benchmark's own CPU."""
        busy, total = (now - then for now, then in zip(_busy(), self.before, strict=True))
        return max(0.0, busy - own_seconds) / total * 100 if total else 0.0


def _busy() -> tuple[float, float]:
    """Seconds in which cores worked, and seconds of all cores, since the machine started."""
    fields = [int(value) for value in Path("/proc/stat").read_text().split("\n", 1)[0].split()[1:9]]
    total = sum(fields) / TICKS
    return total - (fields[3] + fields[4]) / TICKS, total


assert sys.platform == "linux", "the benchmarks read /proc"
