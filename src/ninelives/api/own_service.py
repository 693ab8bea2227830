"""One service that the region answers itself: from a request on the wire to a handler and back."""

import inspect
import logging
import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final
from uuid import uuid4

from ninelives.api.authorization.refusals import NotLetIn
from ninelives.api.call import Call, Handler, Operations
from ninelives.api.codec_cbor import read_cbor, write_cbor
from ninelives.api.codec_errors import CBOR, write_error
from ninelives.api.codec_event_stream import CONTENT_TYPE, stream_member, write_events
from ninelives.api.codec_json import read_json, write_json
from ninelives.api.codec_query import read_query, write_query
from ninelives.api.constraints import Unreadable, told, violations
from ninelives.api.service_model import Operation, ServiceModel, load_service
from ninelives.api.wire import BodyTooLarge, BodyUnreadable, CredentialScope, WireRequest, WireResponse, unzipped
from ninelives.model.arns import Place
from ninelives.model.errors import ApiError

if TYPE_CHECKING:
    from ninelives.api.authorization.caller import Caller
    from ninelives.api.authorization.guard import Guard

logger = logging.getLogger(__name__)

CBOR_PATH: Final = re.compile(r"/service/[^/]+/operation/(?P<operation>[^/]+)$")
"""Where Smithy RPC v2 names the operation."""

BODY_LIMIT: Final = 10 * 1024 * 1024
"""Bytes of a request to an own service."""

INVALID_CODES: Final = dict.fromkeys(("ecs", "ecr", "logs"), "InvalidParameterException")
"""How a service calls a request that breaks its model's constraints; else by the protocol."""

FAULT_CODES: Final = {
    "ecs": "ServerException",
    "ecr": "ServerException",
    "events": "InternalException",
    "application-autoscaling": "InternalServiceException",
    "cloudwatch": "InternalServiceFault",
    "logs": "ServiceUnavailableException",
}
"""How a service calls its own failure."""

SHAPE_NAMES_PROTOCOLS: Final = frozenset({"json", CBOR})
"""Protocols that call an error by its shape's name; the others by its code."""

EVERYWHERE: Final = frozenset({"iam", "sts"})
"""Services that take requests for other regions too: they have endpoints that belong to none."""

UNSIGNED: Final = frozenset({"AssumeRoleWithWebIdentity", "AssumeRoleWithSAML"})
"""Operations that AWS takes without a signature. Source: "AssumeRoleWithWebIdentity", STS API Reference."""

MODELLED_STATUS: Final = 400
"""The status of an ``ApiError`` that says none; the model's own then stands."""


class OwnService:
    """Reads requests to ``service`` by botocore's model, has ``operations`` answer them, and writes what they say."""

    def __init__(self, service: str, operations: Operations, place: Place, guard: "Guard | None" = None) -> None:
        self.service = service
        self._guard = guard
        self._operations = operations
        self._place = place
        self._known: dict[str, Operation] = {}

    @property
    def model(self) -> ServiceModel:
        return load_service(self.service)

    def serves(self, request: WireRequest) -> bool:
        """Whether a request is for one of ``operations``, as far as its form tells."""
        protocol = self._protocol(request)
        return _operation_name(protocol, request, request.form() if protocol == "query" else {}) in self._operations

    async def answer(self, request: WireRequest, scope: CredentialScope, caller: "Caller | None" = None) -> WireResponse:
        """The answer to a signed request, refusals included; it raises nothing. Where IAM is enforced it is ``caller``'s."""
        request_id = str(uuid4())
        protocol = self._protocol(request)
        try:
            if request.headers.get("content-encoding") == "gzip":
                request.body = unzipped(request.body, BODY_LIMIT)
            return await self._answer(protocol, request, scope, caller, request_id)
        except NotLetIn as error:
            return self._turn_away(protocol, error, scope.service, request_id)
        except ApiError as error:
            return self.refuse(protocol, error, request_id)
        except BodyUnreadable as error:
            return self.refuse(protocol, ApiError(_unreadable_code(protocol), str(error)), request_id)
        except BodyTooLarge as error:
            return self.refuse(protocol, ApiError("RequestEntityTooLarge", str(error), status=413), request_id)
        except Exception:
            logger.exception("%s request %s failed", self.service, request_id)
            code = FAULT_CODES.get(self.service, "InternalFailure")
            message = f"An internal error of the region; its log tells more under request {request_id}."
            return self.refuse(protocol, ApiError(code, message, status=500), request_id)

    async def _answer(
        self, protocol: str, request: WireRequest, scope: CredentialScope, caller: "Caller | None", request_id: str
    ) -> WireResponse:
        if scope.region != self._place.region and self.service not in EVERYWHERE:
            raise self._elsewhere(protocol, scope.region)
        form = request.form() if protocol == "query" else {}
        operation = self._operation(protocol, _operation_name(protocol, request, form))
        handler = self._handler(protocol, operation)
        parameters = self._parameters(protocol, operation, request, form)
        if self._guard is not None and operation.name not in UNSIGNED:
            assert caller is not None, "the door knows who calls"
            await self._guard.authorize(caller, self.service, operation.name, parameters)
        answered = await self._handled(handler, operation, parameters, scope.access_key, caller)
        return self._write(protocol, operation, answered, request_id)

    async def call(self, name: str, parameters: Mapping[str, Any], caller: "Caller | None" = None) -> Mapping[str, Any]:
        """The answer to a call from within the region, None left out. Raises ``ApiError``."""
        protocol = self.model.protocol
        operation = self._operation(protocol, name)
        handler = self._handler(protocol, operation)
        self._check(protocol, operation, parameters)
        answered = await self._handled(handler, operation, parameters, None, caller)
        return {member: value for member, value in answered.items() if value is not None}

    def _handler(self, protocol: str, operation: Operation) -> Handler:
        handler = self._operations.get(operation.name)
        if handler is None:
            raise self._unknown(protocol, f"ninelives does not implement {self.service}:{operation.name} yet.")
        return handler

    async def _handled(
        self,
        handler: Handler,
        operation: Operation,
        parameters: Mapping[str, Any],
        access_key: str | None,
        caller: "Caller | None",
    ) -> Mapping[str, Any]:
        call = Call(
            service=self.service,
            operation=operation.name,
            parameters=parameters,
            place=self._place,
            access_key=access_key,
            caller=caller,
        )
        answered = handler(call)
        return await answered if inspect.isawaitable(answered) else answered

    def _protocol(self, request: WireRequest) -> str:
        """Which of the service's protocols a request speaks; the service's first where it does not tell."""
        if "smithy-protocol" in request.headers:
            return CBOR
        if request.target is not None and "json" in self.model.protocols:
            return "json"
        if "query" in self.model.protocols and (request.is_form or "Action" in request.arguments):
            return "query"
        return self.model.protocol

    def _operation(self, protocol: str, name: str | None) -> Operation:
        if protocol == CBOR and CBOR not in self.model.protocols:
            raise self._unknown(protocol, f"ninelives does not speak rpc-v2-cbor to {self.service} yet; use JSON or query.")
        known = self._known.get(name or "")
        if known is None:
            try:
                known = self._known[name or ""] = self.model.operation(name or "")
            except KeyError:
                told_name = f"The action {name} is not valid for this web service." if name else "The request names no action."
                raise self._unknown(protocol, told_name) from None
        return known

    def _parameters(
        self, protocol: str, operation: Operation, request: WireRequest, form: Mapping[str, str]
    ) -> Mapping[str, Any]:
        try:
            shape = operation.input
            match protocol:
                case "json":
                    parameters = read_json(shape, request.body)
                case "smithy-rpc-v2-cbor":
                    parameters = read_cbor(shape, request.body)
                case _:
                    parameters = read_query(shape, form)
        except Unreadable as error:
            raise ApiError(_unreadable_code(protocol), str(error)) from error
        self._check(protocol, operation, parameters)
        return parameters

    def _check(self, protocol: str, operation: Operation, parameters: Mapping[str, Any]) -> None:
        found = violations(operation.input, parameters)
        if found:
            raise ApiError(self._invalid_code(protocol), told(found))

    def _invalid_code(self, protocol: str) -> str:
        return INVALID_CODES.get(self.service, "ValidationError" if protocol == "query" else "ValidationException")

    def _write(self, protocol: str, operation: Operation, answer: Mapping[str, Any], request_id: str) -> WireResponse:
        headers = {"x-amzn-requestid": request_id}
        streamed = stream_member(operation)
        if streamed is not None:
            assert operation.output is not None, "where the stream stands"
            more = write_events(operation.output.members[streamed].shape, answer[streamed])
            return WireResponse(status=200, headers=headers | {"content-type": CONTENT_TYPE}, more=more)
        if protocol == "json":
            headers["content-type"] = f"application/x-amz-json-{self._json_version}"
            body = write_json(operation.output, answer)
        elif protocol == CBOR:
            headers |= {"content-type": "application/cbor", "smithy-protocol": "rpc-v2-cbor"}
            body = write_cbor(operation.output, answer)
        else:
            headers["content-type"] = "text/xml"
            body = write_query(operation, answer, namespace=self._namespace, request_id=request_id)
        return WireResponse(status=200, headers=headers, body=body)

    def _turn_away(self, protocol: str, error: NotLetIn, signing_name: str, request_id: str) -> WireResponse:
        """A refusal by IAM; its code in the query protocol is known, whatever the request speaks."""
        query_code = error.in_words_of("query", signing_name).code
        return self.refuse(protocol, error.in_words_of(protocol, signing_name), request_id, query_code=query_code)

    def refuse(self, protocol: str, error: ApiError, request_id: str, *, query_code: str = "") -> WireResponse:
        """An error under the code that its model gives it on the wire, with the model's status where none was said."""
        traits = self.model.errors.get(error.code)
        status = error.status
        if traits is not None and status == MODELLED_STATUS:
            status = traits.status or status
        return write_error(
            protocol,
            code=traits.code if traits and protocol not in SHAPE_NAMES_PROTOCOLS else error.code,
            message=error.message,
            members=error.members,
            status=status,
            request_id=request_id,
            service=self.service,
            namespace=self._namespace,
            json_version=self._json_version,
            query_code=self._query_code(protocol, error.code, query_code),
        )

    def _query_code(self, protocol: str, code: str, known: str) -> str:
        if protocol not in SHAPE_NAMES_PROTOCOLS or "awsQueryCompatible" not in self.model.metadata:
            return ""
        traits = self.model.errors.get(code)
        return known or (traits.code if traits else code)

    @property
    def _namespace(self) -> str:
        return str(self.model.metadata.get("xmlNamespace", ""))

    @property
    def _json_version(self) -> str:
        return str(self.model.metadata.get("jsonVersion", "1.1"))

    def _elsewhere(self, protocol: str, region: str) -> ApiError:
        message = (
            f"Credential should be scoped to a valid region: this ninelives region is '{self._place.region}', "
            f"and the request is for '{region}'."
        )
        if protocol in SHAPE_NAMES_PROTOCOLS:
            return ApiError("InvalidSignatureException", message)
        return ApiError("SignatureDoesNotMatch", message, status=403)

    def _unknown(self, protocol: str, message: str) -> ApiError:
        return ApiError("UnknownOperationException" if protocol in SHAPE_NAMES_PROTOCOLS else "InvalidAction", message)


def _unreadable_code(protocol: str) -> str:
    return "SerializationException" if protocol in SHAPE_NAMES_PROTOCOLS else "MalformedInput"


def _operation_name(protocol: str, request: WireRequest, form: Mapping[str, str]) -> str | None:
    if protocol == "query":
        return form.get("Action")
    if protocol == CBOR:
        found = CBOR_PATH.search(request.raw_path)
        return found["operation"] if found else None
    if request.target is None:
        return None
    return request.target.rpartition(".")[2]
