"""Ports for servers of tests."""

from __future__ import annotations

import secrets
import socket

# Below those that systems give to connections: one of them could be taken before its server
# listens, or while it is down for a moment.
_FROM, _TO = 20_000, 32_000


def free_port() -> int:
    """One on which nobody listens, chosen at random: who asks at the same time gets another."""
    while True:
        port = _FROM + secrets.randbelow(_TO - _FROM)
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
        return port
