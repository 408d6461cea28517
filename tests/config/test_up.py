"""`manage.py up`: the whole of `make run`, from an empty data folder to a clean end."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from config import embedded, leftovers
from config.serving import Options, programs
from tests.config.waiting import alive, until
from tests.support.ports import free_port

CHECKOUT = Path(__file__).resolve().parents[2]
FIRST_START_SECONDS = 300.0


@contextmanager
def _up(data_dir: Path, log: Path, **environment: str) -> Iterator[subprocess.Popen[bytes]]:
    """`manage.py up` in a process of its own; ended, with all it started, whatever happens."""
    ours = ("DATABASE_URL", "MODEL_BASE_URL", "MODEL_NAME", "MODEL_API_KEY")
    inherited = {name: value for name, value in os.environ.items() if name not in ours}
    own = {"DJANGO_SETTINGS_MODULE": "config.settings.local", "DATA_DIR": str(data_dir)}
    with (
        log.open("wb") as out,
        subprocess.Popen(
            [sys.executable, "manage.py", "up"],
            cwd=CHECKOUT,
            env={**inherited, **own, **environment},
            stdout=out,
            stderr=subprocess.STDOUT,
        ) as parent,
    ):
        try:
            yield parent
        finally:
            if parent.poll() is None:
                parent.kill()
                parent.wait()
                leftovers.end_marked(data_dir)
                embedded.Cluster(data_dir).stop()


def _wait_ready(parent: subprocess.Popen[bytes], log: Path) -> None:
    def ready() -> bool:
        assert parent.poll() is None, log.read_text()
        return "Ctrl-C stops it." in log.read_text()

    until(ready, FIRST_START_SECONDS)


def _get(url: str, host: str) -> int:
    request = urllib.request.Request(url, headers={"Host": host})
    with urllib.request.urlopen(request, timeout=60) as response:
        return int(response.status)


def test_it_serves_ends_cleanly_and_comes_back_after_kill_9(tmp_path: Path) -> None:
    port = free_port()
    log, second_log = tmp_path / "log", tmp_path / "second"
    data_dir = tmp_path / "data"
    with _up(data_dir, log, PORT=str(port)) as parent:
        _wait_ready(parent, log)
        said = log.read_text()
        assert f"http://acme.localhost:{port}/" in said
        assert "offline demo model" in said
        base = f"http://127.0.0.1:{port}"
        assert _get(f"{base}/readyz", "localhost") == 200
        assert _get(f"{base}/", f"acme.localhost:{port}") == 200
        assert _get(f"{base}/admin/login/", f"globex.localhost:{port}") == 200

        with _up(data_dir, second_log, PORT=str(free_port())) as second:
            assert second.wait(90) == 1
        assert f"a server already runs on {data_dir}: process {parent.pid}" in (
            second_log.read_text()
        )
        until(lambda: len(leftovers.marked(data_dir)) >= 2)  # the cluster comes after the rest
        children = leftovers.marked(data_dir)
        postmaster = embedded.Cluster(data_dir).postmaster_pid()
        assert postmaster is not None

        parent.send_signal(signal.SIGTERM)
        assert parent.wait(90) == 0, log.read_text()
        assert not any(alive(pid) for pid in {*children, postmaster})
        assert "Traceback" not in log.read_text(), log.read_text()

    with _up(data_dir, log, PORT=str(port)) as parent:
        _wait_ready(parent, log)
        postmaster = embedded.Cluster(data_dir).postmaster_pid()
        assert postmaster is not None
        for pid in {parent.pid, postmaster, *leftovers.marked(data_dir)}:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        parent.wait()

    with _up(data_dir, log, PORT=str(port)) as parent:
        _wait_ready(parent, log)
        assert _get(f"{base}/readyz", "localhost") == 200
        parent.send_signal(signal.SIGINT)
        assert parent.wait(90) == 0, log.read_text()


def test_a_setting_it_cannot_use_is_named(tmp_path: Path) -> None:
    with _up(tmp_path / "data", tmp_path / "log", SERVER="apache") as parent:
        assert parent.wait(90) == 1
    said = (tmp_path / "log").read_text()
    assert said == "concord: SERVER='apache': expected one of daphne, uvicorn\n"


@pytest.mark.parametrize("server", ["daphne", "uvicorn"])
def test_the_web_server_listens_where_it_is_told(tmp_path: Path, server: str) -> None:
    options = Options(tmp_path, "0.0.0.0", 8123, server, database_url="", demo=True)
    web = next(program for program in programs(options) if program.name == "web")
    assert server in web.argv
    assert "0.0.0.0" in web.argv and "8123" in web.argv
    assert "config.asgi:application" in web.argv
