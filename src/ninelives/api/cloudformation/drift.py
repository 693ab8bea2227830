"""Drift: live resources held against what their stacks say of them."""

from collections.abc import Mapping
from typing import Any

from ninelives.api.call import Call
from ninelives.api.cloudformation.wire import EngineHandler, page
from ninelives.stacks import blueprints, drift, intents
from ninelives.stacks.engine import Engine
from ninelives.stacks.records import Drift, Resource


async def detect_stack_drift(engine: Engine, call: Call) -> Mapping[str, Any]:
    stack = intents.living(engine, call.parameters["StackName"])
    wanted = set(call.parameters.get("LogicalResourceIds", ()))
    return {"StackDriftDetectionId": await drift.detect(engine, stack, wanted)}


def describe_stack_drift_detection_status(engine: Engine, call: Call) -> Mapping[str, Any]:
    detection_id = call.parameters["StackDriftDetectionId"]
    detection = engine.state.detections.get(detection_id)
    if detection is None:
        raise blueprints.invalid(f"Drift detection {detection_id} does not exist")
    return {
        "StackId": detection.stack_id,
        "StackDriftDetectionId": detection_id,
        "StackDriftStatus": detection.status,
        "DetectionStatus": "DETECTION_COMPLETE",
        "DriftedStackResourceCount": detection.drifted,
        "Timestamp": detection.at,
    }


async def detect_stack_resource_drift(engine: Engine, call: Call) -> Mapping[str, Any]:
    stack = intents.living(engine, call.parameters["StackName"])
    resource = intents.resource_of(engine, stack, call.parameters["LogicalResourceId"])
    await drift.detect(engine, stack, {resource.logical_id})
    resource = intents.resource_of(engine, stack, resource.logical_id)
    if resource.drift is None:
        raise blueprints.invalid(f"Drift detection is not supported for resource type {resource.type}.")
    return {"StackResourceDrift": _drift(resource, resource.drift)}


def describe_stack_resource_drifts(engine: Engine, call: Call) -> Mapping[str, Any]:
    given = call.parameters
    stack = intents.living(engine, given["StackName"])
    wanted = set(given.get("StackResourceDriftStatusFilters", ()))
    found = [
        _drift(one, one.drift)
        for one in sorted(engine.state.live_resources(stack.stack_id), key=lambda one: one.logical_id)
        if one.is_current and one.drift is not None and (not wanted or one.drift.status in wanted)
    ]
    size = given.get("MaxResults", 100)
    shown, token = page(found, given.get("NextToken"), key=lambda one: str(one["LogicalResourceId"]), size=size)
    return {"StackResourceDrifts": list(shown), "NextToken": token}


def _drift(resource: Resource, found: Drift) -> dict[str, Any]:
    return {
        "StackId": resource.stack_id,
        "LogicalResourceId": resource.logical_id,
        "PhysicalResourceId": resource.physical_id,
        "ResourceType": resource.type,
        "ExpectedProperties": found.expected or None,
        "ActualProperties": found.actual or None,
        "PropertyDifferences": [
            {
                "PropertyPath": one.path,
                "ExpectedValue": one.expected,
                "ActualValue": one.actual,
                "DifferenceType": one.type,
            }
            for one in found.differences
        ],
        "StackResourceDriftStatus": found.status,
        "Timestamp": found.checked_at,
    }


HANDLERS: Mapping[str, EngineHandler] = {
    "DetectStackDrift": detect_stack_drift,
    "DescribeStackDriftDetectionStatus": describe_stack_drift_detection_status,
    "DetectStackResourceDrift": detect_stack_resource_drift,
    "DescribeStackResourceDrifts": describe_stack_resource_drifts,
}
