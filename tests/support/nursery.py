"""Python processes that start with the packages already imported, as children of one that has them.

A server of ours spends two thirds of its start importing other people's packages, and a whole run
of the tests starts a hundred. The nursery imports those once and forks; settings, our own code but
for what is PLAIN, and the server itself are loaded in the child, from its own environment, as
`python ...` would.
`manage.py up` and the commands that tests run with `subprocess` show that the plain start works.
"""

from __future__ import annotations

import atexit
import contextlib
import functools
import gc
import importlib
import json
import os
import runpy
import select
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any, NamedTuple

from django.conf import settings

ROOT = Path(__file__).resolve().parent.parent.parent
# None of them reads settings, starts a thread or installs an event loop when imported.
PACKAGES = (
    "aiohttp",
    "autobahn.twisted.websocket",
    "channels",
    "cryptography.fernet",
    "daphne.access",
    "django.contrib.auth.hashers",
    "django.contrib.messages.middleware",
    "django.contrib.postgres.fields",
    "django.contrib.sessions.middleware",
    "django.contrib.staticfiles.finders",
    "django.core.handlers.asgi",
    "django.core.management",
    "django.db.migrations.executor",
    "django.db.models",
    "django.forms",
    "django.template.loader",
    "django.test",
    "django.views.generic",
    "httpx",
    "jsonschema",
    "jwt",
    "langchain_core.callbacks",
    "langchain_core.language_models.chat_models",
    "langchain_core.messages",
    "langchain_core.outputs",
    "langchain_core.tools",
    "langchain_core.utils.function_calling",
    "orjson",
    "prometheus_client",
    "psutil",
    "psycopg",
    "psycopg_pool",
    "pydantic",
    "regex",
    "twisted.internet.asyncioreactor",
    "uvicorn",
    "uvloop",
    "whitenoise.middleware",
    "yaml",
)
# Of our own what only declares, and takes long to: pydantic's models, tables of words.
PLAIN = (
    "agents.guardrails.specs",
    "agents.models_llm.demo",
    "agents.models_llm.lean",
    "agents.schema_form",
    "agents.specs",
    "agents.workflows.spec",
)


class Child:
    """As much of `subprocess.Popen` as tests use of a server."""

    def __init__(self, told: socket.socket) -> None:
        self._told = told
        self.pid = self._number()
        self.returncode: int | None = None

    def _number(self) -> int:
        """The next line; not a byte more, so that what comes after it can be waited for."""
        line = b""
        while not line.endswith(b"\n"):
            line += self._told.recv(1) or b"?\n"  # the nursery is gone: no number
        return int(line)

    def poll(self) -> int | None:
        with contextlib.suppress(subprocess.TimeoutExpired):
            self.wait(0)
        return self.returncode

    def wait(self, timeout: float | None = None) -> int:
        """The exit code, a signal's number negative. Raises subprocess.TimeoutExpired."""
        if self.returncode is None:
            if not select.select([self._told], [], [], timeout)[0]:
                raise subprocess.TimeoutExpired(f"process {self.pid}", timeout or 0)
            self.returncode = self._number()
            self._told.close()
        return self.returncode

    def send_signal(self, number: int) -> None:
        if self.poll() is None:
            with contextlib.suppress(ProcessLookupError):  # it has ended, and is about to say so
                os.kill(self.pid, number)

    def terminate(self) -> None:
        self.send_signal(signal.SIGTERM)


@functools.cache
def _nursery() -> str:
    """The address of this process's nursery, which ends with it."""
    folder = tempfile.mkdtemp(prefix="concord-nursery-")
    address = f"{folder}/socket"
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.support.nursery", address],
        cwd=ROOT,
        stdin=subprocess.PIPE,  # its end, by whatever cause, is the nursery's
        stdout=subprocess.PIPE,
        start_new_session=True,
    )

    def end() -> None:
        process.communicate()
        shutil.rmtree(folder)

    atexit.register(end)
    assert process.stdout is not None and process.stdout.readline() == b"ready\n"
    return address


def python(*arguments: str, env: dict[str, str], log: Path, errors: Path | None = None) -> Child:
    """`python ARGUMENTS` in the checkout, with this environment, in a session of its own.

    The arguments are a script and its own, or -m, a module and its own. What it writes is added to
    `log`; to `errors`, if given, what goes to standard error.
    """
    asked = {"arguments": arguments, "env": env, "log": str(log), "errors": str(errors or log)}
    told = socket.socket(socket.AF_UNIX)
    told.connect(_nursery())
    told.sendall(json.dumps(asked).encode() + b"\n")
    return Child(told)


class Ended(NamedTuple):
    returncode: int
    stdout: str
    stderr: str


def run(*arguments: str, env: dict[str, str], seconds: float = 120) -> Ended:
    """The same to its end. Raises subprocess.TimeoutExpired; then it is killed."""
    with tempfile.TemporaryDirectory(prefix="concord-run-") as folder:
        out, errors = Path(folder, "out"), Path(folder, "errors")
        child = python(*arguments, env=env, log=out, errors=errors)
        try:
            code = child.wait(seconds)
        except subprocess.TimeoutExpired:
            child.send_signal(signal.SIGKILL)
            child.wait()
            raise
        return Ended(code, out.read_text(), errors.read_text())


# --- in the nursery -------------------------------------------------------------------------------


def _next_child(address: str) -> dict[str, Any]:
    """Fork for whoever asks. Returns in each child, with what it is to be."""
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(address)
        listening.listen(20)
        os.write(1, b"ready\n")
        while True:
            ready = select.select([0, listening], [], [])[0]
            if 0 in ready:  # closed: nobody writes there
                os._exit(0)
            asking = listening.accept()[0]
            if os.fork() == 0:
                break
            asking.close()
    with asking:
        asked = json.loads(asking.makefile("r").readline())
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        pid = os.fork()
        if pid == 0:
            return dict(asked)
        asking.sendall(b"%d\n" % pid)
        ended = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
        with contextlib.suppress(OSError):  # nobody waits for it any more
            asking.sendall(b"%d\n" % ended)
        os._exit(0)


def _become(asked: dict[str, Any]) -> None:
    os.setsid()
    adding = os.O_WRONLY | os.O_APPEND | os.O_CREAT
    for number, path in enumerate((os.devnull, asked["log"], asked["errors"])):
        file = os.open(path, adding if number else os.O_RDONLY, 0o600)
        os.dup2(file, number)
        os.close(file)
    for stream in (sys.stdout, sys.stderr):
        stream.reconfigure(line_buffering=True)
    os.environ.clear()
    os.environ.update(asked["env"])
    sys.path[1:1] = filter(None, asked["env"].get("PYTHONPATH", "").split(os.pathsep))
    first, *rest = asked["arguments"]
    if first == "-m":
        sys.argv = rest
        runpy.run_module(rest[0], run_name="__main__", alter_sys=True)
    else:
        sys.argv = [first, *rest]
        runpy.run_path(first, run_name="__main__")


def main() -> None:
    os.environ.pop("DJANGO_SETTINGS_MODULE", None)  # who reads settings now has those of nobody
    gc.disable()
    for package in (*PACKAGES, *PLAIN):
        importlib.import_module(package)
    assert not settings.configured  # they are the child's own
    gc.freeze()  # or the children's first collection would copy it all
    gc.enable()
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    asked = _next_child(sys.argv[1])
    _become(asked)


if __name__ == "__main__":
    main()
