"""Task sets: refused as ECS refuses them. They belong to services of external deployment controllers, and there are none here.

Source of the message: answers of the real service to CreateTaskSet and DescribeTaskSets.
"""

from collections.abc import Mapping
from typing import Any, Final

from ninelives.api.call import Call
from ninelives.model.ecs import ServiceStatus
from ninelives.model.errors import ApiError
from ninelives.region.ecs_lookup import active_cluster, the_service
from ninelives.region.region import Region

OPERATIONS: Final = ("CreateTaskSet", "DeleteTaskSet", "DescribeTaskSets", "UpdateServicePrimaryTaskSet", "UpdateTaskSet")


def refuse_task_sets(region: Region, call: Call) -> Mapping[str, Any]:
    """Raises what ECS answers for a service of its own deployment controller."""
    service = the_service(region, active_cluster(region, call.parameters["cluster"]), call.parameters["service"])
    if service.status is not ServiceStatus.ACTIVE:
        raise ApiError("ServiceNotActiveException", "Service was not ACTIVE.")
    message = "Amazon ECS only supports task set management on services configured to use external deployment controllers."
    raise ApiError("InvalidParameterException", message)


HANDLERS = dict.fromkeys(OPERATIONS, refuse_task_sets)
