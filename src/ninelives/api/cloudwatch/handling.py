"""What CloudWatch's handlers share: what one is, how a request is refused, and pages."""

import base64
import binascii
from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeVar

from ninelives.api.call import Call
from ninelives.model.errors import ApiError
from ninelives.telemetry import CloudWatch

T = TypeVar("T")


CloudWatchHandler = Callable[[CloudWatch, Call], Mapping[str, Any]]


def invalid(message: str) -> ApiError:
    """A value that a parameter does not take."""
    return ApiError("InvalidParameterValueException", message)


def invalid_combination(message: str) -> ApiError:
    return ApiError("InvalidParameterCombinationException", message)


def missing(message: str) -> ApiError:
    return ApiError("MissingRequiredParameterException", message)


def refused(message: str) -> ApiError:
    """What alarms call all that is wrong with a request."""
    return ApiError("ValidationException", message)


def page(items: Sequence[T], token: str | None, size: int, *, key: Callable[[T], str]) -> tuple[Sequence[T], str | None]:
    """The page after ``token``, and the token of the next: the key of the last item shown."""
    start = 0
    if token:
        last = _read_token(token)
        found = next((place for place, item in enumerate(items) if key(item) == last), None)
        if found is None:
            raise ApiError("InvalidNextToken", "Invalid NextToken.")
        start = found + 1
    shown = items[start : start + size]
    is_last = start + len(shown) >= len(items)
    return shown, None if is_last else base64.urlsafe_b64encode(key(shown[-1]).encode()).decode()


def _read_token(token: str) -> str:
    try:
        return base64.urlsafe_b64decode(token.encode()).decode()
    except (binascii.Error, UnicodeError):
        raise ApiError("InvalidNextToken", "Invalid NextToken.") from None
