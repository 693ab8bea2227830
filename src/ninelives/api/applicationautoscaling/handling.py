"""What Application Auto Scaling's handlers share: what one is, what is scaled, how a request is refused, and pages."""

import base64
import binascii
import re
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any, Final, TypeVar

from ninelives.api.call import Call
from ninelives.autoscaling import AutoScaling
from ninelives.model.errors import ApiError
from ninelives.model.scaling import DIMENSION, NAMESPACE, ScalableTarget

T = TypeVar("T")

ScalingHandler = Callable[[AutoScaling, Call], Mapping[str, Any] | Awaitable[Mapping[str, Any]]]

RESOURCE: Final = re.compile(r"service/[a-zA-Z0-9_-]{1,255}/[a-zA-Z0-9_-]{1,255}")
UNSUPPORTED: Final = "Unsupported service namespace, resource type or scalable dimension"
SHOWN: Final = 50
"""How many are shown at once. Source: ``MaxResults`` of each operation that describes."""


def refused(message: str) -> ApiError:
    return ApiError("ValidationException", message)


def checked_namespace(call: Call) -> None:
    """Raises ``ApiError`` for a namespace that ninelives does not scale; AWS's own refusal where there is none such."""
    namespace = call.parameters["ServiceNamespace"]
    if namespace != NAMESPACE:
        raise refused(f"ninelives scales services of ECS only: the service namespace {namespace} is not implemented.")


def resource_of(call: Call) -> str:
    """The resource id of the service that a request is for. Raises ``ApiError``."""
    checked_namespace(call)
    if call.parameters["ScalableDimension"] != DIMENSION or not RESOURCE.fullmatch(call.parameters["ResourceId"]):
        raise refused(UNSUPPORTED)
    return str(call.parameters["ResourceId"])


def told(resource_id: str) -> str:
    """What is scaled, as messages tell it."""
    return f"service namespace: {NAMESPACE}, resource ID: {resource_id}, scalable dimension: {DIMENSION}"


def registered(scaling: AutoScaling, resource_id: str, verb: str = "registered") -> ScalableTarget:
    """The target. Raises ``ApiError``: "No scalable target registered for …", or "found for …"."""
    found = scaling.records.targets.get(resource_id)
    if found is None:
        raise ApiError("ObjectNotFoundException", f"No scalable target {verb} for {told(resource_id)}")
    return found


def dimension_of(call: Call) -> str | None:
    """The resource id that a description asks for, if any. Raises ``ApiError`` for another dimension."""
    checked_namespace(call)
    dimension, resource = call.parameters.get("ScalableDimension"), call.parameters.get("ResourceId")
    if dimension not in {None, DIMENSION}:
        raise refused(UNSUPPORTED)
    if dimension is not None and "ResourceId" not in call.parameters and not call.parameters.get("ResourceIds"):
        raise refused("If a scalable dimension is specified, a resource ID must be specified too.")
    return resource


def given(**members: Any) -> dict[str, Any]:
    """The members that have a value."""
    return {name: value for name, value in members.items() if value is not None}


def page(items: Sequence[T], call: Call, *, key: Callable[[T], str]) -> tuple[Sequence[T], str | None]:
    """The page after ``NextToken``, and the token of the next: the key of the last item shown."""
    size = min(call.parameters.get("MaxResults", SHOWN), SHOWN)
    token = call.parameters.get("NextToken")
    start = 0
    if token:
        last = _read(token)
        place = next((number for number, item in enumerate(items) if key(item) == last), None)
        if place is None:
            raise ApiError("InvalidNextTokenException", "The next token supplied is invalid.")
        start = place + 1
    shown = items[start : start + max(1, size)]
    if start + len(shown) >= len(items):
        return shown, None
    return shown, base64.urlsafe_b64encode(key(shown[-1]).encode()).decode()


def _read(token: str) -> str:
    try:
        return base64.urlsafe_b64decode(token.encode()).decode()
    except (binascii.Error, ValueError):
        return ""
