"""The embedded Postgres after crashes, and in places it cannot or must not use."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from contextlib import closing, suppress
from pathlib import Path

import psycopg
import pytest

from config import embedded
from config.embedded_location import SOCKET_PATH_MAX
from tests.config.waiting import alive, until


def _processes(postmaster: int) -> list[int]:
    children = Path(f"/proc/{postmaster}/task/{postmaster}/children").read_text()
    return [postmaster, *map(int, children.split())]


def _write(data_dir: Path, text: str) -> None:
    with psycopg.connect(embedded.url(data_dir), autocommit=True) as connection:
        connection.execute("CREATE TABLE IF NOT EXISTS public.kept (what text)")
        connection.execute("INSERT INTO public.kept VALUES (%s)", [text])


def _read(data_dir: Path) -> list[str]:
    with psycopg.connect(embedded.url(data_dir)) as connection:
        return [row[0] for row in connection.execute("SELECT what FROM public.kept")]


@pytest.mark.parametrize("victims", ["everything", "the postmaster alone"])
def test_it_starts_again_after_kill_9(tmp_path: Path, victims: str) -> None:
    cluster = embedded.Cluster(tmp_path)
    cluster.start()
    try:
        _write(tmp_path, "before")
        postmaster = cluster.postmaster_pid()
        assert postmaster is not None
        # The orphaned backend goes on holding the shared memory: it waits in a long statement.
        with closing(psycopg.connect(embedded.url(tmp_path), autocommit=True)) as orphan:
            orphan.pgconn.send_query(b"SELECT pg_sleep(2)")
            processes = _processes(postmaster)
            for pid in processes if victims == "everything" else processes[:1]:
                with suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
            until(lambda: not alive(postmaster))
            with embedded.running(tmp_path) as again:
                assert again.postmaster_pid() != postmaster
                assert _read(tmp_path) == ["before"]
    finally:
        cluster.stop()


def test_a_process_id_that_now_belongs_to_another_does_not_stop_it(tmp_path: Path) -> None:
    cluster = embedded.Cluster(tmp_path, durable=False)
    cluster.start()
    _write(tmp_path, "before")
    postmaster = cluster.postmaster_pid()
    assert postmaster is not None
    pid_file = cluster.location.data / "postmaster.pid"
    content = pid_file.read_text()
    cluster.stop()
    account = cluster.account
    become = {"user": account.uid, "group": account.gid} if account.switch else {}
    other = subprocess.Popen(["sleep", "60"], cwd="/", **become)
    try:
        pid_file.write_text(content.replace(str(postmaster), str(other.pid), 1))
        account.own(pid_file)
        pid_file.chmod(0o600)
        with embedded.running(tmp_path, durable=False):
            assert _read(tmp_path) == ["before"]
        assert other.poll() is None
    finally:
        other.kill()
        other.wait()


def test_a_crash_while_it_was_being_made_leaves_nothing_half_made(tmp_path: Path) -> None:
    cluster = embedded.Cluster(tmp_path, durable=False)
    half = cluster.account and cluster.location.home / "new-half"
    half.mkdir()
    (half / "PG_VERSION").write_text("18\n")
    with embedded.running(tmp_path, durable=False):
        _write(tmp_path, "made")
        assert _read(tmp_path) == ["made"]
    assert not half.exists()


def test_a_killed_user_does_not_keep_it_running(tmp_path: Path) -> None:
    program = (
        "import sys; from pathlib import Path; from config.embedded import running\n"
        "with running(Path(sys.argv[1]), durable=False):\n"
        "    print('in', flush=True); sys.stdin.read()\n"
    )
    other = subprocess.Popen(
        [sys.executable, "-c", program, str(tmp_path)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        cwd=Path(__file__).parents[2],
    )
    assert other.stdout is not None and other.stdin is not None
    with other:
        assert other.stdout.readline() == b"in\n"
        cluster = embedded.Cluster(tmp_path, durable=False)
        assert cluster.postmaster_pid() is not None
        other.kill()
        other.wait()
    assert cluster.postmaster_pid() is not None
    with embedded.running(tmp_path, durable=False):
        pass
    assert cluster.postmaster_pid() is None


def test_a_path_too_long_for_a_socket_is_no_hindrance(tmp_path: Path) -> None:
    data_dir = tmp_path / ("deep-" * 30)
    where = embedded.location(data_dir)
    assert not where.socket_dir.is_relative_to(data_dir)
    assert len(os.fsencode(where.socket_dir)) < SOCKET_PATH_MAX - 20
    try:
        with embedded.running(data_dir, durable=False):
            _write(data_dir, "far down")
            assert _read(data_dir) == ["far down"]
            assert where.socket_dir.stat().st_mode & 0o077 == 0
    finally:
        where.socket_dir.rmdir()


def test_a_socket_folder_that_others_made_is_refused(tmp_path: Path) -> None:
    data_dir = tmp_path / ("deep-" * 30)
    where = embedded.location(data_dir)
    where.socket_dir.mkdir()
    where.socket_dir.chmod(0o777)
    try:
        with (
            pytest.raises(embedded.EmbeddedError, match="not a private folder"),
            embedded.running(data_dir, durable=False),
        ):
            pass
    finally:
        where.socket_dir.rmdir()


def test_another_major_version_is_refused_with_a_way_out(tmp_path: Path) -> None:
    data = embedded.Cluster(tmp_path).account and embedded.location(tmp_path).data
    data.mkdir()
    (data / "PG_VERSION").write_text("15\n")
    with (
        pytest.raises(embedded.EmbeddedError, match="Postgres 15, this needs 18"),
        embedded.running(tmp_path),
    ):
        pass


def test_it_says_where_to_look_when_it_does_not_start(tmp_path: Path) -> None:
    with embedded.running(tmp_path, durable=False) as cluster:
        pass
    with (cluster.location.data / "postgresql.conf").open("a") as conf:
        conf.write("no_such_setting = 1\n")
    with (
        pytest.raises(embedded.EmbeddedError, match=r"postgres\.log") as caught,
        embedded.running(tmp_path, durable=False),
    ):
        pass
    assert "no_such_setting" in str(caught.value)
