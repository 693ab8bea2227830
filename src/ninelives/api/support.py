"""What each member of a request does: data beside the code, by botocore's shapes, and the gate that keeps it.

A member is live (the region acts on it), recorded (taken, and shown again where the API shows it; nothing happens) or refused.
What is below a member that is recorded or refused is as that member is. Members refused by the gate cannot be taken silently:
an operation never answers with a success that leaves something out.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from ninelives.api.call import Call, Handler, Operations
from ninelives.api.service_model import Shape, load_service
from ninelives.model.errors import ApiError
from ninelives.region.elbv2_attributes import Effect


@dataclass(frozen=True, slots=True)
class Support:
    """What one member does. ``remark`` says what differs from AWS, why it is refused, or by which code."""

    effect: Effect
    remark: str = ""
    is_gated: bool = False
    """Whether the gate refuses it; what is refused otherwise, its handler refuses, in the service's own words."""


Shapes = Mapping[str, Mapping[str, Support]]
"""By the shape's name and the member's."""


def members(
    live: str = "",
    *,
    remarks: Mapping[str, str] | None = None,
    recorded: Mapping[str, str] | None = None,
    checked: Mapping[str, str] | None = None,
    refused: Mapping[str, str] | None = None,
) -> Mapping[str, Support]:
    """A shape's members: those that are live by name, with ``remarks`` on some; the others with their remark.

    ``checked`` ones are refused by their handler (the remark names the exception), ``refused`` ones by the gate.
    """
    told = remarks or {}
    found = {name: Support(Effect.LIVE, told.get(name, "")) for name in (*live.split(), *told)}
    found |= {name: Support(Effect.RECORDED, remark) for name, remark in (recorded or {}).items()}
    found |= {name: Support(Effect.REFUSED, remark) for name, remark in (checked or {}).items()}
    return found | {name: Support(Effect.REFUSED, remark, is_gated=True) for name, remark in (refused or {}).items()}


GATE_CODES: Final = {
    "ecs": "UnsupportedFeatureException",
    "elbv2": "ValidationError",
    "cloudformation": "ValidationError",
}
"""How a service tells that the gate refuses."""


def gated(service: str, shapes: Shapes, operations: Operations) -> Operations:
    """``operations`` that refuse members which the region would leave out, before anything else is looked at."""
    return {name: _gated(service, shapes, handler) for name, handler in operations.items()}


def _gated(service: str, shapes: Shapes, handler: Handler) -> Handler:
    def answer(call: Call) -> Any:
        shape = load_service(service).operation(call.operation).input
        if shape is not None:
            for path, support in refusals(shape, shapes, call.parameters):
                raise ApiError(GATE_CODES[service], f"{path} is not supported by this region: {support.remark}.")
        return handler(call)

    return answer


def refusals(shape: Shape, shapes: Shapes, value: Any, path: str = "") -> Iterator[tuple[str, Support]]:
    """What of a request the gate refuses: where it stands, and why. What is empty or false asks for nothing."""
    match shape.type:
        case "structure" if shape.name in shapes:
            known = shapes[shape.name]
            for name, given in value.items():
                support = known[name]
                where = f"{path}.{name}" if path else name
                if support.is_gated and given:
                    yield where, support
                elif support.effect is Effect.LIVE:
                    yield from refusals(shape.members[name].shape, shapes, given, where)
        case "list":
            for place, one in enumerate(value):
                yield from refusals(shape.member.shape, shapes, one, f"{path}[{place}]")
        case "map":
            for key, one in value.items():
                yield from refusals(shape.value.shape, shapes, one, f"{path}.{key}")
        case _:
            pass


def reachable(service: str, operations: Operations, shapes: Shapes) -> Mapping[str, Shape]:
    """The structures that requests to ``operations`` consist of, by name; not those below what is recorded or refused."""
    found: dict[str, Shape] = {}
    for name in sorted(operations):
        shape = load_service(service).operation(name).input
        if shape is not None:
            _reach(shape, shapes, found)
    return found


def _reach(shape: Shape, shapes: Shapes, found: dict[str, Shape]) -> None:
    match shape.type:
        case "structure" if shape.name not in found and not shape.is_document:
            found[shape.name] = shape
            for name, member in shape.members.items():
                support = shapes.get(shape.name, {}).get(name)
                if support is None or support.effect is Effect.LIVE:
                    _reach(member.shape, shapes, found)
        case "list":
            _reach(shape.member.shape, shapes, found)
        case "map":
            _reach(shape.value.shape, shapes, found)
        case _:
            pass
