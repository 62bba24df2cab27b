"""The files of a page, read once: a request names one of them, and no path of it reaches the file system."""

from __future__ import annotations

from pathlib import Path

from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

STATIC = Path(__file__).with_name("static")
MEDIA_TYPES = {".html": "text/html", ".css": "text/css", ".js": "text/javascript", ".svg": "image/svg+xml"}


def file_routes(folder: str) -> list[Route]:
    """Give the routes of a page: its ``index.html`` at ``/``, the files beside it and ``vendor/`` below ``/static/``.

    Parameters
    ----------
    folder : str
        Folder of the page in ``static``.
    """
    page = STATIC / folder
    files = {path.name: path for path in page.iterdir() if path.suffix in MEDIA_TYPES}
    vendor = STATIC / "vendor"
    files |= {
        f"vendor/{path.relative_to(vendor).as_posix()}": path
        for path in vendor.rglob("*")
        if path.suffix in MEDIA_TYPES
    }
    answers = {name: (path.read_bytes(), MEDIA_TYPES[path.suffix]) for name, path in files.items()}

    def answer(name: str) -> Response:
        if name not in answers:
            return PlainTextResponse("There is no such file.\n", 404)
        content, media_type = answers[name]
        return Response(content, media_type=media_type)

    def index(_: Request) -> Response:
        return answer("index.html")

    def static(request: Request) -> Response:
        return answer(request.path_params["name"])

    return [Route("/", index), Route("/static/{name:path}", static)]
