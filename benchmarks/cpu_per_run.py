"""Server CPU per streamed run, against a model server of our own on this machine.

    .venv/bin/python benchmarks/cpu_per_run.py [--runs 500] [--concurrency 50] [--server uvicorn]

Starts the web server over an embedded database in a temporary folder and a model server that
streams 20 tokens (50 ms to the first, 5 ms between), runs the agent over SSE, and reads the web
process's own CPU time from the kernel before and after. Prints CPU ms per run, runs per second and
the time to the first event (p50, p99).
"""

from __future__ import annotations

import argparse
import asyncio
import os
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

import aiohttp  # noqa: E402 - after the path is set


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def process(command: list[str], env: dict[str, str]) -> Iterator[subprocess.Popen[bytes]]:
    child = subprocess.Popen(command, cwd=ROOT, env=env, stdout=subprocess.DEVNULL)
    try:
        yield child
    finally:
        child.terminate()
        child.wait(20)


def cpu_seconds(pid: int) -> float:
    """User and system time of the process so far."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


async def wait_for(session: aiohttp.ClientSession, url: str) -> None:
    end = time.monotonic() + 60
    while time.monotonic() < end:
        try:
            async with session.get(url) as answer:
                if answer.status < 500:
                    return
        except aiohttp.ClientError:
            pass
        await asyncio.sleep(0.1)
    raise SystemExit(f"{url} did not come up")


async def one_run(session: aiohttp.ClientSession, url: str, turn: int) -> float:
    """Seconds to the first event; raises unless the run completed."""
    begun = time.perf_counter()
    first, last = 0.0, b""
    async with session.post(url, json={"input": f"Hello {turn}", "stream": True}) as answer:
        answer.raise_for_status()
        async for line in answer.content:
            if line.startswith(b"event:"):
                first = first or time.perf_counter() - begun
                last = line
    if last.strip() != b"event: run.completed":
        raise RuntimeError(f"the run ended with {last!r}")
    return first


async def measure(port: int, pid: int, runs: int, concurrency: int) -> None:
    base = f"http://127.0.0.1:{port}"
    connector = aiohttp.TCPConnector(limit=concurrency)
    async with aiohttp.ClientSession(connector=connector) as session:
        await wait_for(session, f"{base}/readyz")
        credentials = {"username": "member", "password": "demo-demo"}
        async with session.post(f"{base}/api/v1/auth/token", json=credentials) as answer:
            token = (await answer.json())["access"]
        session.headers["Authorization"] = f"Bearer {token}"
        url = f"{base}/api/v1/agents/assistant/runs"
        gate = asyncio.Semaphore(concurrency)

        async def gated(turn: int) -> float:
            async with gate:
                return await one_run(session, url, turn)

        await asyncio.gather(*(gated(turn) for turn in range(concurrency)))  # warm-up
        before, begun = cpu_seconds(pid), time.perf_counter()
        firsts = sorted(await asyncio.gather(*(gated(turn) for turn in range(runs))))
        took, used = time.perf_counter() - begun, cpu_seconds(pid) - before
    p99 = firsts[min(int(len(firsts) * 0.99), len(firsts) - 1)]
    print(
        f"runs {runs}  concurrency {concurrency}  cpu/run {used / runs * 1000:.2f} ms  "
        f"{runs / took:.0f} runs/s  first event p50 {statistics.median(firsts) * 1000:.0f} ms  "
        f"p99 {p99 * 1000:.0f} ms"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--runs", type=int, default=500)
    parser.add_argument("--concurrency", type=int, default=50)
    parser.add_argument("--server", choices=["daphne", "uvicorn"], default="daphne")
    options = parser.parse_args()
    python, port, model_port = sys.executable, free_port(), free_port()
    with ExitStack() as stack:
        data = stack.enter_context(tempfile.TemporaryDirectory(prefix="concord-bench-"))
        env = {
            **os.environ,
            "DJANGO_SETTINGS_MODULE": "config.settings.local",
            "DATA_DIR": data,
            "MODEL_BASE_URL": f"http://127.0.0.1:{model_port}/v1",
            "MODEL_NAME": "bench",
            "LOG_LEVEL": "ERROR",
        }
        env.pop("DATABASE_URL", None)
        from config.embedded import running

        stack.enter_context(running(Path(data)))
        for command in ("migrate", "create_demo"):
            subprocess.run([python, "manage.py", command, "-v0"], cwd=ROOT, env=env, check=True)
        model = [python, "tests/models_llm/openai_server.py", "--port", str(model_port)]
        model += ["--first-delay", "0.05", "--delay", "0.005", "--script", "plain"]
        stack.enter_context(process([*model, "--tokens", "20"], env))
        serve = {
            "daphne": ["daphne", "-v0", "-b", "127.0.0.1", "-p", str(port)],
            "uvicorn": ["uvicorn", "--host", "127.0.0.1", "--port", str(port), "--no-access-log"],
        }[options.server]
        serve = [python, "-m", *serve, "config.asgi:application"]
        web = stack.enter_context(process(serve, env))
        asyncio.run(measure(port, web.pid, options.runs, options.concurrency))


if __name__ == "__main__":
    main()
