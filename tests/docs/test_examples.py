"""Every example of the documentation that calls the server is run against a server."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.docs.cutting_proxy import CuttingProxy
from tests.docs.reading import PAGES, Example, check_output, examples, name, runnable
from tests.support.server import Server

MARK = "=== example "
NODE_WITH_SOCKETS = 22  # earlier ones from 20.10 on have them behind a flag


def at(code: str, port: int) -> str:
    """An example's code, its addresses turned to the tests' server."""
    return code.replace("localhost:8000", f"127.0.0.1:{port}")


def run_shell(found: list[Example], port: int) -> list[str]:
    """The outputs of a page's shell examples, run in one shell, in order."""
    script = "\n".join(
        f"echo '{MARK}{number}'\n{at(example.code, port)}\necho"
        for number, example in enumerate(found)
    )
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", "")])
    ended = subprocess.run(
        ["bash", "-eu", "-c", script],
        capture_output=True,
        text=True,
        timeout=120,
        env={**os.environ, "PATH": path},
    )
    assert ended.returncode == 0, ended.stderr + ended.stdout
    return re.split(rf"^{MARK}\d+\n", ended.stdout, flags=re.MULTILINE)[1:]


SHELL = ["README.md", "docs/integrators.md", "docs/governed-agent.md", "docs/catalogue.md"]


@pytest.mark.parametrize("page", SHELL)
def test_the_shell_examples_print_what_they_promise(page: str, server: Server) -> None:
    found = runnable(page, "sh")
    outputs = run_shell(found, server.port)
    assert len(outputs) == len(found)
    for example, output in zip(found, outputs, strict=True):
        check_output(example, output)


def test_the_python_client_runs_as_it_stands(server: Server) -> None:
    (example,) = runnable("docs/integrators.md", "python")
    ended = subprocess.run(
        [sys.executable, "-W", "error", "-"],
        input=at(example.code, server.port),
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert ended.returncode == 0, ended.stderr
    assert ended.stdout.startswith("completed")
    check_output(example, ended.stdout)


def client_of_the_docs(port: int) -> dict[str, Any]:
    """The names that the Python example defines."""
    (example,) = runnable("docs/integrators.md", "python")
    names: dict[str, Any] = {"__name__": "docs_client"}
    exec(compile(at(example.code, port), example.page, "exec"), names)
    return names


@pytest.mark.parametrize("after_events", [1, 3, 6])
def test_the_python_client_survives_a_cut_stream(server: Server, after_events: int) -> None:
    with CuttingProxy(server.port, after_events).running() as proxy:
        names = client_of_the_docs(proxy.port)
        with names["sign_in"]("acme", "member", "demo-demo") as client:
            answer = names["ask"](client, "assistant", "What is 17*23?")
            runs = client.get(
                f"{names['API']}/runs", params={"session_id": answer.run["session_id"]}
            )
    assert proxy.cuts == 1
    assert answer.run["status"] == "completed"
    assert list(answer.texts.values()) == [answer.run["output"]]
    assert len(runs.json()["items"]) == 1


def test_the_python_client_gives_up_on_a_refusal(server: Server) -> None:
    import httpx

    names = client_of_the_docs(server.port)
    with (
        names["sign_in"]("acme", "member", "demo-demo") as client,
        pytest.raises(httpx.HTTPStatusError, match="404"),
    ):
        names["ask"](client, "no-such-agent", "hello")


def test_the_javascript_example_runs_as_it_stands(server: Server, tmp_path: Path) -> None:
    node = shutil.which("node")
    if node is None:
        pytest.skip("no node here")
    version = subprocess.run([node, "--version"], capture_output=True, text=True, check=True)
    major, minor = (int(part) for part in version.stdout.strip("v\n").split(".")[:2])
    if (major, minor) < (20, 10):
        pytest.skip(f"node {major}.{minor} has no WebSocket")
    flags = [] if major >= NODE_WITH_SOCKETS else ["--experimental-websocket"]
    (example,) = runnable("docs/integrators.md", "js")
    file = tmp_path / "example.mjs"
    file.write_text(at(example.code, server.port), encoding="utf-8")
    ended = subprocess.run([node, *flags, file], capture_output=True, text=True, timeout=120)
    assert ended.returncode == 0, ended.stderr
    assert ended.stdout.startswith("completed")
    check_output(example, ended.stdout)


def test_an_example_that_says_what_it_prints_is_run() -> None:
    idle = [
        f"{name(page)}: {example.code.splitlines()[0]}"
        for page in PAGES
        for example in examples(page)
        if (example.prints or example.never) and not example.tested
    ]
    assert idle == []
