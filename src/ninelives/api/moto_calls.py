"""The region's own calls to moto: an operation and its parameters to a request, an answer to a dictionary, by botocore."""

from collections.abc import Mapping
from http import HTTPStatus
from typing import Any, Final
from urllib.parse import urlencode

import botocore.model
import botocore.parsers
import botocore.serialize
from botocore.awsrequest import HeadersDict

from ninelives.api.codec_errors import CBOR
from ninelives.api.wire import CredentialScope, WireRequest, WireResponse
from ninelives.model.errors import ApiError

ACCESS_KEY: Final = "AKIAIOSFODNN7EXAMPLE"
"""AWS's example key: no one's."""


def write_call(
    service: str, operation: str, parameters: Mapping[str, Any], *, region: str
) -> tuple[CredentialScope, WireRequest]:
    """A signed request as botocore would send it, its signature left out. Raises botocore's ``ParamValidationError``."""
    model = _model(service)
    serialized = botocore.serialize.create_serializer(_protocol(service)).serialize_to_request(
        dict(parameters), model.operation_model(operation)
    )
    headers = {name.lower(): str(value) for name, value in serialized["headers"].items()}
    body = serialized["body"]
    if isinstance(body, dict):
        headers["content-type"] = "application/x-www-form-urlencoded"
        body = urlencode(body)
    scope = CredentialScope(access_key=ACCESS_KEY, region=region, service=model.signing_name)
    headers["authorization"] = (
        f"AWS4-HMAC-SHA256 Credential={ACCESS_KEY}/20260101/{region}/{model.signing_name}/aws4_request, "
        "SignedHeaders=host, Signature=0"
    )
    query = serialized["query_string"]
    request = WireRequest(
        method=serialized["method"],
        raw_path=serialized["url_path"],
        query_string=urlencode(query) if isinstance(query, dict) else query,
        headers=headers,
        body=body.encode() if isinstance(body, str) else bytes(body),
    )
    return scope, request


def read_answer(service: str, operation: str, response: WireResponse) -> dict[str, Any]:
    """The answer's members. Raises ``ApiError`` for an error answer."""
    shape = _model(service).operation_model(operation).output_shape
    payload = _blob_of(shape) if response.status < HTTPStatus.MULTIPLE_CHOICES else None
    parsed: dict[str, Any] = botocore.parsers.create_parser(_protocol(service)).parse(
        {
            "status_code": response.status,
            "headers": HeadersDict(response.headers),
            "body": b"" if payload else response.body,  # botocore would read text in it
        },
        shape,  # type: ignore[arg-type]  # None is taken
    )
    if payload:
        parsed[payload] = response.body
    if "Error" in parsed:
        raise ApiError(parsed["Error"]["Code"], parsed["Error"]["Message"], status=response.status)
    parsed.pop("ResponseMetadata", None)
    return parsed


def _blob_of(shape: botocore.model.StructureShape | None) -> str | None:
    """The member that is the whole body, as it is: an object of S3."""
    name = shape.serialization.get("payload") if shape is not None else None
    return str(name) if name and shape is not None and shape.members[name].type_name == "blob" else None


def _model(service: str) -> botocore.model.ServiceModel:
    from ninelives.api.moto_internals import service_model

    return service_model(service)


def _protocol(service: str) -> str:
    metadata = _model(service).metadata
    protocols = [name for name in metadata.get("protocols", [metadata["protocol"]]) if name != CBOR]
    return str(protocols[0])
