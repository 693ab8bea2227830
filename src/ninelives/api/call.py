"""One request as a handler sees it, and what a handler is."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ninelives.model.arns import Place

if TYPE_CHECKING:
    from ninelives.api.authorization.caller import Caller


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """A request after the wire: ``parameters`` as botocore's model spells them, timestamps as aware datetimes."""

    service: str
    """botocore's name: ``ecs``, ``elbv2``, ``ecr``."""
    operation: str
    parameters: Mapping[str, Any]
    place: Place
    access_key: str | None = None
    caller: "Caller | None" = None
    """Who calls, where IAM is enforced."""


Handler = Callable[[Call], Mapping[str, Any] | Awaitable[Mapping[str, Any]]]
"""Answers the output shape's members as the model spells them (aware datetimes; None is left out), or raises ``ApiError``."""

Operations = Mapping[str, Handler]
"""The operations that one service answers, by name."""
