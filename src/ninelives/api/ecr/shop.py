"""What ECR's handlers share: the registry, its place, and how a request names a repository, an image, a page."""

import base64
import binascii
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, TypeVar

from ninelives.api.call import Call
from ninelives.model.arns import Place
from ninelives.model.errors import ApiError
from ninelives.registry import Registry, Repository
from ninelives.registry.errors import RepositoryNotFound
from ninelives.registry.names import checked_name

PAGE = 100
"""Entries of a page unless ``maxResults`` says otherwise."""

T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class Shop:
    """Where ECR's operations are served. ``endpoint`` is host and port of the registry."""

    registry: Registry
    place: Place
    endpoint: str
    now: Callable[[], datetime]
    password: Callable[[Call], str] | None = None
    """What a caller may log in with, where that decides what he may do."""
    policy_changed: Callable[[], None] = lambda: None
    """Told when a lifecycle policy was put or deleted."""

    def repository(self, call: Call) -> Repository:
        """The repository that a request names. Raises ``RepositoryNotFound``, for that of another registry too."""
        name = call.parameters["repositoryName"]
        registry_id = call.parameters.get("registryId", self.registry.id)
        if registry_id != self.registry.id:
            raise RepositoryNotFound(name, registry_id)
        return self.registry.repository(name)

    def arn(self, name: str) -> str:
        return self.place.arn("ecr", f"repository/{name}")

    def repository_of(self, arn: str) -> Repository:
        """The repository that an ARN names."""
        prefix = self.arn("")
        if not arn.startswith(prefix):
            raise invalid("resourceArn", f"must be the ARN of a repository, {prefix}...")
        return self.registry.repository(checked_name(arn.removeprefix(prefix)))


EcrHandler = Callable[[Shop, Call], Mapping[str, Any] | Awaitable[Mapping[str, Any]]]


def invalid(parameter: str, constraint: str) -> ApiError:
    """A parameter that ECR does not take, in its words."""
    return ApiError(
        "InvalidParameterException", f"Invalid parameter at '{parameter}' failed to satisfy constraint: '{constraint}'"
    )


def page(items: Sequence[T], parameters: Mapping[str, Any], key: Callable[[T], str]) -> tuple[Sequence[T], str | None]:
    """The page that ``maxResults`` and ``nextToken`` ask for, and the token of the next: the last item's key."""
    count = parameters.get("maxResults") or PAGE
    start = 0
    token = parameters.get("nextToken")
    if token:
        last = _read_token(token)
        found = next((place for place, item in enumerate(items) if key(item) == last), None)
        if found is None:
            raise invalid("nextToken", "Invalid token")
        start = found + 1
    shown = items[start : start + count]
    if not shown or start + len(shown) >= len(items):
        return shown, None
    return shown, base64.urlsafe_b64encode(key(shown[-1]).encode()).decode()


def _read_token(token: str) -> str:
    try:
        return base64.urlsafe_b64decode(token.encode()).decode()
    except (binascii.Error, UnicodeError):
        raise invalid("nextToken", "Invalid token") from None
