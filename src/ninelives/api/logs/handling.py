"""What the handlers of CloudWatch Logs share: its refusals, groups by name or ARN, tokens of pages."""

import base64
import binascii
import json
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any, Final, TypeVar

from ninelives.api.call import Call
from ninelives.model.errors import ApiError
from ninelives.model.logs import LogGroup, LogStream, group_named_by
from ninelives.telemetry.logs import CloudWatchLogs, LogStore

T = TypeVar("T")

LogsHandler = Callable[[CloudWatchLogs, Call], Mapping[str, Any] | Awaitable[Mapping[str, Any]]]

PAGE: Final = 50
"""Entries of a page where no limit is asked for."""

WHOLE_MAX: Final = 2**63 - 1
"""The largest number that the store compares."""


def invalid(message: str) -> ApiError:
    return ApiError("InvalidParameterException", message)


def invalid_token() -> ApiError:
    return invalid("The specified nextToken is invalid.")


def no_group() -> ApiError:
    return ApiError("ResourceNotFoundException", "The specified log group does not exist.")


def no_stream() -> ApiError:
    return ApiError("ResourceNotFoundException", "The specified log stream does not exist.")


def group_name(parameters: Mapping[str, Any]) -> str:
    """The group that a request names by ``logGroupName`` or by ``logGroupIdentifier``, its name or ARN."""
    name, identifier = parameters.get("logGroupName"), parameters.get("logGroupIdentifier")
    if name and identifier:
        raise invalid("Only one of logGroupName and logGroupIdentifier can be specified in the request.")
    if not name and not identifier:
        raise invalid("Exactly one of logGroupName and logGroupIdentifier must be specified in the request.")
    return name or group_named_by(str(identifier))


def find_group(store: LogStore, name: str) -> LogGroup:
    found = store.group(name)
    if found is None:
        raise no_group()
    return found


def find_stream(store: LogStore, group: LogGroup, name: str) -> LogStream:
    found = store.stream(group, name)
    if found is None:
        raise no_stream()
    return found


def write_token(value: Any) -> str:
    """A page's token, which says what comes next to who made it and nothing to others."""
    return base64.urlsafe_b64encode(json.dumps(value, separators=(",", ":")).encode()).decode()


def read_token(token: str | None) -> Any:
    """What ``write_token`` has put into a token; whatever else a caller makes up is refused."""
    if not token:
        return None
    try:
        value = json.loads(base64.urlsafe_b64decode(token.encode()))
    except (binascii.Error, ValueError, RecursionError):
        raise invalid_token() from None
    if isinstance(value, list) and any(isinstance(one, int) and not 0 <= one <= WHOLE_MAX for one in value):
        raise invalid_token()
    return value


def page(items: Sequence[T], parameters: Mapping[str, Any], key: Callable[[T], str]) -> tuple[Sequence[T], str | None]:
    """Of ``items``, in the order of their keys, those behind the token; and the next token."""
    limit = parameters.get("limit", PAGE)
    last = read_token(parameters.get("nextToken"))
    rest = [one for one in items if last is None or key(one) > str(last)]
    return rest[:limit], write_token(key(rest[limit - 1])) if len(rest) > limit else None
