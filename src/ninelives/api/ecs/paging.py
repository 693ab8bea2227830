"""Pages of a list: how many at once, and the token that says where to go on."""

import base64
import binascii
from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeVar

from ninelives.model.errors import ApiError

MAX_RESULTS = range(1, 101)

T = TypeVar("T")


def page(
    items: Sequence[T], parameters: Mapping[str, Any], *, key: Callable[[T], str] = str, default: int = 100
) -> tuple[list[T], str | None]:
    """The page of ``items`` that ``maxResults`` and ``nextToken`` ask for, and the token of the next one.

    A token holds the key of the last item that was shown, so that items which came or went before it move nothing.
    """
    count = parameters.get("maxResults")
    if count is not None and count not in MAX_RESULTS:
        raise ApiError("InvalidParameterException", "maxResults must be between 1 and 100.")
    start = _place_after(items, parameters.get("nextToken"), key)
    shown = list(items[start : start + (count or default)])
    is_last = start + len(shown) >= len(items)
    return shown, None if is_last else base64.urlsafe_b64encode(key(shown[-1]).encode()).decode()


def _place_after(items: Sequence[T], token: str | None, key: Callable[[T], str]) -> int:
    if not token:
        return 0
    try:
        last = base64.urlsafe_b64decode(token.encode()).decode()
    except (binascii.Error, UnicodeDecodeError):
        last = ""
    found = next((place for place, item in enumerate(items) if key(item) == last), None)
    if found is None:
        raise ApiError("InvalidParameterException", "Invalid token in request: nextToken.")
    return found + 1
