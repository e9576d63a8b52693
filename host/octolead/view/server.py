# SPDX-License-Identifier: Apache-2.0
"""The server: loopback only, a token of its own, nothing from elsewhere. Turns requests into questions to a `Desk`."""

from __future__ import annotations

import hmac
import json
import secrets
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any, Final

from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Scope, Send

from ..errors import EditError, OctoleadError
from .desk import Desk
from .signals import Filters

HOST: Final = "127.0.0.1"
_STATIC: Final = Path(__file__).parent / "static"
_TYPES: Final = {".html": "text/html", ".css": "text/css", ".js": "text/javascript", ".svg": "image/svg+xml"}
_POLICY: Final = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
_HEADERS: Final = [
    (b"content-security-policy", _POLICY.encode()),
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"no-referrer"),
    (b"cross-origin-opener-policy", b"same-origin"),
    (b"cross-origin-resource-policy", b"same-origin"),
    (b"cache-control", b"no-store"),
]
_BODY_BYTES: Final = 4096
_FIRST: Final = b"{}</script>"

Answer = Callable[[Request], Awaitable[Response]]


class Guard:
    """Lets in only what comes from the page that this server gave: right Host, right token, no other origin.

    Args:
        app: what is guarded.
        port: the one it listens on.
        token: what the first address carries, and a cookie afterwards.
    """

    def __init__(self, app: ASGIApp, port: int, token: str) -> None:
        self._app, self._token, self.cookie = app, token, f"octolead-{port}"
        self._hosts = {f"{name}:{port}" for name in (HOST, "localhost")}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer, or hand on."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        async def with_headers(message: Any) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = [*message.get("headers", []), *_HEADERS]
            await send(message)

        refusal = self._judge(Request(scope))
        await (refusal or self._app)(scope, receive, with_headers)

    def _judge(self, request: Request) -> Response | None:
        """A response that keeps it out, or that hands out the cookie; None to go on."""
        if request.headers.get("host", "") not in self._hosts:
            return _plain("This address is not the viewer's: open the one that octolead printed.", 421)
        origin = request.headers.get("origin")
        if origin is not None and origin not in {f"http://{host}" for host in self._hosts}:
            return _plain("Another page may not ask here.", 403)
        if request.headers.get("sec-fetch-site", "none") not in ("none", "same-origin") and request.url.path != "/":
            return _plain("Another page may not ask here.", 403)
        given = request.query_params.get("token") if request.url.path == "/" else None
        if given is not None and hmac.compare_digest(given.encode(), self._token.encode()):
            answer = RedirectResponse("/", 303)
            answer.set_cookie(self.cookie, self._token, httponly=True, samesite="strict", path="/")
            return answer
        if not hmac.compare_digest(request.cookies.get(self.cookie, "").encode(), self._token.encode()):
            return _plain("The token is missing or wrong: open the whole address that octolead printed.", 403)
        return None


def _for_markup(text: str) -> str:
    r"""JSON that can stand in a page: a name in it ends no element.

    >>> print(_for_markup('{"name": "</script>&"}'))
    {"name": "\u003c/script\u003e\u0026"}
    """
    return text.replace("&", "\\u0026").replace("<", "\\u003c").replace(">", "\\u003e")


def _plain(words: str, status: int) -> Response:
    return Response(words + "\n", status, media_type="text/plain; charset=utf-8")


def _refused(words: str, status: int) -> Response:
    return JSONResponse({"error": words}, status)


def static_files() -> dict[str, tuple[bytes, str]]:
    """Every file the browser gets, read once: a path that is not among them is not there, whatever it looks like."""
    return {p.name: (p.read_bytes(), _TYPES[p.suffix]) for p in sorted(_STATIC.iterdir()) if p.suffix in _TYPES}


class App:
    """The routes, over one desk."""

    def __init__(self, desk: Desk, live: Any = None) -> None:
        self._desk, self._live, self._static = desk, live, static_files()

    def routes(self) -> list[Route]:
        """All of them."""
        answers: dict[str, Answer] = {
            "/": self.page, "/static/{name}": self.static, "/api/info": self.info, "/api/status": self.status,
            "/api/facts": self.facts, "/api/tiles/{level:int}/{first:int}/{last:int}": self.tiles, "/api/beats": self.beats,
            "/api/beat": self.beat, "/api/next": self.next, "/api/superpose": self.superpose, "/api/edits": self.edits,
        }  # fmt: skip
        return [
            *(Route(path, self._careful(answer), methods=["GET"]) for path, answer in answers.items()),
            Route("/api/edits", self._careful(self.change), methods=["POST"]),
            *(self._live.routes(self._careful) if self._live else []),
        ]

    @staticmethod
    def _careful(answer: Answer) -> Answer:
        """What goes wrong is told in words, without a trace or a path."""

        async def careful(request: Request) -> Response:
            try:
                return await answer(request)
            except (KeyError, ValueError, EditError) as error:
                return _refused(str(error) if isinstance(error, (ValueError, EditError)) else f"{error} is missing", 400)
            except IndexError as error:
                return _refused(str(error), 404)
            except OSError as error:
                return _refused(f"cannot be read or written: {error.strerror}", 500)
            except OctoleadError as error:
                return _refused(type(error).__name__, 500)

        return careful

    async def page(self, request: Request) -> Response:
        """The page, with what the recording is in it: the first picture need not wait for another answer."""
        first = json.dumps({"info": await run_in_threadpool(self._info), "status": self._desk.status()}, ensure_ascii=False)
        data, kind = self._static["index.html"]
        return Response(data.replace(_FIRST, _for_markup(first).encode() + b"</script>"), media_type=f"{kind}; charset=utf-8")

    async def static(self, request: Request) -> Response:
        """A file of the page."""
        return self._file(request.path_params["name"])

    def _file(self, name: str) -> Response:
        if name not in self._static:
            raise IndexError("no such file")
        data, kind = self._static[name]
        return Response(data, media_type=f"{kind}; charset=utf-8")

    async def info(self, request: Request) -> Response:
        """What the recording is."""
        return JSONResponse(await run_in_threadpool(self._info))

    def _info(self) -> dict[str, Any]:
        return {**self._desk.info(), "live": self._live is not None}

    async def status(self, request: Request) -> Response:
        """How far the work is."""
        return JSONResponse(self._desk.status())

    async def facts(self, request: Request) -> Response:
        """Trends, episodes, hours, templates, numbers."""
        facts = await run_in_threadpool(self._desk.facts)
        return Response(facts, media_type="application/json") if facts else _refused("the analysis is not made yet", 404)

    async def tiles(self, request: Request) -> Response:
        """Samples, or lowest and highest values, of some tiles."""
        q, place = request.query_params, request.path_params
        chosen = Filters(*(float(q.get(name, 0)) for name in ("baseline", "mains", "lowpass")))
        names = q["leads"].split(",")
        which = place["level"], place["first"], place["last"]
        return _binary(await run_in_threadpool(self._desk.tiles, *which, names, chosen))

    async def beats(self, request: Request) -> Response:
        """Beats of a range."""
        q = request.query_params
        return _binary(self._desk.beats(int(q["start"]), int(q["stop"])))

    async def beat(self, request: Request) -> Response:
        """What was measured on one."""
        found = await run_in_threadpool(self._desk.beat, int(request.query_params["frame"]))
        return JSONResponse(found)

    async def next(self, request: Request) -> Response:
        """Where the next of a kind is."""
        q = request.query_params
        frame = await run_in_threadpool(self._desk.next_of, q["kind"], int(q["from"]), 1 if q.get("dir", "1") == "1" else -1)
        return JSONResponse({"frame": frame})

    async def superpose(self, request: Request) -> Response:
        """Beats of one shape over each other."""
        q = request.query_params
        return _binary(await run_in_threadpool(self._desk.superpose, int(q["cluster"]), q["lead"], min(200, int(q.get("most", 60)))))

    async def edits(self, request: Request) -> Response:
        """The log of changes."""
        return JSONResponse(await run_in_threadpool(self._desk.log.lines))

    async def change(self, request: Request) -> Response:
        """A change."""
        if request.headers.get("content-type", "").split(";")[0] != "application/json":
            raise ValueError("a change is sent as application/json")
        body = b""
        async for part in request.stream():
            body += part
            if len(body) > _BODY_BYTES:
                raise ValueError(f"a change of more than {_BODY_BYTES} bytes")
        sent = json.loads(body)
        if not isinstance(sent, dict):
            return _refused("a change is a JSON object", 400)
        return JSONResponse(await run_in_threadpool(self._desk.change, sent, str(sent.get("who") or "someone")))


def _binary(data: bytes) -> Response:
    return Response(data, media_type="application/octet-stream")


def make_app(desk: Desk, port: int, token: str | None = None, live: Any = None) -> tuple[ASGIApp, str]:
    """Return the application and its token."""
    own = token or secrets.token_urlsafe(24)
    return Guard(Starlette(routes=App(desk, live).routes()), port, own), own
