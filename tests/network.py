"""A network between a program and a database server that can be lost, and come back."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any


class Network:
    """Relays what is sent to a server, on a loopback port of its own.

    While it is lost nothing arrives and nothing is closed, as where a cable was pulled or a machine froze.
    """

    def __init__(self, host: str, port: int) -> None:
        self._server = (host, port)
        self._there = threading.Event()
        self._there.set()
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self._open: list[socket.socket] = [self._listener]
        threading.Thread(target=self._accept, daemon=True).start()

    def lose(self) -> None:
        """Let nothing arrive from now on."""
        self._there.clear()

    def find(self) -> None:
        """Let everything arrive again, also what was sent meanwhile."""
        self._there.set()

    def close(self) -> None:
        """End all connections."""
        self._there.set()
        for each in self._open:
            with suppress(OSError):
                each.close()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                near, _ = self._listener.accept()
                threading.Thread(target=self._connect, args=(near,), daemon=True).start()

    def _connect(self, near: socket.socket) -> None:
        self._there.wait()
        host, port = self._server
        if host.startswith("/"):
            far = socket.socket(socket.AF_UNIX)
            far.connect(f"{host}/.s.PGSQL.{port}")
        else:
            far = socket.create_connection(self._server)
        self._open += [near, far]
        for source, target in ((near, far), (far, near)):
            threading.Thread(target=self._relay, args=(source, target), daemon=True).start()

    def _relay(self, source: socket.socket, target: socket.socket) -> None:
        with suppress(OSError):
            while data := source.recv(65536):
                self._there.wait()
                target.sendall(data)
        self._there.wait()  # that one end has closed does not arrive either
        for each in (source, target):
            with suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)


@contextmanager
def between(connection: Any) -> Iterator[Network]:
    """Give a network that leads to the server of a connection of DataJoint."""
    network = Network(str(connection.conn_info["host"]), int(connection.conn_info["port"]))
    try:
        yield network
    finally:
        network.close()
