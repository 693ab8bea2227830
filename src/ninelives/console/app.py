"""The console as an ASGI application: the page and its files, what it shows as JSON and as a stream, and decisions.

``GET``  ``/``                    the page; ``/static/…`` its files, all of them from the package
``GET``  ``/api/hello``           where this is, the token for decisions
``GET``  ``/api/stream``          server-sent events: ``overview``, ``service``, ``charts``, each when it has changed
``GET``  ``/api/releases``        a service's history, with proofs that are kept on this machine
``GET``  ``/api/logs``            what a service's tasks wrote
``GET``  ``/report/ID``           a release's report
``POST`` ``/api/decide``          promote, abort, roll back
"""

import asyncio
import hashlib
import json
import logging
import mimetypes
import secrets
from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from importlib.resources import files
from pathlib import Path
from typing import Any

import orjson
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.routing import Route

from ninelives import __version__
from ninelives.console.actions import decide, read_decision
from ninelives.console.asgi import STOPPING, ASGIApp, Message, Receive, Send
from ninelives.console.charts import RANGES
from ninelives.console.gate import COOKIE, Gate
from ninelives.console.hub import Hub, merged
from ninelives.console.reading import Named, Reader
from ninelives.console.snapshot import releases_view
from ninelives.console.troubles import trouble_of
from ninelives.deploy.reading import Definition
from ninelives.rehearsal.kept_proofs import kept_proof, kept_report

log = logging.getLogger(__name__)

SILENCE_SECONDS = 15.0
"""A stream that has nothing to tell says so this often: the page then knows that it is still there."""
BODY_LIMIT = 10_000
LINES_SINCE_MAX = 7 * 24 * 3600
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; font-src 'self'; img-src 'self' data:; connect-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
HEADERS = {
    "content-security-policy": POLICY,
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    "cross-origin-resource-policy": "same-origin",
}
LET_IN = (
    '<!doctype html><html lang="en"><meta charset="utf-8"><meta http-equiv="refresh" content="0; url=./">'
    '<title>ninelives</title><a href="./">Open the console</a></html>'
)
REPORT_POLICY = (
    "default-src 'none'; style-src 'unsafe-inline'; img-src data:; font-src data:; base-uri 'none'; form-action 'none'; "
    "frame-ancestors 'none'; sandbox allow-popups allow-popups-to-escape-sandbox"
)
"""A report is a page from a file: nothing in it may act as the console."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where the console looks, in words for its head."""

    kind: str
    """``region`` or ``aws``."""
    region: str
    endpoint: str | None = None
    environment: str | None = None


class Console:
    """One console; ``known`` are services of which there is a file, the first of them is shown first."""

    def __init__(self, reader: Reader, gate: Gate, place: Place, known: Sequence[Definition] = ()) -> None:
        self.reader = reader
        self.gate = gate
        self.place = place
        self.known = known
        self.hub = Hub(reader)
        self._files = _Files()
        self._tickets: set[str] = set()

    def ticket(self) -> str:
        """A key that opens once: whom a browser is started to show what, all users of a machine can read."""
        made = secrets.token_urlsafe(24)
        self._tickets.add(made)
        return made

    def app(self) -> ASGIApp:
        """The application, without what is below ``root_path`` of the scope it is given."""
        routes = [
            Route("/", self._page),
            Route("/static/{version}/{name:path}", self._static),
            Route("/api/hello", self._hello),
            Route("/api/stream", self._stream),
            Route("/api/releases", self._releases),
            Route("/api/logs", self._logs),
            Route("/api/decide", self._decide, methods=["POST"]),
            Route("/report/{cluster}/{service}/{identifier}", self._report),
        ]
        inner = Starlette(routes=routes, exception_handlers={HTTPException: _failed})
        return self._guarded(inner)

    def _guarded(self, inner: ASGIApp) -> ASGIApp:
        async def serve(scope: Message, receive: Receive, send: Send) -> None:
            if scope["type"] != "http":
                await inner(scope, receive, send)
                return
            request = Request(scope)
            problem = self.gate.why_not(request.method, request.headers)

            async def with_headers(message: Message) -> None:
                if message["type"] == "http.response.start":
                    given = {name for name, _ in message.get("headers") or ()}
                    added = [(k.encode(), v.encode()) for k, v in HEADERS.items() if k.encode() not in given]
                    message = {**message, "headers": [*(message.get("headers") or ()), *added]}
                await send(message)

            if problem is not None:
                answer: ASGIApp = _turned_away(problem)
            elif not self.gate.has_key(request.cookies.get(_cookie(request))) or self._bears_the_key(request):
                answer = self._at_the_door(request)
            else:
                answer = inner
            await answer(scope, receive, with_headers)

        return serve

    def _at_the_door(self, request: Request) -> Response:
        """Take the key of the address, and keep it in a cookie; without it, say where it is."""
        if self._bears_the_key(request):
            self._tickets.discard(request.query_params["key"])
            # A redirection would still be the step of the page that led here, and not be told the cookie.
            answer = Response(LET_IN, media_type="text/html", headers={"cache-control": "no-store"})
            path = request.scope.get("root_path") or "/"
            answer.set_cookie(_cookie(request), self.gate.key or "", httponly=True, samesite="strict", path=path)
            return answer
        if "/api/" in request.url.path:
            hint = "Open the address that `ninelives console` has printed."
            return _turned_away("The console does not know this page: it has begun anew since.", hint)
        text = "This console acts with somebody's credentials. Open it by the address that `ninelives console` has printed.\n"
        return Response(text, status_code=403, media_type="text/plain")

    def _bears_the_key(self, request: Request) -> bool:
        given = request.query_params.get("key")
        return self.gate.key is not None and (self.gate.has_key(given) or given in self._tickets)

    async def _page(self, _: Request) -> Response:
        page = self._files.read("index.html").replace(b"{version}", self._files.version.encode())
        return Response(page, media_type="text/html", headers={"cache-control": "no-cache"})

    async def _static(self, request: Request) -> Response:
        name = request.path_params["name"]
        try:
            body = self._files.read(name)
        except (FileNotFoundError, IsADirectoryError, ValueError):  # no path has a NUL
            raise HTTPException(404, "There is nothing here.") from None
        kind = "text/javascript" if name.endswith(".js") else mimetypes.guess_type(name)[0]
        is_current = request.path_params["version"] == self._files.version
        kept = "public, max-age=31536000, immutable" if is_current else "no-cache"
        return Response(body, media_type=kind or "application/octet-stream", headers={"cache-control": kept})

    async def _hello(self, _: Request) -> Response:
        first = self.known[0].file if self.known else None
        return _told({
            "version": __version__,
            "place": {
                "kind": self.place.kind,
                "region": self.place.region,
                "endpoint": self.place.endpoint,
                "environment": self.place.environment,
            },
            "token": self.gate.token,
            "first": None if first is None else {"cluster": first.cluster_name, "name": first.service},
            "ranges": list(RANGES),
            "page": self._files.version,
            "calls": self.reader.calls,
        })  # fmt: skip

    async def _stream(self, request: Request) -> Response:
        sources = {"overview": self.hub.overview().states()}
        named = _named(request, is_needed=False)
        if named is not None:
            sources["service"] = self.hub.service(named).states()
            seconds = _number(request, "range", RANGES[0])
            if seconds not in RANGES:
                raise HTTPException(400, f"range: expected one of {', '.join(map(str, RANGES))}")
            sources["charts"] = self.hub.charts(named, seconds).states()
        return StreamingResponse(
            _events(sources, request.scope.get(STOPPING)),
            media_type="text/event-stream",
            headers={"cache-control": "no-store", "x-accel-buffering": "no"},
        )

    async def _releases(self, request: Request) -> Response:
        named = _named(request)
        assert named is not None

        def read() -> list[dict[str, Any]]:
            facts = self.reader.service(named)
            past = self.reader.past(named, facts.deployment)
            proofs = {one.arn: proof for one in past if (proof := kept_proof(one.arn)) is not None}
            reports = {one.arn: f"report/{named[0]}/{named[1]}/{one.id}" for one in past if kept_report(one.arn) is not None}
            return releases_view(past, proofs, reports, facts.service.get("taskDefinition", ""))

        return await _answered(read, "releases")

    async def _logs(self, request: Request) -> Response:
        named = _named(request)
        assert named is not None
        after = request.query_params.get("after")
        if after is not None:
            start = datetime.fromtimestamp(_number(request, "after", 0) / 1000, tz=UTC)
        else:
            seconds = min(_number(request, "since", 900), LINES_SINCE_MAX)
            start = self.reader.clock.now() - timedelta(seconds=seconds)
        return await _answered(lambda: self.reader.lines(named, start), "logs")

    async def _report(self, request: Request) -> Response:
        named = (request.path_params["cluster"], request.path_params["service"])
        try:
            past = await asyncio.to_thread(self.reader.past, named)
        except Exception as error:
            trouble = trouble_of(error)
            if trouble is None:
                raise
            raise HTTPException(502, f"{trouble.text} {trouble.hint}".strip()) from None
        arn = next((one.arn for one in past if one.id == request.path_params["identifier"]), None)
        path: Path | None = kept_report(arn) if arn is not None else None
        if path is None:
            raise HTTPException(404, "No report is kept of this release on this machine.")
        report = await asyncio.to_thread(path.read_bytes)
        return Response(report, media_type="text/html", headers={"content-security-policy": REPORT_POLICY})

    async def _decide(self, request: Request) -> Response:
        if request.headers.get("content-type", "").partition(";")[0] != "application/json":
            raise HTTPException(415, "Expected JSON.")
        body = await request.body()
        if len(body) > BODY_LIMIT:
            raise HTTPException(413, "Too long.")
        try:
            decision = read_decision(json.loads(body))
        except ValueError as error:
            raise HTTPException(400, f"{error}.") from None
        log.info("console: %s %s/%s", decision.verb, decision.cluster, decision.service)
        answer = await _answered(lambda: decide(self.reader.aws, self.reader.clock, decision, self.known), "told")
        self.hub.hurry()
        return answer


async def _events(
    sources: Mapping[str, AsyncGenerator[bytes, None]], stopping: asyncio.Event | None
) -> AsyncGenerator[bytes, None]:
    yield b"retry: 1000\n\n"
    async for name, state in merged(sources, SILENCE_SECONDS, stopping):
        yield b": still here\n\n" if state is None else b"event: " + name.encode() + b"\ndata: " + state + b"\n\n"


async def _answered(read: Callable[[], Any], name: str) -> Response:
    """What ``read`` answers, under ``name``; or what is wrong, in the API's words, with status 502 (409 for a refusal)."""
    try:
        found = await asyncio.to_thread(read)
    except Exception as error:
        trouble = trouble_of(error)
        if trouble is None:
            log.exception("console")
            return _told({"error": {"kind": "bug", "text": f"{type(error).__name__}: {error}", "hint": ""}}, 500)
        return _told({"error": trouble.as_json()}, 502 if trouble.passes else 409)
    return _told({name: found})


def _told(value: Any, status: int = 200) -> Response:
    headers = {"cache-control": "no-store"}
    return Response(orjson.dumps(value), status_code=status, media_type="application/json", headers=headers)


def _turned_away(why: str, hint: str = "") -> Response:
    return _told({"error": {"kind": "turned away", "text": why, "hint": hint}}, 403)


def _cookie(request: Request) -> str:
    """Each console of a machine has its own."""
    return f"{COOKIE}-{request.url.port or 80}"


async def _failed(_: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    return _told({"error": {"kind": "mistake", "text": error.detail, "hint": ""}}, error.status_code)


def _named(request: Request, *, is_needed: bool = True) -> Named | None:
    cluster, service = request.query_params.get("cluster"), request.query_params.get("service")
    if cluster and service:
        return cluster, service
    if is_needed:
        raise HTTPException(400, "cluster and service are missing.")
    return None


def _number(request: Request, name: str, otherwise: int) -> int:
    given = request.query_params.get(name)
    if given is None:
        return otherwise
    if not given.isascii() or not given.isdigit() or len(given) > 13:  # noqa: PLR2004 (milliseconds of our time)
        raise HTTPException(400, f"{name}: expected a whole number.")
    return int(given)


class _Files:
    """The page's files, from the package; read once. ``version`` changes with any of them."""

    def __init__(self) -> None:
        self._root = files("ninelives.console") / "static"
        self._known: dict[str, bytes] = {}
        names = sorted(one.name for one in self._root.iterdir() if one.is_file())
        self.version = hashlib.sha256(b"".join(self.read(name) for name in names)).hexdigest()[:12]

    def read(self, name: str) -> bytes:
        """Raises ``FileNotFoundError``."""
        parts = name.split("/")
        if any(part in {"", ".", ".."} for part in parts):
            raise FileNotFoundError(name)
        if name not in self._known:
            self._known[name] = self._root.joinpath(*parts).read_bytes()
        return self._known[name]
