"""The page's requests and their answers."""

from __future__ import annotations

import json
import threading
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from functools import cached_property, lru_cache
from typing import TYPE_CHECKING, Any

import anyio.to_thread
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from ...analysis.why_not import explain
from ...errors import CurationError, NotSavedError, WorkflowError
from ...movies.types import Floats
from ...results.curation import fingerprint
from ...work.curation import Curating
from ..binary import MEDIA_TYPE, pack
from ..files import file_routes
from . import view
from .envelope import envelope, stretch_length
from .made import describe
from .movie import MoviePictures
from .transients import largest

if TYPE_CHECKING:
    from ...work.editing import Editing, Wish

#: components whose traces are kept in memory: those that were looked at last
KEPT_TRACES = 64
#: points of a trace that a page may ask for: more than the widest screen has
MOST_POINTS = 8192
#: Hz: taken where a file does not say its frame rate
USUAL_RATE = 20.0
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
        "transients/{component:int}": page.transients,
        "made/{first:int}": page.made,
        "edit": page.editing,
        "why/{y:int}/{x:int}": page.why,
        "traces/at/{y:int}/{x:int}": page.traces_at,
        "movie": page.movie,
        "movie/frames": page.movie_frames,
    }
    routes = [Route(f"/api/{path}", answer) for path, answer in answers.items()]
    routes += [Route("/api/decisions", page.decisions), Route("/api/decisions", page.decide, methods=["POST"])]
    routes.append(Route("/api/edit", page.edit, methods=["POST"]))
    routes.append(Route("/api/recording", page.read_recording, methods=["POST"]))
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
        self._traces = lru_cache(maxsize=KEPT_TRACES)(curating.traces)
        self._fitted = lru_cache(maxsize=KEPT_TRACES)(self._fitted_trace)
        self._local = lru_cache(maxsize=KEPT_TRACES)(lambda y, x: self._editing.local_trace(y, x))
        self._pictures = MoviePictures(curating)
        self._events: list[int | None] | None = None
        self._counting = threading.Thread(target=self._count_events, daemon=True)
        self._starting, self._stopping = threading.Lock(), threading.Event()

    def stop(self) -> None:
        """End what is done beside the page, before the result is closed."""
        self._stopping.set()
        with self._starting:
            if self._counting.is_alive():
                self._counting.join()
        if "_editing" in vars(self):
            self._editing.close()

    @cached_property
    def _editing(self) -> Editing:
        from ...work.editing import Editing  # the engine takes long to import

        return Editing(self._curating)

    def _fitted_trace(self, component: int) -> Floats:
        opened = self._opened
        return opened.fitted(component) if component < self._known else self._curating.one_made(component).C

    @property
    def _known(self) -> int:
        """Components of the result."""
        return self._opened.components.n_components

    def _is_there(self, component: int) -> bool:
        return component < len(self._log.curation.states)

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
        component = request.path_params["component"]
        if not self._is_there(component):
            return _problem("There is no such trace.", 404)
        if request.query_params.get("only") == "fitted":
            parts = {"fitted": self._fitted(component)}
        else:
            parts = vars(self._traces(component))
        return self._envelopes(request, parts)

    def traces_at(self, request: Request) -> Response:
        """Return how bright a pixel is beside what is around it, as the search for cells sees it."""
        try:
            self._require_pixel(request)
            return self._envelopes(request, self._local(request.path_params["y"], request.path_params["x"]))
        except WorkflowError as error:
            return _problem(str(error), 404)

    def why(self, request: Request) -> Response:
        """Say what the engine saw at a pixel, and what became of it."""
        try:
            self._require_pixel(request)
        except WorkflowError as error:
            return _problem(str(error), 404)
        result = self._opened.components
        found = explain(result, result.search, request.path_params["y"], request.path_params["x"])
        thresholds = {} if result.search is None else {n: getattr(result.search, n) for n in ("min_corr", "min_pnr")}
        return JSONResponse({**vars(found), **thresholds})

    def _require_pixel(self, request: Request) -> None:
        height, width = self._opened.components.dims
        if request.path_params["y"] >= height or request.path_params["x"] >= width:
            raise CurationError("There is no such pixel.")

    def _envelopes(self, request: Request, parts: Mapping[str, Floats | None]) -> Response:
        """Give the part of some traces that is asked for."""
        frames = self._opened.n_frames
        try:
            start = int(request.query_params.get("start", 0))
            stop = int(request.query_params.get("stop", frames))
            points = int(request.query_params.get("points", 1024))
        except ValueError:
            return _problem("start, stop and points are whole numbers.", 400)
        start, stop = max(start, 0), min(stop, frames)
        if start >= stop and frames:
            return _problem("There is no such part of a trace.", 404)
        length = stretch_length(stop - start, min(max(points, 1), MOST_POINTS))
        arrays = {name: envelope(part, start, stop, length) for name, part in parts.items() if part is not None}
        return Response(pack(arrays, start=start // length * length, length=length), media_type=MEDIA_TYPE)

    def neighbours(self, request: Request) -> Response:
        """Correlate the fitted trace of a component with those of its neighbours, in their order."""
        component = request.path_params["component"]
        if not self._is_there(component):
            return _problem("There is no such component.", 404)
        own = self._fitted(component)
        near = self._properties["neighbours"][component] if component < self._known else self._near(component)
        others = [self._fitted(other) for other, _ in near]
        return JSONResponse({"correlations": [view.correlation(own, other) for other in others]})

    def transients(self, request: Request) -> Response:
        """Find the largest transients of a component, each as first frame, peak, end."""
        component = request.path_params["component"]
        if not self._is_there(component) or not self._opened.n_frames:
            return _problem("There is no such trace.", 404)
        fps = self._opened.components.fps or USUAL_RATE
        return JSONResponse({"transients": largest(self._fitted(component), fps)})

    def _near(self, component: int) -> list[tuple[int, float]]:
        near: list[tuple[int, float]] = describe(self._curating, component)[0]["neighbours"]
        return near

    def made(self, request: Request) -> Response:
        """Describe the components that edits made, from one on."""
        try:
            return JSONResponse({"components": describe(self._curating, request.path_params["first"])})
        except WorkflowError as error:
            return _problem(str(error), 500)

    def editing(self, _: Request) -> Response:
        """Say how much of the recording has been read, while an edit waits for it."""
        editing = self._editing
        return JSONResponse({"progress": editing.progress, "ready": editing.ready, "problem": editing.problem})

    def read_recording(self, _: Request) -> Response:
        """Begin to read the recording, for what needs all of it."""
        self._editing.read_ahead()
        return self.editing(_)

    async def edit(self, request: Request) -> Response:
        """Fit what the page wants to be merged, split, added or redrawn; answers when it is on the disk."""
        body = await self._body(request)
        return body if isinstance(body, Response) else await anyio.to_thread.run_sync(self._edit, body)

    def _edit(self, body: bytes) -> Response:
        try:
            event_id, wish = _wish(body)
            return JSONResponse({"event": self._editing.perform(wish, event_id).as_json()})
        except NotSavedError as error:
            return _problem(str(error), 507)
        except WorkflowError as error:
            return _problem(str(error), 400)

    def movie(self, _: Request) -> Response:
        """Say whether the recording is on the disk, and in which ways it can be shown."""
        try:
            return JSONResponse({"kinds": self._pictures.views().kinds, "problem": None})
        except WorkflowError as error:
            return JSONResponse({"kinds": {}, "problem": str(error)})

    def movie_frames(self, request: Request) -> Response:
        """Give some frames of the movie as pictures."""
        try:
            return Response(self._pictures.pictures(self._pictures.part(request.query_params)), media_type=MEDIA_TYPE)
        except ValueError as error:
            return _problem(str(error), 400)
        except WorkflowError as error:
            return _problem(str(error), 404)

    def decisions(self, request: Request) -> Response:
        """Return the events after those that the page knows."""
        return self._since(request.query_params.get("seen", "0"))

    async def decide(self, request: Request) -> Response:
        """Save what the page sends; answers when it is on the disk."""
        body = await self._body(request)
        return body if isinstance(body, Response) else await anyio.to_thread.run_sync(self._save, body)

    async def _body(self, request: Request) -> bytes | Response:
        """Read what a page sends, or refuse it."""
        if not request.headers.get("content-type", "").startswith("application/json"):
            return _problem("Decisions are sent as JSON.", 415)
        body = bytearray()
        async for part in request.stream():
            body += part
            if len(body) > LARGEST_REQUEST:
                return _problem("That is more than a page ever sends.", 413)
        return bytes(body)

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


def _wish(body: bytes) -> tuple[str, Wish]:
    """Read the id of an edit, and what is wanted.

    Raises
    ------
    CurationError
        It is no JSON object of this kind.
    """
    from ...work.editing import Wish

    try:
        values = json.loads(body)
        place = tuple((float(x), float(y)) for x, y in values.get("place", []))
        components = tuple(int(k) for k in values.get("components", []))
        return str(values["id"]), Wish(str(values["action"]), components, place)
    except (ValueError, TypeError, KeyError, AttributeError):
        raise CurationError("An edit is sent as an object with id, action, components and place.") from None


def _problem(sentence: str, status: int) -> Response:
    return JSONResponse({"error": sentence}, status)
