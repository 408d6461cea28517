"""What is wrong with a machine is said before anything starts, with what would mend it."""

from __future__ import annotations

import ast
import os
import shutil
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from config import preflight
from tests.support.ports import free_port

CHECKOUT = Path(__file__).resolve().parents[2]


def _run(data_dir: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "config.preflight", "run"],
        cwd=CHECKOUT,
        env={"PATH": os.environ["PATH"], "DATA_DIR": str(data_dir), **environment},
        capture_output=True,
        text=True,
        check=False,
    )


def test_a_fit_machine_passes_in_silence(tmp_path: Path) -> None:
    done = _run(tmp_path / "data", PORT=str(free_port()))
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert (tmp_path / "data").is_dir()


def test_an_old_python_can_read_it_and_is_told() -> None:
    ast.parse((CHECKOUT / "config/preflight.py").read_text(), feature_version=(3, 6))
    with pytest.raises(preflight.Unfit, match=r"Python 3\.11 or newer is needed, this is 3\.9\.2"):
        preflight.check_python((3, 9, 2))
    preflight.check_python((3, 11, 0))
    preflight.check_python((3, 13, 1))


@pytest.mark.parametrize("name", ["python3.7", "python3.8", "python3.9", "python3.10"])
def test_a_real_old_python_says_so(name: str) -> None:
    python = shutil.which(name)
    if python is None or subprocess.run([python, "-V"], capture_output=True).returncode:
        pytest.skip(f"no {name} on this machine")
    done = subprocess.run(
        [python, "-m", "config.preflight", "run"],
        cwd=CHECKOUT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1
    assert "is needed, this is 3." in done.stderr and "mend:" in done.stderr


def test_a_taken_port_names_who_holds_it_and_another_port(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as holder:
        port = holder.getsockname()[1]
        done = _run(tmp_path, PORT=str(port))
    assert done.returncode == 1
    assert f"cannot listen on 127.0.0.1:{port}: address already in use" in done.stderr
    assert f"process {os.getpid()}" in done.stderr
    assert f"mend: PORT={port + 1} make run" in done.stderr


def test_a_port_that_is_no_port_is_refused(tmp_path: Path) -> None:
    done = _run(tmp_path, PORT="http")
    assert done.returncode == 1
    assert "PORT='http'" in done.stderr


def test_a_full_disk_is_told_with_what_is_needed(tmp_path: Path) -> None:
    done = _run(tmp_path, PORT=str(free_port()), MIN_FREE_MB="900000000")
    assert done.returncode == 1
    assert "900000000 MB are needed" in done.stderr


def test_a_data_folder_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    done = _run(tmp_path / "file" / "data", PORT=str(free_port()))
    assert done.returncode == 1
    assert f"cannot write to the data folder {tmp_path}/file/data" in done.stderr
    assert "mend: set DATA_DIR" in done.stderr
