"""One parent a data folder, and an end to what a killed one left."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from config import leftovers
from tests.config.waiting import alive, until

CHECKOUT = Path(__file__).resolve().parents[2]

# A parent that starts a child of its own, with a grandchild in another session, and waits.
PARENT = """
import os, subprocess, sys
from pathlib import Path
from config import leftovers
with leftovers.owned(Path(sys.argv[1])) as mark:
    child = subprocess.Popen(
        ["sh", "-c", "sleep 300 & echo $!; wait"], stdout=subprocess.PIPE, text=True,
        env={**os.environ, leftovers.MARK: mark}, start_new_session=True)
    print(child.pid, child.stdout.readline().strip(), flush=True)
    sys.stdin.read()
"""


def _parent(data_dir: Path) -> tuple[subprocess.Popen[str], set[int]]:
    parent = subprocess.Popen(
        [sys.executable, "-c", PARENT, str(data_dir)],
        cwd=CHECKOUT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert parent.stdout is not None
    return parent, {int(pid) for pid in parent.stdout.readline().split()}


def test_a_second_parent_is_refused_by_name(tmp_path: Path) -> None:
    parent, _ = _parent(tmp_path)
    with parent:
        assert leftovers.running_parent(tmp_path) == str(parent.pid)
        with (
            pytest.raises(leftovers.AlreadyRunning, match=f"process {parent.pid}"),
            leftovers.owned(tmp_path),
        ):
            pass
    assert leftovers.running_parent(tmp_path) is None


def test_what_a_killed_parent_left_is_ended_by_the_next(tmp_path: Path) -> None:
    parent, left = _parent(tmp_path)
    with parent:
        parent.kill()
        parent.wait()
    assert all(alive(pid) for pid in left)
    assert leftovers.marked(tmp_path) == left
    with leftovers.owned(tmp_path):
        assert not any(alive(pid) for pid in left)


def test_a_parent_that_ends_leaves_nothing(tmp_path: Path) -> None:
    parent, left = _parent(tmp_path)
    with parent:
        assert parent.stdin is not None
        parent.stdin.close()
        assert parent.wait(60) == 0
    until(lambda: not any(alive(pid) for pid in left))
    assert leftovers.marked(tmp_path) == set()


def test_processes_of_others_are_never_marked(tmp_path: Path) -> None:
    with (
        leftovers.owned(tmp_path),
        subprocess.Popen(["sleep", "60"], env={leftovers.MARK: "another"}) as other,
    ):
        try:
            assert leftovers.marked(tmp_path) == set()
        finally:
            other.kill()


def test_a_damaged_record_finds_nobody(tmp_path: Path) -> None:
    (tmp_path / "server.json").write_text("[1")
    assert leftovers.marked(tmp_path) == set()
    with leftovers.owned(tmp_path) as mark:
        assert len(mark) == 32


def test_the_command_line_of_a_process_is_readable() -> None:
    assert "python" in leftovers.command_line(os.getpid())
    assert leftovers.command_line(2**22 + 1) == "?"
