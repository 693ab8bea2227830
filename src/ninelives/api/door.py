"""The region's one front door: finds out which service a request is for, and hands it to whoever answers.

Own services are answered on the event loop, which is their lock; everything else that is signed goes to moto.
"""

import re
from collections.abc import Mapping
from time import perf_counter
from typing import TYPE_CHECKING, Final
from uuid import uuid4

import orjson

from ninelives import __version__
from ninelives.api.authorization.refusals import NotLetIn
from ninelives.api.authorization.wire_operations import read_operation
from ninelives.api.call import Operations
from ninelives.api.codec_errors import write_error
from ninelives.api.metrics_page import METRICS_PATH, MetricsPage
from ninelives.api.moto_bridge import MotoBridge
from ninelives.api.moto_worker import protocol_of
from ninelives.api.own_service import BODY_LIMIT, UNSIGNED, OwnService
from ninelives.api.service_model import SIGNING_NAMES
from ninelives.api.visitors import why_unwelcome
from ninelives.api.wire import (
    ASGIApp,
    BodyTooLarge,
    CredentialScope,
    Disconnected,
    Receive,
    Scope,
    Send,
    SignatureIncomplete,
    WireRequest,
    WireResponse,
    credential_scope,
    read_body,
    read_head,
    send_response,
    send_stream,
)
from ninelives.model.arns import Place

if TYPE_CHECKING:
    from ninelives.api.authorization.guard import Guard

MOTO_BODY_LIMIT: Final = 512 * 1024 * 1024
"""Bytes of a request to moto: an S3 object must fit."""

QUERY_COMPATIBLE: Final = frozenset({"monitoring", "sqs"})
"""Services that have grown out of the query protocol: their clients go on calling errors as it did."""

OPERATION_NAME: Final = re.compile(r"[A-Z][A-Za-z0-9]{1,79}")
CBOR_OPERATION: Final = "/operation/"

HEALTH_PATHS: Final = frozenset({"/health", "/_ninelives/health"})

MOTO_OWN_PATHS: Final = ("/moto-api", "/latest/")
"""Paths that are moto's own and no part of AWS: among them one that forgets everything."""


def create_app(
    *,
    operations: Mapping[str, Operations],
    moto: MotoBridge,
    registry: ASGIApp | None,
    place: Place,
    before_moto: Mapping[str, Operations] | None = None,
    guard: "Guard | None" = None,
    metrics: MetricsPage | None = None,
) -> ASGIApp:
    """The endpoint as an ASGI application.

    ``operations`` are the region's own services by botocore's name (``ecs``, ``elbv2``, ``ecr``); ``before_moto`` are
    operations of services that are moto's otherwise; ``registry`` answers unsigned requests under ``/v2/``. With a ``guard``
    signatures are checked and IAM decides. ``metrics`` counts calls and is what
    scrapers get. Who makes the app closes ``moto``.
    """
    return _Door(
        operations=operations,
        before_moto=before_moto or {},
        moto=moto,
        registry=registry,
        place=place,
        guard=guard,
        metrics=metrics,
    )


class _Door:
    def __init__(
        self,
        *,
        operations: Mapping[str, Operations],
        before_moto: Mapping[str, Operations],
        moto: MotoBridge,
        registry: ASGIApp | None,
        place: Place,
        guard: "Guard | None",
        metrics: MetricsPage | None,
    ) -> None:
        self._own = {
            SIGNING_NAMES.get(service, service): OwnService(service, served, place, guard)
            for service, served in operations.items()
        }
        self._before_moto = {
            SIGNING_NAMES.get(service, service): OwnService(service, served, place, guard)
            for service, served in before_moto.items()
        }
        self._guard = guard
        self._moto = moto
        self._registry = registry
        self._place = place
        self._metrics = metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        match scope["type"]:
            case "http":
                await self._serve(scope, receive, send)
            case "lifespan":
                await _live(receive, send)
            case _:
                await send({"type": "websocket.close", "code": 1003})

    async def _serve(self, scope: Scope, receive: Receive, send: Send) -> None:
        request = read_head(scope)
        unwelcome = None if request.raw_path in HEALTH_PATHS else why_unwelcome(request.headers)
        if unwelcome is not None:
            await send_response(send, _turned_away(request, unwelcome), head=request.method == "HEAD")
            return
        source_ip = (scope.get("client") or (None,))[0]
        if request.raw_path == METRICS_PATH and self._metrics is not None:
            await send_response(send, await self._metrics.answer(request, source_ip), head=request.method == "HEAD")
            return
        try:
            signed = credential_scope(request, home_region=self._place.region)
        except SignatureIncomplete:
            await send_response(send, _incomplete(request))
            return
        if signed is None and self._registry is not None and _is_under(request.raw_path, "/v2"):
            await self._registry(scope, receive, send)
            return
        began = perf_counter()
        try:
            response = await self._answer(request, signed, receive, source_ip)
        except BodyTooLarge as error:
            response = _plain(413, f"{error}\n")
        except Disconnected:
            return
        if signed is not None and self._metrics is not None:
            self._metrics.count(signed.service, _named_operation(request), response.status, perf_counter() - began)
        if response.more is not None:
            await send_stream(send, receive, response)
        else:
            await send_response(send, response, head=request.method == "HEAD")

    async def _answer(
        self, request: WireRequest, signed: CredentialScope | None, receive: Receive, source_ip: str | None
    ) -> WireResponse:
        if signed is None:
            return await self._answer_unsigned(request, receive)
        if request.raw_path.startswith(MOTO_OWN_PATHS) and signed.service != "s3":
            return _plain(404, "There is nothing here.\n")
        own = self._own.get(signed.service)
        request.body = await read_body(receive, request.headers, BODY_LIMIT if own else MOTO_BODY_LIMIT)
        caller = None
        if self._guard is not None:
            try:
                caller = await self._guard.identify(request, source_ip=source_ip)
            except NotLetIn as error:
                return _not_let_in(request, signed, error)
        if own is not None and _is_version(own, request):
            return await own.answer(request, signed, caller)
        partly_own = self._before_moto.get(signed.service)
        if partly_own is not None and partly_own.serves(request):
            return await partly_own.answer(request, signed, caller)
        if signed.service == "s3":
            _put_bucket_into_path(request)
        if self._guard is not None and caller is not None:
            try:
                await self._guard.authorize(caller, *read_operation(request, signed))
            except NotLetIn as error:
                return _not_let_in(request, signed, error)
        return await self._moto.handle(request, signed)

    async def _answer_unsigned(self, request: WireRequest, receive: Receive) -> WireResponse:
        if request.raw_path in HEALTH_PATHS and request.method in {"GET", "HEAD"}:
            return self._health()
        request.body = await read_body(receive, request.headers, BODY_LIMIT)
        if request.target is None and (request.is_form or "Action" in request.arguments):
            action = request.form().get("Action")
            if action in UNSIGNED:
                sts = CredentialScope(access_key="", region=self._place.region, service="sts")
                own = self._own.get("sts")
                return await own.answer(request, sts) if own else await self._moto.handle(request, sts)
        elif request.target is None and "smithy-protocol" not in request.headers:
            return _plain(
                403,
                f"This is the AWS endpoint of a ninelives region, {self._place.region}.\n"
                "It answers signed requests: point an AWS client here with AWS_ENDPOINT_URL, or see `ninelives env`.\n"
                "GET /health says whether it is up.\n",
            )
        return _refused(request, "MissingAuthenticationToken", "Request is missing Authentication Token", status=403)

    def _health(self) -> WireResponse:
        body = {"status": "ok", "version": __version__, "region": self._place.region}
        return WireResponse(status=200, headers={"content-type": "application/json"}, body=orjson.dumps(body))


async def _live(receive: Receive, send: Send) -> None:
    """ASGI's lifespan: the door holds nothing that is to be opened or closed."""
    while True:
        message = await receive()
        await send({"type": f"{message['type']}.complete"})
        if message["type"] == "lifespan.shutdown":
            return


def _named_operation(request: WireRequest) -> str:
    """The operation that a request names; its method where it names none, as those to S3 do not."""
    name = request.method
    if request.target is not None:
        name = request.target.rpartition(".")[2]
    elif CBOR_OPERATION in request.raw_path:
        name = request.raw_path.rpartition("/")[2]
    elif request.is_form or "Action" in request.arguments:
        name = request.form().get("Action", name)
    return name if OPERATION_NAME.fullmatch(name) else "unknown"


def _is_under(path: str, root: str) -> bool:
    return path == root or path.startswith(f"{root}/")


def _is_version(own: OwnService, request: WireRequest) -> bool:
    """Whether a request is for the API version that is ours: classic and v2 load balancers share a signing name."""
    if own.service != "elbv2" or not (request.is_form or "Version" in request.arguments):
        return True
    return request.form().get("Version", own.model.api_version) == own.model.api_version


def _put_bucket_into_path(request: WireRequest) -> None:
    """``bucket.localhost/key`` and ``bucket.s3.localhost/key`` are ``/bucket/key``."""
    host = request.headers.get("host", "").partition(":")[0]
    bucket = host.removesuffix(".localhost").removesuffix(".s3")
    if host.endswith(".localhost") and bucket not in {"", "s3"}:
        request.raw_path = f"/{bucket}{request.raw_path}"


def _plain(status: int, text: str) -> WireResponse:
    return WireResponse(status=status, headers={"content-type": "text/plain; charset=utf-8"}, body=text.encode())


def _incomplete(request: WireRequest) -> WireResponse:
    return _refused(request, "IncompleteSignature", "The Authorization header or X-Amz-Credential names no credential scope.")


def _not_let_in(request: WireRequest, signed: CredentialScope, error: NotLetIn) -> WireResponse:
    protocol = protocol_of(request, signed)
    told = error.in_words_of(protocol, signed.service)
    return write_error(
        protocol,
        code=told.code,
        message=told.message,
        status=told.status,
        request_id=str(uuid4()),
        service=signed.service,
        query_code=error.in_words_of("query", signed.service).code if signed.service in QUERY_COMPATIBLE else "",
    )


def _turned_away(request: WireRequest, reason: str) -> WireResponse:
    if request.target is None and not request.is_form and "X-Amz-Credential" not in request.arguments:
        return _plain(403, f"{reason}\n")
    return _refused(request, "AccessDenied", reason, status=403)


def _refused(request: WireRequest, code: str, message: str, *, status: int = 400) -> WireResponse:
    nobody = CredentialScope(access_key="", region="", service="")
    protocol = protocol_of(request, nobody)
    code = f"{code}Exception" if protocol == "json" else code
    return write_error(protocol, code=code, message=message, status=status, request_id=str(uuid4()))
