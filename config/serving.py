"""What `manage.py up` runs: one parent for the database, the web server and the task cluster.

The parent never loads Django: it only waits, and is up at once.
"""

from __future__ import annotations

import asyncio
import contextlib
import http.client
import os
import signal
import socket
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from types import FrameType

from config import leftovers
from config.banner import banner
from config.embedded import EmbeddedError, running
from config.env import EnvError, env_bool, env_float, env_int, env_path, env_str
from config.launch import BACKLOG
from config.leftovers import AlreadyRunning
from config.prepared import NotPrepared, prepare, was_prepared
from config.supervisor import GaveUp, Patience, Program, Supervisor, stop_signals

CHECKOUT = Path(__file__).resolve().parent.parent
SERVERS = ("daphne", "uvicorn")
LOOPBACK = ("127.0.0.1", "localhost")
READY_SECONDS = 120.0
PREPARED_SECONDS = 30.0


class NotReady(RuntimeError):
    """The web server runs but never said that it is ready."""


@dataclass(frozen=True, slots=True)
class Options:
    """What an operator may choose, all from the environment."""

    data_dir: Path
    host: str
    port: int
    server: str
    database_url: str
    demo: bool
    executors: int = 0
    drain_seconds: float = 20.0

    @classmethod
    def from_environment(cls) -> Options:
        """Raises EnvError."""
        server = env_str("SERVER", "daphne")
        if server not in SERVERS:
            raise EnvError(f"SERVER={server!r}: expected one of {', '.join(SERVERS)}")
        port = env_int("PORT", 8000, least=1)
        if port > 65535:
            raise EnvError(f"PORT={port}: expected a port number, at most 65535")
        return cls(
            data_dir=env_path("DATA_DIR", CHECKOUT / ".data"),
            host=env_str("HOST", "127.0.0.1").strip("[]"),
            port=port,
            server=server,
            database_url=env_str("DATABASE_URL", ""),
            demo=env_bool("DEMO", True),
            executors=env_int("EXECUTORS", 0, least=0),
            drain_seconds=env_float("DRAIN_SECONDS", 20.0),
        )


def programs(options: Options) -> list[Program]:
    """The web server, the task cluster and the executors beside them, as command lines."""
    python = sys.executable
    manage = str(CHECKOUT / "manage.py")
    web = _daphne(options) if options.server == "daphne" else _uvicorn(options)
    return [
        Program("web", [python, "-m", "config.launch", *web]),
        Program(
            "cluster",
            [python, manage, "qcluster", "--skip-checks"],
            late=True,
        ),
        *(
            Program(
                f"executor-{number}",
                [python, manage, "run_executor", "--skip-checks", *_metrics(number)],
                late=True,
            )
            for number in range(1, options.executors + 1)
        ),
    ]


def _metrics(number: int) -> list[str]:
    """Executors beside each other need a port each."""
    first = env_int("METRICS_PORT", 0, least=0)
    return ["--metrics-port", str(first + number - 1)] if first else []


def _daphne(options: Options) -> list[str]:
    command = ["daphne", "-v", "0", "--no-server-name", "-b", options.host]
    command += ["-p", str(options.port)]
    if options.host in LOOPBACK and _can_bind("::1"):
        # Browsers try ::1 first for *.localhost.
        command += ["-e", rf"tcp6:{options.port}:interface=\:\:1:backlog={BACKLOG}"]
    return [*command, "config.asgi:application"]


def _uvicorn(options: Options) -> list[str]:
    host = options.host
    if host in LOOPBACK and _can_bind("::1") and _resolves_to_loopback("localhost"):
        host = "localhost"  # asyncio listens on every address a name resolves to
    command = ["uvicorn", "config.asgi:application", "--host", host, "--port", str(options.port)]
    command += ["--lifespan", "on", "--no-access-log", "--no-server-header"]
    # It would believe X-Forwarded-For from this machine; whom to believe, TRUSTED_PROXIES says.
    command += ["--no-proxy-headers"]
    # A stream that follows a run has no end of its own to wait for.
    return [*command, "--log-level", "warning", "--timeout-graceful-shutdown", "5"]


def main() -> int:
    """Serve until a signal says stop; the exit code. What is wrong is said in a sentence."""
    try:
        return serve(Options.from_environment())
    except (AlreadyRunning, EmbeddedError, EnvError, GaveUp, NotPrepared, NotReady) as error:
        print(f"concord: {error}", file=sys.stderr)
        return 1


def serve(options: Options) -> int:
    """Like `main`, but raises; whatever happens, nothing is left running."""
    try:
        with contextlib.ExitStack() as stack:
            stack.enter_context(_stopped_by_signals())
            options.data_dir.mkdir(parents=True, exist_ok=True, mode=0o711)
            mark = stack.enter_context(leftovers.owned(options.data_dir))
            prepared = False
            if not options.database_url:
                stack.enter_context(running(options.data_dir))
                prepared = was_prepared(options.data_dir, demo=options.demo)
            environment = {
                **os.environ,
                leftovers.MARK: mark,
                "DATA_DIR": str(options.data_dir),
                "PYTHONUNBUFFERED": "1",
            }
            if not prepared:
                prepare(options.data_dir, environment, demo=options.demo)
            asyncio.run(_keep_running(options, environment, prepared=prepared))
            # From here on everything is on its way down already: let it finish.
            for number in stop_signals():
                signal.signal(number, signal.SIG_IGN)
    except KeyboardInterrupt:
        return 130
    return 0


async def _keep_running(options: Options, environment: dict[str, str], *, prepared: bool) -> None:
    # What drains may take its time; a second Ctrl-C doesn't wait for it.
    patience = Patience(stop=options.drain_seconds + 15)
    supervisor = Supervisor(programs(options), environment=environment, patience=patience)
    listening = "" if options.host in (*LOOPBACK, "::1") else options.host
    text = banner(
        options.port,
        listening,
        options.data_dir,
        embedded=not options.database_url,
        demo=options.demo,
    )

    async def open_up() -> None:
        try:
            await wait_ready(
                options.host, options.port, PREPARED_SECONDS if prepared else READY_SECONDS
            )
            supervisor.say(text)
        except NotReady:
            if not prepared:
                raise
            # The sources are the same, the database is not what it was then.
            await asyncio.to_thread(prepare, options.data_dir, environment, demo=options.demo)
            await wait_ready(options.host, options.port)
            supervisor.say(text)
        else:
            if prepared:
                # Whoever restarts wants it back soon: a tenant whose set-up was interrupted, or
                # other things that only the database knows, are looked at once it serves.
                await asyncio.to_thread(prepare, options.data_dir, environment, demo=options.demo)

    await supervisor.run(open_up)


async def wait_ready(host: str, port: int, seconds: float = READY_SECONDS) -> None:
    """Ask GET /readyz until it says 200. The first request also starts the run executor.

    Raises NotReady, with what was last answered.
    """
    address = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)
    deadline = time.monotonic() + seconds
    while True:
        answer = await asyncio.to_thread(_ask, address, port)
        if answer == "200":
            return
        if time.monotonic() > deadline:
            raise NotReady(f"the web server is not ready after {seconds:g} s: {answer}")
        await asyncio.sleep(0.1)


def _ask(address: str, port: int) -> str:
    connection = http.client.HTTPConnection(address, port, timeout=10)
    try:
        connection.request("GET", "/readyz", headers={"Host": f"localhost:{port}"})
        response = connection.getresponse()
        body = response.read(2000).decode(errors="replace")
        return "200" if response.status == 200 else f"{response.status} {body}"
    except (OSError, http.client.HTTPException) as error:
        return str(error)
    finally:
        connection.close()


@contextlib.contextmanager
def _stopped_by_signals() -> Iterator[None]:
    """SIGTERM and SIGHUP unwind like a Ctrl-C, also before the supervisor takes signals over."""

    def leave(number: int, frame: FrameType | None) -> None:
        raise KeyboardInterrupt

    before = {n: signal.signal(n, leave) for n in stop_signals()}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _can_bind(address: str) -> bool:
    try:
        with socket.socket(socket.AF_INET6, socket.SOCK_STREAM) as probe:
            probe.bind((address, 0))
    except OSError:
        return False
    return True


def _resolves_to_loopback(name: str) -> bool:
    try:
        found = {entry[4][0] for entry in socket.getaddrinfo(name, None, type=socket.SOCK_STREAM)}
    except OSError:
        return False
    return bool(found) and found <= {"127.0.0.1", "::1"}
