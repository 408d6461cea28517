"""Under which system account the embedded Postgres runs, and how it gets to its files.

Postgres refuses to run as root. Started by root it therefore runs as another account, which must
reach the binaries in the virtual environment and the data folder. When one of them lies below a
folder that others may not enter (a checkout in a home folder), that folder is left as it is:
opening somebody's home to everyone is not ours to do. The server gets one capability instead,
CAP_DAC_READ_SEARCH, which lets it pass; the login of the application is no superuser, so it cannot
read files through the server.
"""

from __future__ import annotations

import os
import pwd
import shutil
import subprocess
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import IO, Any

# Made by `useradd --system` where root starts the database and no better account is at hand.
SYSTEM_ACCOUNT = "pgserver"
# Tried in this order: the first is enough, the second is what some containers have instead.
_PASSING = ("dac_read_search", "dac_override")
_SECONDS = 120


class EmbeddedError(RuntimeError):
    """The embedded database cannot do what was asked; the text says why and what to do."""


@dataclass(frozen=True, slots=True)
class Account:
    """A system account and the command prefix that becomes it; `switch` is False for our own."""

    uid: int
    gid: int
    name: str
    switch: bool
    prefix: tuple[str, ...] = ()

    def own(self, path: Path) -> None:
        """Make this account the owner of one file or folder (not of what is below it)."""
        if self.switch:
            os.chown(path, self.uid, self.gid, follow_symlinks=False)

    def run(
        self, argv: Sequence[str | Path], output: IO[bytes] | int | None = None
    ) -> subprocess.CompletedProcess[bytes]:
        """Run a command as this account, in `/` and with a bare environment.

        Both output streams go to `output` (a file, where a server may go on writing to it), or are
        captured together. The environment is bare because PG* variables of the caller would
        otherwise redirect the tools; the folder is `/` because the account may not enter ours.
        """
        become: dict[str, Any] = {"user": self.uid, "group": self.gid, "extra_groups": []}
        return subprocess.run(
            [*self.prefix, *map(str, argv)],
            cwd="/",
            env={"PATH": "/usr/local/bin:/usr/bin:/bin", "LC_ALL": "C", "TZ": "UTC"},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE if output is None else output,
            stderr=subprocess.STDOUT,
            timeout=_SECONDS,
            check=False,
            **(become if self.switch and not self.prefix else {}),
        )


def account_for(home: Path, binaries: Path, checkout: Path) -> Account:
    """The account to run as, able to reach `home` (made if missing) and `binaries`.

    Raises EmbeddedError when `home` belongs to somebody else or no account can get there.
    """
    account = _chosen(home, checkout)
    _make_home(home, account)
    for candidate in _ways(account):
        if _reaches(candidate, home, binaries):
            return candidate
    raise EmbeddedError(
        f"the embedded database runs as the account {account.name!r} (Postgres refuses to run as "
        f"root), and that account cannot get to {binaries} or {home}. Run as an ordinary user, "
        "move the checkout and DATA_DIR to folders that others may enter, or set DATABASE_URL to "
        "a Postgres server."
    )


def _chosen(home: Path, checkout: Path) -> Account:
    if os.geteuid() != 0:
        mine = os.geteuid()
        if home.exists() and home.stat().st_uid != mine:
            owner = _name(home.stat().st_uid)
            raise EmbeddedError(
                f"{home} belongs to {owner}: run as that user, or set DATA_DIR to a folder of "
                "your own."
            )
        return Account(mine, os.getegid(), _name(mine), switch=False)
    for path in (home, home.parent, checkout):
        # An account without a name will not do: initdb looks its own up.
        if path.exists() and path.stat().st_uid != 0 and _entry(path.stat().st_uid):
            return _switched(pwd.getpwuid(path.stat().st_uid))
    return _switched(_system_entry())


def _system_entry() -> pwd.struct_passwd:
    for attempt in (1, 2):
        try:
            return pwd.getpwnam(SYSTEM_ACCOUNT)
        except KeyError:
            useradd = shutil.which("useradd", path="/usr/sbin:/sbin:/usr/bin:/bin")
            if attempt == 1 and useradd:
                command = [useradd, "--system", "--no-create-home", "--shell", "/usr/sbin/nologin"]
                subprocess.run([*command, SYSTEM_ACCOUNT], capture_output=True, check=False)
    try:
        return pwd.getpwnam("nobody")
    except KeyError:
        raise EmbeddedError(
            "Postgres refuses to run as root, and there is no other account to run it as: make "
            f"one with `useradd --system {SYSTEM_ACCOUNT}`, or set DATABASE_URL."
        ) from None


def _switched(entry: pwd.struct_passwd) -> Account:
    return Account(entry.pw_uid, entry.pw_gid, entry.pw_name, switch=True)


def _make_home(home: Path, account: Account) -> None:
    try:
        # Others may pass through (the database's account has to) but not look around.
        home.parent.mkdir(parents=True, exist_ok=True, mode=0o711 if account.switch else 0o700)
        home.mkdir(exist_ok=True, mode=0o700)
    except OSError as error:
        raise EmbeddedError(
            f"cannot make {home}: {error.strerror}. Set DATA_DIR to a folder you may write to."
        ) from error
    if home.stat().st_uid != account.uid:
        account.own(home)


def _ways(account: Account) -> Iterator[Account]:
    yield account
    setpriv = shutil.which("setpriv", path="/usr/bin:/bin:/usr/sbin:/sbin")
    if not account.switch or setpriv is None:
        return
    for capability in _PASSING:
        yield replace(
            account,
            prefix=(
                setpriv,
                f"--reuid={account.uid}",
                f"--regid={account.gid}",
                "--clear-groups",
                f"--inh-caps=-all,+{capability}",
                f"--ambient-caps=-all,+{capability}",
                f"--bounding-set=-all,+{capability}",
                # Without it access(2), by which pg_ctl looks for its siblings, forgets the
                # capability of a process that is not root.
                "--securebits=+no_setuid_fixup",
                "--",
            ),
        )


def _reaches(account: Account, home: Path, binaries: Path) -> bool:
    """Ask the kernel, as that account, instead of guessing from modes, ACLs and mounts."""
    script = 'test -x "$1" && "$1" --version && cd "$2" && : > "$2/.reached" && rm "$2/.reached"'
    try:
        probe = account.run(["/bin/sh", "-c", script, "sh", binaries / "postgres", home])
    except (OSError, subprocess.SubprocessError):
        return False
    return probe.returncode == 0


def _entry(uid: int) -> pwd.struct_passwd | None:
    try:
        return pwd.getpwuid(uid)
    except KeyError:
        return None


def _name(uid: int) -> str:
    entry = _entry(uid)
    return entry.pw_name if entry else f"uid {uid}"
