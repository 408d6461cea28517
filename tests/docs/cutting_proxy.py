"""A proxy in front of the server that cuts the first event stream after some events."""

from __future__ import annotations

import contextlib
import selectors
import socket
import threading
from collections.abc import Iterator

EVENT = b"\nevent: "


class CuttingProxy:
    """Forwards bytes both ways. `cuts` counts the connections it has cut."""

    def __init__(self, target_port: int, after_events: int) -> None:
        self._target = target_port
        self._after = after_events
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self.cuts = 0
        self._lock = threading.Lock()
        self._open: list[socket.socket] = []
        self._threads = [threading.Thread(target=self._accept)]

    @contextlib.contextmanager
    def running(self) -> Iterator[CuttingProxy]:
        self._threads[0].start()
        try:
            yield self
        finally:
            self._listener.shutdown(socket.SHUT_RDWR)
            self._listener.close()
            for end in self._open:
                with contextlib.suppress(OSError):
                    end.shutdown(socket.SHUT_RDWR)
            for thread in self._threads:
                thread.join(10)
            for end in self._open:
                end.close()

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            server = socket.create_connection(("127.0.0.1", self._target))
            self._open += [client, server]
            thread = threading.Thread(target=self._forward, args=(client, server))
            self._threads.append(thread)
            thread.start()

    def _forward(self, client: socket.socket, server: socket.socket) -> None:
        seen = b""
        with selectors.DefaultSelector() as ready:
            ready.register(client, selectors.EVENT_READ, server)
            ready.register(server, selectors.EVENT_READ, client)
            with contextlib.suppress(OSError):
                while True:
                    for key, _ in ready.select():
                        source, other = key.fileobj, key.data
                        assert isinstance(source, socket.socket)
                        data = source.recv(65536)
                        if not data:
                            return self._hang_up(client, server)
                        other.sendall(data)
                        if source is server:
                            seen += data
                            if seen.count(EVENT) >= self._after and self._may_cut():
                                return self._hang_up(client, server)

    def _may_cut(self) -> bool:
        with self._lock:
            if self.cuts:
                return False
            self.cuts += 1
            return True

    def _hang_up(self, *ends: socket.socket) -> None:
        for end in ends:
            with contextlib.suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)
