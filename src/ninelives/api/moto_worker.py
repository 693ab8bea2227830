"""moto on one thread: requests and in-process calls go in, answers in AWS's protocols come out, changes go to disk.

moto has no locks; whoever holds a ``MotoWorker`` calls it from one thread only.
"""

import logging
import re
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final
from uuid import uuid4

import orjson

from ninelives.api.codec_errors import CBOR, write_error
from ninelives.api.moto_records import BackendKey, MotoRecords
from ninelives.api.wire import CredentialScope, WireRequest, WireResponse
from ninelives.model.arns import Place

if TYPE_CHECKING:
    from ninelives.api.authorization.records import AccountRecords
    from ninelives.api.moto_internals import Moto

logger = logging.getLogger(__name__)

READS: Final = re.compile(
    r"(Describe|Get|List|Head|BatchGet|Filter|Lookup|Search|Test|Validate|Simulate|Select|Query|Scan|Check|Preview|Estimate)"
)
"""Operations that change no record, by how their names begin."""

ALONE: Final = frozenset({"acm", "ec2", "iam", "kms", "secretsmanager", "servicediscovery", "sqs", "ssm", "sts"})
"""moto backends whose operations change no other backend's records."""

REST_XML: Final = frozenset({"s3", "s3control", "route53", "cloudfront"})

REFUSAL_STATUS: Final = 400


class MotoWorker:
    """Answers what the region leaves to moto, and keeps its records in ``directory`` (None: in memory only)."""

    def __init__(self, *, place: Place, directory: Path | None) -> None:
        self._place = place
        self._records = MotoRecords(directory) if directory is not None else None
        self._moto: Moto | None = None
        self._seen: set[BackendKey] = set()
        self._dirty: set[BackendKey] = set()
        self._unsaved: set[BackendKey] = set()
        self._found = self._records.names() if self._records is not None else frozenset()
        """Backends that had records when this process began."""
        self.changes: Counter[str] = Counter()
        """How often each backend's records may have changed, by the backend's name; 0 for one that was never used."""

    @property
    def has_records(self) -> bool:
        return self._records is not None and not self._records.is_empty

    @property
    def is_dirty(self) -> bool:
        """Whether ``save`` has something to do."""
        return self._records is not None and bool(self._dirty)

    def has_records_of(self, name: str) -> bool:
        """Whether a backend has been used, now or in an earlier run."""
        return bool(self.changes[name]) or name in self._found

    def load(self) -> "Moto":
        """moto, imported and with its records back, the first time; that takes from half a second to two."""
        if self._moto is None:
            from ninelives.api import moto_internals

            self._moto = moto_internals.Moto(self._place)
            if self._records is not None and not self._records.is_empty:
                self._records.read(self._moto.restore)
                self._seen.update(key for key, _ in self._moto.loaded())
                self.changes.update(key.name for key in self._seen)
        return self._moto

    def respond(self, request: WireRequest, scope: CredentialScope) -> WireResponse:
        """The answer to a signed request; what moto does not have or cannot do is refused in the protocol's own way."""
        if _is_broken_json(request):
            return _refusal(request, scope, "SerializationException", "The request's body is not a JSON object.")
        operation = _operation_name(request)
        try:
            moto = self.load()
            key, answer = moto.respond(scope.service, scope.region, request)
        except (NotImplementedError, _no_such_route()):
            return _not_implemented(request, scope, operation)
        except ModuleNotFoundError as error:
            logger.error("%s is out of reach: the Python module %s is not installed", scope.service, error.name)  # noqa: TRY400 the module says it all
            message = f"ninelives cannot serve {scope.service}: the Python module {error.name} is not installed."
            return _refusal(request, scope, _unknown_code(request, scope), message)
        except Exception:
            self._dirty.update(self._seen)
            logger.exception("moto failed in %s:%s", scope.service, operation)
            message = f"An internal error in {scope.service}:{operation}; the region's log tells more."
            return _refusal(request, scope, "InternalFailure", message, status=500)
        self._note(key, operation)
        if request.method != "HEAD" and _is_foreign(answer.status, answer.headers, answer.body):
            return _not_implemented(request, scope, operation)
        headers = {"x-amzn-requestid": str(uuid4()), "content-type": _content_type(request, scope), **answer.headers}
        return WireResponse(status=answer.status, headers=headers, body=answer.body)

    def _note(self, key: BackendKey, operation: str) -> None:
        """Remember what must be written. A backend's first use counts as a change: defaults are made with random ids."""
        is_first = key not in self._seen
        self._seen.add(key)
        if not is_first and (READS.match(operation) or operation.startswith(("GET ", "HEAD "))):
            return
        self.changes[key.name] += 1
        self._dirty.add(key)
        if key.name not in ALONE:
            self._dirty.update(self._seen)

    def call(self, service: str, operation: str, parameters: Mapping[str, Any]) -> dict[str, Any]:
        """An operation called from within the region, with botocore's parameters and answer. Raises ``ApiError``."""
        from ninelives.api.moto_calls import read_answer, write_call

        scope, request = write_call(service, operation, parameters, region=self._place.region)
        return read_answer(service, operation, self.respond(request, scope))

    def key_pair(self, arn: str) -> tuple[str, str] | None:
        """A server certificate of ACM or IAM with its private key, in PEM; None where it is not there."""
        from ninelives.api.moto_internals import NoSuchRoute, key_pair_of

        try:
            return key_pair_of(self.load(), arn)
        except NoSuchRoute:
            return None

    def account_records(self) -> "AccountRecords":
        """IAM's records and the policies on resources, as they are now."""
        from ninelives.api.moto_internals import account_records_of

        return account_records_of(self.load(), self._place.region)

    def archive_event(self, archive: str, event: Mapping[str, Any]) -> None:
        """Add an event to one of EventBridge's archives."""
        from ninelives.api.moto_internals import archive_event

        archive_event(self.load(), self._place.region, archive, event)
        self._dirty.add(BackendKey("events", self._place.region))

    def save(self) -> None:
        """Write what has changed since the last time."""
        if self._records is None:
            return
        dirty, self._dirty = self._dirty, set()
        for key in sorted(dirty, key=str):
            try:
                self._records.write(key, self.load().dump(key))
            except Exception:
                if key not in self._unsaved:
                    logger.exception("The records of %s cannot be written and will not survive a restart", key)
                self._unsaved.add(key)

    def close(self) -> None:
        self.save()


def _no_such_route() -> type[Exception]:
    from ninelives.api.moto_internals import NoSuchRoute

    return NoSuchRoute


def _is_broken_json(request: WireRequest) -> bool:
    """Whether a JSON request's body is no JSON object: moto would read it as an empty one."""
    if request.target is None or not request.body or "content-encoding" in request.headers:
        return False
    try:
        return not isinstance(orjson.loads(request.body), dict)
    except orjson.JSONDecodeError:
        return True


def changes_nothing(request: WireRequest) -> bool:
    """Whether an operation's name says that it only reads."""
    operation = _operation_name(request)
    return READS.match(operation) is not None or operation.startswith(("GET ", "HEAD "))


MESSAGES: Final = frozenset({"sqs", "kinesis", "firehose"})
"""Services whose users send, take and delete messages at a rate."""
MESSAGE_OPERATIONS: Final = re.compile(r"(Send|Receive|Delete|Put|ChangeMessageVisibility).*(Message|Record)")


def moves_messages(request: WireRequest, scope: CredentialScope) -> bool:
    """Whether an operation sends, takes or deletes messages, and changes nothing else."""
    return scope.service in MESSAGES and MESSAGE_OPERATIONS.match(_operation_name(request)) is not None


def _operation_name(request: WireRequest) -> str:
    """The operation's name, or method and path where the protocol names none."""
    if request.target is not None:
        return request.target.rpartition(".")[2]
    action = request.form().get("Action") if request.is_form or "Action" in request.arguments else None
    return action or f"{request.method} {request.raw_path}"


def _is_foreign(status: int, headers: Mapping[str, str], body: bytes) -> bool:
    """Whether moto's answer is a page for people, or nothing, where a protocol's error is due."""
    if status < REFUSAL_STATUS or "x-amzn-errortype" in headers:
        return False
    start = body.lstrip()[:15].lower()
    return start.startswith((b"<!doctype html", b"<html", b"not yet impleme")) or (not body and status in {404, 501})


def protocol_of(request: WireRequest, scope: CredentialScope) -> str:
    """The protocol that a request speaks, as far as its form tells."""
    if "smithy-protocol" in request.headers:
        return CBOR
    if request.target is not None:
        return "json"
    if scope.service in REST_XML:
        return "rest-xml"
    if request.is_form or "Action" in request.arguments:
        return "ec2" if scope.service == "ec2" else "query"
    return "rest-json"


def _content_type(request: WireRequest, scope: CredentialScope) -> str:
    match protocol_of(request, scope):
        case "json":
            return f"application/x-amz-json-{_json_version(request)}"
        case "rest-json":
            return "application/json"
        case "rest-xml":
            return "application/xml"
        case _:
            return "text/xml"


def _json_version(request: WireRequest) -> str:
    return "1.0" if "json-1.0" in request.headers.get("content-type", "") else "1.1"


def _unknown_code(request: WireRequest, scope: CredentialScope) -> str:
    match protocol_of(request, scope):
        case "query" | "ec2":
            return "InvalidAction"
        case "rest-xml":
            return "NotImplemented"
        case _:
            return "UnknownOperationException"


def _not_implemented(request: WireRequest, scope: CredentialScope, operation: str) -> WireResponse:
    message = f"ninelives does not implement {scope.service}:{operation}."
    return _refusal(request, scope, _unknown_code(request, scope), message)


def _refusal(
    request: WireRequest, scope: CredentialScope, code: str, message: str, *, status: int = REFUSAL_STATUS
) -> WireResponse:
    return write_error(
        protocol_of(request, scope),
        code=code,
        message=message,
        status=status,
        request_id=str(uuid4()),
        service=scope.service,
        json_version=_json_version(request),
    )
