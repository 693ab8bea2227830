"""Capacity providers on the wire: Fargate's two. Container instances: there are none."""

from collections.abc import Mapping
from typing import Any

from ninelives.api.call import Call
from ninelives.api.ecs.paging import page
from ninelives.model.arns import last_part
from ninelives.region.ecs_capacity import FARGATE_PROVIDERS
from ninelives.region.ecs_lookup import active_cluster
from ninelives.region.region import Region


def describe_capacity_providers(region: Region, call: Call) -> Mapping[str, Any]:
    providers: tuple[str, ...] = FARGATE_PROVIDERS
    if "cluster" in call.parameters:
        associated = active_cluster(region, call.parameters["cluster"]).members["capacityProviders"]
        providers = tuple(name for name in FARGATE_PROVIDERS if name in associated)
    asked = [last_part(name) for name in call.parameters.get("capacityProviders", providers)]
    shown, token = page([name for name in asked if name in providers], call.parameters, default=10)
    return {
        "capacityProviders": [
            {
                "capacityProviderArn": _arn(region, name),
                "name": name,
                "status": "ACTIVE",
                "type": name,
                "tags": [],
            }
            for name in shown
        ],
        "failures": [{"arn": _arn(region, name), "reason": "MISSING"} for name in asked if name not in providers],
        "nextToken": token,
    }


def _arn(region: Region, name: str) -> str:
    return region.place.arn("ecs", f"capacity-provider/{name}")


def list_container_instances(region: Region, call: Call) -> Mapping[str, Any]:
    active_cluster(region, call.parameters.get("cluster"))
    return {"containerInstanceArns": []}


def describe_container_instances(region: Region, call: Call) -> Mapping[str, Any]:
    cluster = active_cluster(region, call.parameters.get("cluster"))
    asked = [last_part(one) for one in call.parameters["containerInstances"]]
    arns = [region.place.arn("ecs", f"container-instance/{cluster.name}/{one}") for one in asked]
    return {"containerInstances": [], "failures": [{"arn": arn, "reason": "MISSING"} for arn in arns]}


HANDLERS = {
    "DescribeCapacityProviders": describe_capacity_providers,
    "DescribeContainerInstances": describe_container_instances,
    "ListContainerInstances": list_container_instances,
}
