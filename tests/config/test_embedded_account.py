"""Under which account the embedded Postgres runs, and that nobody's folders are opened for it."""

from __future__ import annotations

import os
import pwd
import shutil
import stat
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from config import embedded
from config.embedded_account import account_for

CHECKOUT = Path(__file__).resolve().parents[2]
as_root = pytest.mark.skipif(os.geteuid() != 0, reason="needs root, to become another account")

SERVE = """
import sys
from pathlib import Path
from config import embedded
import psycopg
with embedded.running(Path(sys.argv[1]), durable=False) as cluster:
    with psycopg.connect(embedded.url(Path(sys.argv[1]))) as connection:
        print(connection.execute("SELECT current_user").fetchone()[0], cluster.account.prefix)
"""


@pytest.fixture
def closed_home(tmp_path: Path) -> Iterator[Path]:
    """A folder that only its owner may enter, outside of the tests' own closed folders."""
    home = Path("/var/tmp") / f"concord-test-{os.getpid()}"
    home.mkdir(mode=0o700)
    yield home
    shutil.rmtree(home)


@as_root
def test_root_serves_from_below_a_closed_folder_and_leaves_it_closed(closed_home: Path) -> None:
    data_dir = closed_home / "checkout" / ".data"
    data_dir.parent.mkdir(mode=0o700)
    with embedded.running(data_dir, durable=False) as cluster:
        pid = cluster.postmaster_pid()
        status = Path(f"/proc/{pid}/status").read_text()
        # It may pass through folders, and nothing else that root may.
        assert "CapEff:\t0000000000000004" in status or "CapEff:\t0000000000000002" in status
        assert os.stat(f"/proc/{pid}").st_uid == cluster.account.uid != 0
        assert cluster.location.data.stat().st_uid == cluster.account.uid
    assert stat.S_IMODE(closed_home.stat().st_mode) == 0o700
    assert stat.S_IMODE(data_dir.parent.stat().st_mode) == 0o700


@as_root
def test_no_capability_is_given_where_none_is_needed() -> None:
    open_home = Path("/var/tmp") / f"concord-test-open-{os.getpid()}"
    try:
        account = embedded.Cluster(open_home).account
        binaries = embedded.Cluster(open_home).binaries
        reachable = all(parent.stat().st_mode & 0o001 for parent in binaries.parents)
        if not reachable:
            pytest.skip("the virtual environment itself lies below a closed folder")
        assert account.switch
        assert account.prefix == ()
    finally:
        shutil.rmtree(open_home)


@as_root
def test_root_runs_it_as_the_owner_of_the_data_folder(closed_home: Path) -> None:
    nobody = pwd.getpwnam("nobody")
    data_dir = closed_home / "data"
    data_dir.mkdir()
    os.chown(data_dir, nobody.pw_uid, nobody.pw_gid)
    with embedded.running(data_dir, durable=False) as cluster:
        assert cluster.account.name == "nobody"
        assert os.stat(f"/proc/{cluster.postmaster_pid()}").st_uid == nobody.pw_uid


@as_root
def test_an_ordinary_user_serves_from_a_home_of_their_own(closed_home: Path) -> None:
    nobody = pwd.getpwnam("nobody")
    os.chown(closed_home, nobody.pw_uid, nobody.pw_gid)
    user = {"user": nobody.pw_uid, "group": nobody.pw_gid, "extra_groups": []}
    environment = {"PATH": os.environ["PATH"], "PYTHONPATH": str(CHECKOUT)}
    probe = [sys.executable, "-c", "import config.embedded"]
    try:
        subprocess.run(probe, cwd="/", env=environment, check=True, capture_output=True, **user)
    except (PermissionError, subprocess.CalledProcessError):
        pytest.skip("an ordinary user cannot reach this Python or this checkout")
    done = subprocess.run(
        [sys.executable, "-c", SERVE, str(closed_home / "data")],
        cwd="/",
        env=environment,
        capture_output=True,
        text=True,
        check=False,
        **user,
    )
    assert (done.stdout, done.stderr) == ("app ()\n", "")


@as_root
def test_an_ordinary_user_is_told_whose_data_it_is(tmp_path: Path) -> None:
    data_dir = Path("/var/tmp") / f"concord-test-other-{os.getpid()}"
    (data_dir / "postgres").mkdir(parents=True)
    program = (
        "import os, sys; sys.path.insert(0, sys.argv[2]); from pathlib import Path\n"
        "from config import embedded\n"
        "os.setgid(65534); os.setuid(65534)\n"
        "try:\n    embedded.Cluster(Path(sys.argv[1])).account\n"
        "except embedded.EmbeddedError as error:\n    print(error)\n"
    )
    try:
        done = subprocess.run(
            [sys.executable, "-c", program, str(data_dir), str(CHECKOUT)],
            capture_output=True,
            text=True,
            check=True,
        )
    finally:
        shutil.rmtree(data_dir)
    assert "belongs to root" in done.stdout


def test_a_folder_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    home = tmp_path / "file" / "postgres"
    with pytest.raises(embedded.EmbeddedError, match="Set DATA_DIR"):
        account_for(home, embedded.Cluster(tmp_path).binaries, CHECKOUT)
