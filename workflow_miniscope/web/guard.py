"""Who may read a page: the user who started it, from this machine, and no other page of the same browser.

A server on loopback is reached by every user of the machine, and by every web page that the browser shows. The
address that is printed holds a token that works once and is exchanged for a cookie; requests are answered only with
that cookie, under a host name of loopback (a foreign name would be rebound DNS), and from no foreign origin.
"""

from __future__ import annotations

import secrets
from http.cookies import CookieError, SimpleCookie
from urllib.parse import parse_qs

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import HTMLResponse, PlainTextResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

#: nothing is loaded from elsewhere, no script or style stands in a page itself, no other page may frame it
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob: data:; connect-src 'self'; "
    "form-action 'none'; base-uri 'none'; frame-ancestors 'none'"
)
HEADERS = {
    "content-security-policy": POLICY,
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    "cross-origin-resource-policy": "same-origin",
    "cross-origin-opener-policy": "same-origin",
    "cache-control": "no-store",
}
#: bytes of the token and of the cookie: neither can be guessed
SECRET_BYTES = 32
SAFE = ("GET", "HEAD")
_ENTER = (
    '<!doctype html><meta charset="utf-8"><meta http-equiv="refresh" content="0;url=/">'
    '<link rel="icon" href="data:,"><title>Opening</title>'
)
_ASK = (
    "This page is for the user who started it. Open the whole address that the program printed last; it works once, "
    "in one browser. Start the program again for a new one: nothing that was saved is lost.\n"
)


class Guard:
    """ASGI middleware that lets only the owner in.

    Parameters
    ----------
    app : ASGIApp
        What is guarded.
    port : int
        Port that the server listens on.

    Attributes
    ----------
    token : str
        Opens the page once.
    """

    def __init__(self, app: ASGIApp, port: int) -> None:
        self._app = app
        self._hosts = {f"127.0.0.1:{port}", f"localhost:{port}"}
        self._origins = {f"http://{host}" for host in self._hosts}
        # browsers share cookies between the ports of a host
        self._name = f"workflow-miniscope-{port}"
        self._session = secrets.token_urlsafe(SECRET_BYTES)
        self._unused = True
        self.token = secrets.token_urlsafe(SECRET_BYTES)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request, or refuse it."""
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
            return
        if scope["type"] != "http":
            return

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                MutableHeaders(scope=message).update(HEADERS)
            await send(message)

        answer = self._refusal(scope)
        await (answer or self._app)(scope, receive, send_with_headers)

    def _refusal(self, scope: Scope) -> Response | None:
        """Give the answer to a request that does not reach the application."""
        headers = Headers(scope=scope)
        if headers.get("host", "") not in self._hosts:
            return PlainTextResponse("This host name is not the one that was opened.\n", 421)
        origin = headers.get("origin")
        if origin not in self._origins and (origin is not None or scope["method"] not in SAFE):
            return PlainTextResponse("Requests from other pages are refused.\n", 403)
        if self._knows(headers.get("cookie", "")):
            return HTMLResponse(_ENTER) if scope["query_string"].startswith(b"token=") else None
        if scope["path"] == "/" and scope["method"] == "GET" and self._exchange(scope):
            answer = HTMLResponse(_ENTER)
            answer.set_cookie(self._name, self._session, httponly=True, samesite="strict", path="/")
            return answer
        return PlainTextResponse(_ASK, 403)

    def _knows(self, cookie: str) -> bool:
        try:
            morsel = SimpleCookie(cookie).get(self._name)
        except CookieError:
            return False
        return morsel is not None and secrets.compare_digest(morsel.value.encode(), self._session.encode())

    def _exchange(self, scope: Scope) -> bool:
        """Whether the request brings the token for the first time."""
        given = parse_qs(scope["query_string"].decode("latin-1")).get("token", [""])[0]
        if not self._unused or not secrets.compare_digest(given.encode(), self.token.encode()):
            return False
        self._unused = False
        return True
