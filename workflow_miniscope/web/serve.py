"""Serve a page on loopback and open it in the user's browser."""

from __future__ import annotations

import os
import socket
import tempfile
import threading
import webbrowser
import zlib
from collections.abc import Callable
from pathlib import Path

import uvicorn
from starlette.types import ASGIApp

from ..errors import WorkflowError
from .guard import Guard

HOST = "127.0.0.1"
#: ports that a page chooses from, below those that systems give to outgoing connections
FIRST_PORT, PORTS = 20000, 10000
#: seconds after which the file that holds the address is removed: browsers have read it by then
OPENING_TIME = 60.0


def usual_port(name: str) -> int:
    """Give the port that a page of this name has on every start.

    What a page could not send before its server was killed is kept by the browser for the same port.
    """
    return FIRST_PORT + zlib.crc32(name.encode()) % PORTS


def listen(port: int | None, usual: int) -> socket.socket:
    """Open a socket on loopback.

    Parameters
    ----------
    port : int, optional
        The port that the user asked for.
    usual : int
        The one to try otherwise, before any free one.

    Raises
    ------
    WorkflowError
        The port that was asked for is taken.
    """
    for candidate in (port,) if port is not None else (usual, 0):
        listening = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        if os.name != "nt":  # there it would let another program take over the port
            listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listening.bind((HOST, candidate))
            listening.listen()
        except OSError:
            listening.close()
            continue
        return listening
    raise WorkflowError(f"Port {port} is in use: choose another one with --port, or none.")


def serve(app: ASGIApp, name: str, port: int | None, browser: bool, say: Callable[[str], None]) -> None:
    """Serve a page until the user presses Ctrl-C.

    Parameters
    ----------
    app : ASGIApp
        The page.
    name : str
        Tells pages apart: each has its usual port.
    port : int, optional
        Port to listen on.
    browser : bool
        Open the page in the browser.
    say : callable
        Takes the address, when the page can be opened.

    Raises
    ------
    WorkflowError
        The port is taken.
    """
    with listen(port, usual_port(name)) as listening:
        number = listening.getsockname()[1]
        guard = Guard(app, number)
        address = f"http://{HOST}:{number}/?token={guard.token}"
        server = uvicorn.Server(
            uvicorn.Config(guard, log_level="warning", access_log=False, ws="none", lifespan="on", server_header=False)
        )
        # what it imports, before Ctrl-C may come: in an import Python can lose an interrupt
        server.config.load()
        try:  # from when the user knows of it, Ctrl-C ends it as it should
            say(address)  # the socket listens already: an early request waits
            if browser:
                _open(address)
            server.run(sockets=[listening])
        except KeyboardInterrupt:
            pass


def _open(address: str) -> None:
    """Open the browser on a file that leads to the address: others could read a program's arguments."""
    handle, name = tempfile.mkstemp(prefix="workflow-miniscope-", suffix=".html")  # only its owner can read it
    with os.fdopen(handle, "w", encoding="utf-8") as file:
        file.write(f'<!doctype html><meta http-equiv="refresh" content="0;url={address}"><a href="{address}">Open</a>')
    removing = threading.Timer(OPENING_TIME, lambda: Path(name).unlink(missing_ok=True))
    removing.daemon = True
    removing.start()
    webbrowser.open(Path(name).as_uri())
