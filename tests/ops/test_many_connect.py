"""Many clients that connect in the same moment are let in, however busy the server is just then."""

from __future__ import annotations

import contextlib
import os
import select
import signal
import socket
import time

import pytest

from tests.support.server import Server

CLIENTS = 400


@pytest.mark.parametrize("kind", ["daphne", "uvicorn"])
def test_hundreds_connect_while_the_server_is_busy(database: None, kind: str) -> None:
    with Server.started(kind=kind) as server, contextlib.ExitStack() as stack:
        os.kill(server.processes[0].pid, signal.SIGSTOP)  # it accepts nobody
        waiting = set()
        for _ in range(CLIENTS):
            client = stack.enter_context(socket.socket())
            client.setblocking(False)
            client.connect_ex(("127.0.0.1", server.port))
            waiting.add(client)
        end = time.monotonic() + 5
        while waiting and time.monotonic() < end:
            # A socket turns writable once the kernel has the connection in the server's queue.
            _, connected, _ = select.select([], waiting, [], 0.2)
            waiting.difference_update(connected)
        os.kill(server.processes[0].pid, signal.SIGCONT)
        assert not waiting, f"{len(waiting)} of {CLIENTS} were not let in"
