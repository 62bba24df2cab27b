"""The page's requests and their answers."""

from __future__ import annotations

import json
import threading
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from functools import lru_cache
from typing import Any

import anyio.to_thread
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from ...errors import CurationError, NotSavedError, WorkflowError
from ...results.curation import fingerprint
from ...work.curation import Curating
from ..binary import MEDIA_TYPE, pack
from ..files import file_routes
from . import view
from .envelope import envelope, stretch_length

#: components whose traces are kept in memory: those that were looked at last
KEPT_TRACES = 64
#: points of a trace that a page may ask for: more than the widest screen has
MOST_POINTS = 8192
#: bytes of the largest request with decisions
LARGEST_REQUEST = 4 << 20


def curation_app(curating: Curating) -> Starlette:
    """Make the page for one result and one curator.

    Parameters
    ----------
    curating : Curating
        The result, and where decisions are saved.
    """
    page = _Page(curating)
    answers: dict[str, Callable[..., Any]] = {
        "result": page.result,
        "events": page.events,
        "outlines": page.outlines,
        "image/{name}": page.image,
        "traces/{component:int}": page.traces,
        "neighbours/{component:int}": page.neighbours,
    }
    routes = [Route(f"/api/{path}", answer) for path, answer in answers.items()]
    routes += [Route("/api/decisions", page.decisions), Route("/api/decisions", page.decide, methods=["POST"])]
    routes.append(Route("/api/commit", page.commit, methods=["POST"]))

    @asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        yield
        await anyio.to_thread.run_sync(page.stop)

    return Starlette(routes=[*file_routes("curate"), *routes], lifespan=lifespan)


class _Page:
    """The result as the page asks for it. Methods that are no coroutines run in threads of their own."""

    def __init__(self, curating: Curating) -> None:
        self._curating = curating
        opened, self._log, self._curator = curating.opened, curating.log, curating.curator
        self._opened = opened
        self._images = view.images(opened.components)
        self._outlines = view.outlines(opened.components)
        self._properties = view.properties(opened.components)
        self._traces = lru_cache(maxsize=KEPT_TRACES)(opened.traces)
        self._fitted = lru_cache(maxsize=KEPT_TRACES)(opened.fitted)
        self._events: list[int | None] | None = None
        self._counting = threading.Thread(target=self._count_events, daemon=True)
        self._starting, self._stopping = threading.Lock(), threading.Event()

    def stop(self) -> None:
        """End what is done beside the page, before the result is closed."""
        self._stopping.set()
        with self._starting:
            if self._counting.is_alive():
                self._counting.join()

    def _count_events(self) -> None:
        counts: list[int | None] = []
        for component in range(self._opened.components.n_components):
            if self._stopping.is_set():
                return
            counts.append(view.count_events(self._opened, component))
        self._events = counts

    def result(self, _: Request) -> Response:
        """Give what does not change while the page is open."""
        result = self._opened.components
        return JSONResponse(
            {
                "name": self._opened.path.name,
                "fingerprint": fingerprint(result),
                "folder": self._opened.path.parent.name,
                "curator": self._curator,
                "height": result.dims[0],
                "width": result.dims[1],
                "components": result.n_components,
                "frames": self._opened.n_frames,
                "fps": result.fps,
                "engine": f"{result.method} {result.version}".strip(),
                "images": [{"name": name, "label": label} for name, (label, _) in self._images.items()],
                "thresholds": view.thresholds(result),
                "properties": self._properties,
            }
        )

    def events(self, _: Request) -> Response:
        """Count of events of each component; null while they are counted.

        That takes all traces, so it begins when the page asks for the first time, after all that is more urgent.
        """
        with self._starting:
            if self._counting.ident is None:
                self._counting.start()
        return JSONResponse({"events": self._events})

    def outlines(self, _: Request) -> Response:
        """All outlines."""
        points, starts, owners = self._outlines
        return Response(pack({"points": points, "starts": starts, "owners": owners}), media_type=MEDIA_TYPE)

    def image(self, request: Request) -> Response:
        """One image."""
        name = request.path_params["name"]
        if name not in self._images:
            return _problem("There is no such image.", 404)
        return Response(pack({"image": self._images[name][1]}), media_type=MEDIA_TYPE)

    def traces(self, request: Request) -> Response:
        """Return the traces of one component between two frames, or the fitted one only, as envelopes."""
        frames = self._opened.n_frames
        try:
            start = int(request.query_params.get("start", 0))
            stop = int(request.query_params.get("stop", frames))
            points = int(request.query_params.get("points", 1024))
        except ValueError:
            return _problem("start, stop and points are whole numbers.", 400)
        start, stop = max(start, 0), min(stop, frames)
        component = request.path_params["component"]
        if component >= self._opened.components.n_components or (start >= stop and frames):
            return _problem("There is no such part of a trace.", 404)
        length = stretch_length(stop - start, min(max(points, 1), MOST_POINTS))
        if request.query_params.get("only") == "fitted":
            parts = {"fitted": self._fitted(component)}
        else:
            parts = vars(self._traces(component))
        arrays = {name: envelope(part, start, stop, length) for name, part in parts.items() if part is not None}
        return Response(pack(arrays, start=start // length * length, length=length), media_type=MEDIA_TYPE)

    def neighbours(self, request: Request) -> Response:
        """Correlate the fitted trace of a component with those of its neighbours, in their order."""
        component = request.path_params["component"]
        if component >= self._opened.components.n_components:
            return _problem("There is no such component.", 404)
        own = self._fitted(component)
        others = [self._fitted(other) for other, _ in self._properties["neighbours"][component]]
        return JSONResponse({"correlations": [view.correlation(own, other) for other in others]})

    def decisions(self, request: Request) -> Response:
        """Return the events after those that the page knows."""
        return self._since(request.query_params.get("seen", "0"))

    async def decide(self, request: Request) -> Response:
        """Save what the page sends; answers when it is on the disk."""
        if not request.headers.get("content-type", "").startswith("application/json"):
            return _problem("Decisions are sent as JSON.", 415)
        body = bytearray()
        async for part in request.stream():
            body += part
            if len(body) > LARGEST_REQUEST:
                return _problem("That is more than a page ever sends.", 413)
        return await anyio.to_thread.run_sync(self._save, bytes(body))

    def _save(self, body: bytes) -> Response:
        try:
            sent = _Sent.parse(body)
            if self._log.append(sent.events):
                self._curating.changed()
        except NotSavedError as error:
            return _problem(str(error), 507)
        except CurationError as error:
            return _problem(str(error), 400)
        return self._since(sent.seen)

    async def commit(self, request: Request) -> Response:
        """Make a curated result of what is decided."""
        return await anyio.to_thread.run_sync(self._commit)

    def _commit(self) -> Response:
        try:
            return JSONResponse({"made": self._curating.commit()})
        except WorkflowError as error:
            return _problem(str(error), 400)
        except Exception as error:  # such as a lost connection: the page says so, decisions are in the log
            return _problem(f"The curation could not be committed ({error}).", 500)

    def _since(self, seen: Any) -> Response:
        try:
            first = max(int(seen), 0)
        except (TypeError, ValueError):
            return _problem("seen is a whole number.", 400)
        events = self._log.events  # only ever grows: its length is read once
        total = len(events)
        return JSONResponse({"total": total, "events": [event.as_json() for event in events[first:total]]})


class _Sent:
    """What a page sends with decisions."""

    def __init__(self, events: list[Any], seen: Any) -> None:
        self.events, self.seen = events, seen

    @classmethod
    def parse(cls, body: bytes) -> _Sent:
        """Read it.

        Raises
        ------
        CurationError
            It is no JSON object with a list of events.
        """
        try:
            values = json.loads(body)
            events = values["events"]
        except (ValueError, TypeError, KeyError, RecursionError):
            events = None
        if not isinstance(events, list):
            raise CurationError("Decisions are sent as an object with a list of events.")
        return cls(events, values.get("seen", 0))


def _problem(sentence: str, status: int) -> Response:
    return JSONResponse({"error": sentence}, status)
