"""Drift: what is live held against what a stack says of it, through each type's ``read``."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any, Final

from ninelives.model.errors import ApiError
from ninelives.stacks.blueprints import invalid
from ninelives.stacks.engine import Engine
from ninelives.stacks.records import Detection, Drift, PropertyDifference, Resource, Stack
from ninelives.stacks.resource_type import is_not_found
from ninelives.stacks.templates.parameters import without_secrets

DETECTIONS_KEPT: Final = 100


async def detect(engine: Engine, stack: Stack, wanted: set[str]) -> str:
    """Look at the resources of a stack (at those named, if any are); the id of the detection. Raises ``ApiError``."""
    if stack.operation is not None:
        raise invalid(f"Drift detection cannot be performed on stack {stack.name} in status {stack.status}")
    for resource in engine.state.live_resources(stack.stack_id):
        if resource.is_current and resource.physical_id and (not wanted or resource.logical_id in wanted):
            found = await _look(engine, resource)
            known = engine.state.resources[stack.stack_id].get(resource.key)
            if found is not None and known is not None:
                engine.state.commit(replace(known, drift=found))
    looked_at = [one for one in engine.state.live_resources(stack.stack_id) if one.is_current and one.drift is not None]
    drifted = [one for one in looked_at if one.drift is not None and one.drift.status in {"MODIFIED", "DELETED"}]
    status = "DRIFTED" if drifted else "IN_SYNC"
    stack = engine.state.stacks[stack.stack_id]
    engine.state.commit(replace(stack, drift_status=status, drift_checked_at=engine.now()))
    known_detections, detection_id = engine.state.detections, engine.ids.uuid()
    known_detections[detection_id] = Detection(stack_id=stack.stack_id, status=status, drifted=len(drifted), at=engine.now())
    while len(known_detections) > DETECTIONS_KEPT:
        del known_detections[next(iter(known_detections))]
    return detection_id


async def _look(engine: Engine, resource: Resource) -> Drift | None:
    """None for a type that cannot tell."""
    schema = engine.catalogue.schema(resource.type)
    try:
        live = await engine.catalogue[resource.type].read(engine.request_of(resource))
    except NotImplementedError:
        return None
    except ApiError as error:
        if not is_not_found(error):
            raise
        live = None
    now, values = engine.now(), engine.state.stacks[resource.stack_id].blueprint.parameters
    unread = {path for path in schema.write_only | schema.read_only if "/" not in path}
    expected = {name: one for name, one in resource.properties.items() if name not in unread}
    if live is None:
        return Drift(status="DELETED", checked_at=now, expected=_json(without_secrets(expected, values)))
    actual = {name: live[name] for name in live if live[name] is not None and name not in schema.read_only}
    compared = {name: one for name, one in expected.items() if name in live}
    held = _without_stack_tags({name: actual.get(name) for name in compared}, compared, resource.tags)
    differences = tuple(
        replace(one, expected=without_secrets(one.expected, values), actual=without_secrets(one.actual, values))
        for one in _differences(compared, held, "")
    )
    return Drift(
        status="MODIFIED" if differences else "IN_SYNC",
        checked_at=now,
        expected=_json(without_secrets(expected, values)),
        actual=_json(without_secrets(_as_written(actual, expected), values)),
        differences=differences,
    )


def _without_stack_tags(actual: dict[str, Any], expected: Mapping[str, Any], of_stack: Mapping[str, str]) -> dict[str, Any]:
    """Tags that CloudFormation itself hands on (its own and the stack's) are no drift of a resource."""
    own = {tag.get("Key") for tag in expected.get("Tags") or () if isinstance(tag, Mapping)}
    handed_on = {key for key in of_stack if key not in own}
    tags = actual.get("Tags")
    if not isinstance(tags, list):
        return actual
    kept = [one for one in tags if not (str(one.get("Key", "")).startswith("aws:") or one.get("Key") in handed_on)]
    return {**actual, "Tags": kept}


def _as_written(actual: Any, expected: Any) -> Any:
    """Live values, and where the template has a dynamic reference that: what it leads to is shown nowhere."""
    if isinstance(expected, str) and "{{resolve:" in expected:
        return expected
    if isinstance(actual, Mapping) and isinstance(expected, Mapping):
        return {name: _as_written(one, expected.get(name)) for name, one in actual.items()}
    if isinstance(actual, list) and "{{resolve:" in str(expected):
        return expected
    return actual


def _differences(expected: Any, actual: Any, path: str) -> Iterator[PropertyDifference]:
    """Where a live value is not what the template says. What the template leaves unsaid is the service's own to fill in, also
    within what it says; lists are compared without regard to order, for services do not keep it.

    Source: CloudFormation user guide, "Detect unmanaged configuration changes to stacks and resources with drift detection".
    """
    if isinstance(expected, Mapping) and isinstance(actual, Mapping):
        for name in sorted(expected):
            yield from _differences(expected[name], actual.get(name), f"{path}/{name}")
        return
    if isinstance(expected, list) and isinstance(actual, list):
        if not _fits(expected, actual):
            live = _text(_as_written(actual, expected))
            yield PropertyDifference(path=path, expected=_text(expected), actual=live, type="NOT_EQUAL")
        return
    if "{{resolve:" in str(expected):
        return
    if actual is None and expected is not None:
        yield PropertyDifference(path=path, expected=_text(expected), actual="null", type="REMOVE")
    elif _text(expected) != _text(actual):
        yield PropertyDifference(path=path, expected=_text(expected), actual=_text(actual), type="NOT_EQUAL")


def _fits(expected: Any, actual: Any) -> bool:
    """Whether a live value is what the template says, and more at the most where the template says nothing.

    >>> _fits([{"A": 1}, {"A": 2}], [{"A": 2, "B": 3}, {"A": 1}]), _fits([{"A": 1}], [{"A": 1}, {"A": 2}])
    (True, False)
    """
    if isinstance(expected, list) and isinstance(actual, list):
        left = list(actual)
        for one in expected:
            found = next((index for index, other in enumerate(left) if _fits(one, other)), None)
            if found is None:
                return False
            del left[found]
        return not left
    if isinstance(expected, Mapping) and isinstance(actual, Mapping):
        return all(_fits(value, actual.get(name)) for name, value in expected.items())
    return "{{resolve:" in str(expected) or _text(expected) == _text(actual)


def _text(value: Any) -> str:
    return value if isinstance(value, str) else _json(value)


def _json(value: Any) -> str:
    return json.dumps(value, separators=(",", ":"), sort_keys=True, default=str)
