"""The page's requests and their answers."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from ...errors import WorkflowError
from ...work.monitor import Snapshot
from ..files import file_routes
from .words import STEPS

Answer = TypeVar("Answer")

#: Seconds for which what was seen is shown again, however many windows ask
FRESH = 2.0

#: Bytes of the largest request
LARGEST_REQUEST = 1 << 16


def dashboard_app(look: Callable[[], Snapshot], act: Callable[[str, str, str], int], place: str) -> Starlette:
    """Make the page.

    Parameters
    ----------
    look : function
        Returns what goes on. It and ``act`` are called in one thread, one after the other: a connection is no more
        than one thread's at a time.
    act : function of an action, a recording and a table
        Tries failed jobs again ("retry") or leaves them alone ("ignore"); returns how many.
    place : str
        Which database it is, for people.
    """
    page = _Page(look, act, place)
    return Starlette(
        routes=[
            *file_routes("dashboard"),
            Route("/api/state", page.state),
            Route("/api/jobs", page.jobs, methods=["POST"]),
        ]
    )


class _Page:
    def __init__(self, look: Callable[[], Snapshot], act: Callable[[str, str, str], int], place: str) -> None:
        self._look, self._act, self._place = look, act, place
        self._thread = ThreadPoolExecutor(1, "database")
        self._asking = asyncio.Lock()
        self._seen: dict[str, Any] | None = None
        self._when = 0.0

    async def state(self, _: Request) -> Response:
        """Give what goes on, or why it cannot be told."""
        async with self._asking:
            if self._seen is None or time.monotonic() - self._when > FRESH:
                try:
                    found = await self._ask(self._look)
                except Exception as error:  # such as a server that is down: the page says so, and asks again
                    return _problem(_sentence(error), 503)
                self._seen = {**found.as_json(), "summary": found.summary(), "place": self._place, "words": STEPS}
                self._when = time.monotonic()
            return JSONResponse(self._seen)

    async def jobs(self, request: Request) -> Response:
        """Try failed jobs again, or leave them alone."""
        body = await request.body()
        try:
            sent: Any = json.loads(body) if len(body) <= LARGEST_REQUEST else None
            action, name, table = (str(sent[part]) for part in ("action", "name", "table"))
        except (ValueError, TypeError, KeyError):
            return _problem("An action, a recording and a table are sent as JSON.", 400)
        if action not in ("retry", "ignore"):
            return _problem(f"There is no action '{action}'.", 400)
        async with self._asking:
            try:
                number = await self._ask(lambda: self._act(action, name, table))
            except WorkflowError as error:
                return _problem(str(error), 400)
            except Exception as error:
                return _problem(_sentence(error), 503)
            self._seen = None
        return JSONResponse({"jobs": number})

    async def _ask(self, what: Callable[[], Answer]) -> Answer:
        return await asyncio.get_running_loop().run_in_executor(self._thread, what)


def _sentence(error: Exception) -> str:
    if isinstance(error, WorkflowError):
        return str(error)
    return f"The database does not answer as it should ({type(error).__name__}); it is asked again."


def _problem(sentence: str, status: int) -> Response:
    return JSONResponse({"error": sentence}, status)
