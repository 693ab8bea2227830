"""What scaling tells EventBridge.

Source: ECS developer guide, "Amazon ECS service action events" (SERVICE_DESIRED_COUNT_UPDATED: not for counts that a user
sets); Application Auto Scaling user guide, "Monitor Application Auto Scaling events using Amazon EventBridge" (at maximum).
"""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from ninelives.autoscaling.wording import direction
from ninelives.model.arns import Place
from ninelives.model.events import Happening
from ninelives.model.scaling import DIMENSION, NAMESPACE, ScalableTarget, ScalingActivity


def count_updated(service: Mapping[str, Any], *, at: datetime) -> Happening:
    """The desired count of a service, as DescribeServices shows it, was set by scaling."""
    detail = {
        "eventType": "INFO",
        "eventName": "SERVICE_DESIRED_COUNT_UPDATED",
        "clusterArn": service["clusterArn"],
        "createdAt": _written(at),
    }
    return Happening(source="aws.ecs", detail_type="ECS Service Action", resources=(service["serviceArn"],), detail=detail)


def scaled_to_max(target: ScalableTarget, activity: ScalingActivity, place: Place) -> Happening:
    """A scale-out has ended at the most that the target may have."""
    detail = {
        "startTime": _written(activity.start_time),
        "endTime": None if activity.end_time is None else _written(activity.end_time),
        "oldDesiredCapacity": activity.before,
        "newDesiredCapacity": activity.capacity,
        "minCapacity": target.min_capacity,
        "maxCapacity": target.max_capacity,
        "resourceId": target.resource_id,
        "scalableDimension": DIMENSION,
        "serviceNamespace": NAMESPACE,
        "statusCode": activity.status.value,
        "scaledToMax": True,
        "direction": direction(activity),
    }
    _, cluster, name = target.resource_id.split("/")
    return Happening(
        source="aws.application-autoscaling",
        detail_type="Application Auto Scaling Scaling Activity State Change",
        resources=(place.service(cluster, name),),
        detail=detail,
    )


def _written(at: datetime) -> str:
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.") + f"{at.microsecond // 1000:03d}Z"
