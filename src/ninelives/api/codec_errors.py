"""A refusal in each of AWS's protocols, so that an SDK raises it under its code with its message."""

from collections.abc import Mapping
from typing import Any, Final

import orjson

from ninelives.api.codec_cbor import cbor_of_texts
from ninelives.api.codec_query import escape
from ninelives.api.wire import WireResponse

CBOR: Final = "smithy-rpc-v2-cbor"

SERVER_FAULT: Final = 500


def write_error(  # noqa: PLR0913 a refusal has these facts
    protocol: str,
    *,
    code: str,
    message: str,
    status: int,
    request_id: str,
    service: str = "",
    namespace: str = "",
    json_version: str = "1.1",
    query_code: str = "",
    members: Mapping[str, Any] | None = None,
) -> WireResponse:
    """The answer that carries ``code`` and ``message``; ``protocol`` is botocore's word (json, query, ec2, rest-json, …).
    ``members`` are further members of the error, which JSON alone has.

    ``query_code`` is what the error is called in the query protocol, for services that have grown out of it: SDKs go on
    calling it so. Source: Smithy, ``aws.protocols#awsQueryCompatible``.
    """
    headers = {"x-amzn-requestid": request_id}
    blame = "Receiver" if status >= SERVER_FAULT else "Sender"
    if query_code:
        headers["x-amzn-query-error"] = f"{query_code};{blame}"
    match protocol:
        case "json":
            headers |= {"content-type": f"application/x-amz-json-{json_version}", "x-amzn-errortype": code}
            body = orjson.dumps({"__type": code, "message": message, **(members or {})})
        case "rest-json":
            headers |= {"content-type": "application/json", "x-amzn-errortype": code}
            body = orjson.dumps({"code": code, "message": message})
        case "smithy-rpc-v2-cbor":
            headers |= {"content-type": "application/cbor", "smithy-protocol": "rpc-v2-cbor"}
            body = cbor_of_texts({"__type": code, "message": message})
        case "ec2":
            headers["content-type"] = "text/xml;charset=UTF-8"
            error = f"<Error><Code>{escape(code)}</Code><Message>{escape(message)}</Message></Error>"
            body = _xml(f"<Response><Errors>{error}</Errors><RequestID>{request_id}</RequestID></Response>")
        case "rest-xml" if service == "s3":
            headers |= {"content-type": "application/xml", "x-amz-request-id": request_id}
            error = f"<Code>{escape(code)}</Code><Message>{escape(message)}</Message>"
            body = _xml(f"<Error>{error}<RequestId>{request_id}</RequestId></Error>")
        case _:
            headers["content-type"] = "text/xml"
            error = f"<Type>{blame}</Type><Code>{escape(code)}</Code><Message>{escape(message)}</Message>"
            xmlns = f' xmlns="{escape(namespace)}"' if namespace else ""
            body = _xml(f"<ErrorResponse{xmlns}><Error>{error}</Error><RequestId>{request_id}</RequestId></ErrorResponse>")
    return WireResponse(status=status, headers=headers, body=body)


def _xml(text: str) -> bytes:
    return f'<?xml version="1.0" encoding="UTF-8"?>\n{text}'.encode()
