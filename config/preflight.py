"""What a machine must offer before anything is installed or started, checked and said in words.

Run by make with whatever Python there is, before the virtual environment exists: the standard
library alone, and syntax that an old Python can still read far enough to be told that it is old.
Usage: python -m config.preflight install|run
"""

import os
import shutil
import socket
import sys
import tempfile
from pathlib import Path

PYTHON = (3, 11)
CHECKOUT = Path(__file__).resolve().parent.parent
INSTALL_MB = 1500  # packages, their unpacking, and the first database
RUN_MB = 300


class Unfit(Exception):
    """This machine cannot do it now; `mend` says what would help."""

    def __init__(self, problem: str, mend: str) -> None:
        super().__init__(problem)
        self.mend = mend


def check_python(version: "tuple[int, ...]" = sys.version_info[:3]) -> None:
    if version < PYTHON:
        raise Unfit(
            "Python {}.{} or newer is needed, this is {} ({})".format(
                PYTHON[0], PYTHON[1], ".".join(map(str, version)), sys.executable
            ),
            "install a newer one and name it: PYTHON=python3.12 make run",
        )


def check_venv() -> None:
    """Debian ships Python without what `python -m venv` needs."""
    try:
        import ensurepip  # noqa: F401 - only whether it is there
        import venv  # noqa: F401
    except ImportError as error:
        package = f"python{sys.version_info[0]}.{sys.version_info[1]}-venv"
        raise Unfit(
            f"this Python cannot make virtual environments (no module {error.name})",
            f"apt install python3-venv (or {package})",
        ) from None


def check_disk(folder: Path, megabytes: int) -> None:
    """Free space for the account that asks, at `folder` or the nearest parent that exists."""
    while not folder.exists():
        folder = folder.parent
    free = shutil.disk_usage(str(folder)).free // 1_000_000
    if free < megabytes:
        raise Unfit(
            f"{free} MB free at {folder}, {megabytes} MB are needed",
            "make room, set DATA_DIR to another disk, or lower MIN_FREE_MB if you know better",
        )


def check_data_dir(folder: Path) -> None:
    """It exists or can be made, and files can be made in it."""
    try:
        # Root lets others pass through: the embedded database runs under another account.
        folder.mkdir(parents=True, exist_ok=True, mode=0o711 if os.geteuid() == 0 else 0o700)
        with tempfile.TemporaryFile(dir=str(folder)):
            pass
    except OSError as error:
        raise Unfit(
            f"cannot write to the data folder {folder}: {error.strerror}",
            "set DATA_DIR to a folder of your own, such as DATA_DIR=~/concord-data make run",
        ) from None


def check_port(host: str, port: int, data_dir: Path) -> None:
    """Nobody else listens there. What a killed server of this data folder left may still do so."""
    from config import leftovers

    running = leftovers.running_parent(data_dir)
    if running:
        raise Unfit(
            f"a server already runs on {data_dir}: process {running}",
            "stop it first, or use another folder and port: DATA_DIR=.data2 PORT=8001 make run",
        )
    for address in _addresses(host):
        problem = _why_not(address, port)
        if problem is None:
            continue
        holders = leftovers.listeners(port)
        ours = leftovers.marked(data_dir)
        if any(pid in ours for pid in holders):
            continue  # `up` ends it
        by = ", ".join(f"process {pid}: {leftovers.command_line(pid)}" for pid in sorted(holders))
        raise Unfit(
            f"cannot listen on {address}:{port}: {problem}" + (f" ({by})" if by else ""),
            f"PORT={port + 1 if port < 65535 else 8001} make run",
        )


def _addresses(host: str) -> "list[str]":
    """On the default host also ::1, to which browsers resolve *.localhost where there is IPv6."""
    if host not in ("127.0.0.1", "localhost"):
        return [host.strip("[]")]
    return ["127.0.0.1", "::1"] if _why_not("::1", 0) is None else ["127.0.0.1"]


def _why_not(address: str, port: int) -> "str | None":
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    try:
        with socket.socket(family, socket.SOCK_STREAM) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind((address, port))
            probe.listen(1)
    except OSError as error:
        return (error.strerror or str(error)).lower()
    return None


def _number(name: str, default: int, least: int, most: int) -> int:
    raw = os.environ.get(name, "").strip() or str(default)
    if not raw.isdigit() or not least <= int(raw) <= most:
        raise Unfit(f"{name}={raw!r}", f"set {name} to a number from {least} to {most}")
    return int(raw)


def check(what: str) -> None:
    """Everything that `install` or `run` needs. Raises Unfit at the first thing missing."""
    check_python()
    installed = (CHECKOUT / ".venv" / "bin" / "python").exists()
    if not installed:
        check_venv()
    least = _number("MIN_FREE_MB", RUN_MB if installed else INSTALL_MB, 0, 10**9)
    check_disk(CHECKOUT, least)
    if what != "run":
        return
    data_dir = Path(os.environ.get("DATA_DIR", "").strip() or CHECKOUT / ".data").expanduser()
    check_data_dir(data_dir.absolute())
    check_disk(data_dir.absolute(), min(least, RUN_MB))
    host = os.environ.get("HOST", "").strip() or "127.0.0.1"
    check_port(host, _number("PORT", 8000, 1, 65535), data_dir.absolute())


def main() -> int:
    what = sys.argv[1] if len(sys.argv) > 1 else "run"
    try:
        check(what)
    except Unfit as unfit:
        doing = "start" if what == "run" else "install"
        print(f"concord: cannot {doing}: {unfit}\n  mend: {unfit.mend}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
