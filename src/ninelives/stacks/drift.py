"""Drift: what is live held against what a stack says of it, through each type's ``read``."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any, Final

from ninelives.model.errors import ApiError
from ninelives.stacks.engine import Engine
from ninelives.stacks.intents import invalid
from ninelives.stacks.records import Detection, Drift, PropertyDifference, Resource, Stack
from ninelives.stacks.resource_type import is_not_found

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
    now = engine.now()
    unread = {path for path in schema.write_only | schema.read_only if "/" not in path}
    expected = {name: one for name, one in resource.properties.items() if name not in unread}
    if live is None:
        return Drift(status="DELETED", checked_at=now, expected=_json(expected))
    actual = {name: live[name] for name in live if live[name] is not None and name not in schema.read_only}
    compared = {name: one for name, one in expected.items() if name in live}
    differences = tuple(_differences(compared, {name: actual.get(name) for name in compared}, ""))
    return Drift(
        status="MODIFIED" if differences else "IN_SYNC",
        checked_at=now,
        expected=_json(expected),
        actual=_json(actual),
        differences=differences,
    )


def _differences(expected: Any, actual: Any, path: str) -> Iterator[PropertyDifference]:
    """Where two values differ; lists are compared without regard to order, for services do not keep it."""
    if isinstance(expected, Mapping) and isinstance(actual, Mapping):
        for name in sorted(expected.keys() | actual.keys()):
            if name in expected:
                yield from _differences(expected[name], actual.get(name), f"{path}/{name}")
            else:
                yield PropertyDifference(path=f"{path}/{name}", expected="null", actual=_text(actual[name]), type="ADD")
        return
    if isinstance(expected, list) and isinstance(actual, list):
        if sorted(map(_json, expected)) != sorted(map(_json, actual)):
            yield PropertyDifference(path=path, expected=_text(expected), actual=_text(actual), type="NOT_EQUAL")
        return
    if "{{resolve:" in str(expected):
        return
    if actual is None and expected is not None:
        yield PropertyDifference(path=path, expected=_text(expected), actual="null", type="REMOVE")
    elif _text(expected) != _text(actual):
        yield PropertyDifference(path=path, expected=_text(expected), actual=_text(actual), type="NOT_EQUAL")


def _text(value: Any) -> str:
    return value if isinstance(value, str) else _json(value)


def _json(value: Any) -> str:
    return json.dumps(value, separators=(",", ":"), sort_keys=True, default=str)
