"""Target tracking between the wire and the model: which metric a policy watches.

Source: ``TargetTrackingScalingPolicyConfiguration``; user guide, "Predefined metrics for target tracking scaling policies",
"Create a target tracking scaling policy using metric math".
"""

import re
from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any, Final

from ninelives.api.applicationautoscaling.handling import refused
from ninelives.api.applicationautoscaling.steps import read_cooldown
from ninelives.autoscaling import AutoScaling, service_of
from ninelives.model.errors import ApiError
from ninelives.model.metrics import Metric, MetricDataQuery, MetricStat
from ninelives.model.scaling import TargetTracking
from ninelives.monitoring import QueriesInvalid, StatisticUnknown, check_queries, read_statistic

MINUTE: Final = timedelta(minutes=1)
OF_THE_SERVICE: Final = {
    "ECSServiceAverageCPUUtilization": "CPUUtilization",
    "ECSServiceAverageMemoryUtilization": "MemoryUtilization",
}
REQUESTS: Final = "ALBRequestCountPerTarget"
HIGH_RESOLUTION: Final = "HighResolution"
LABEL: Final = re.compile(
    r"app/(?P<balancer>[^/]+)/(?P<balancer_id>[^/]+)/targetgroup/(?P<group>[^/]+)/(?P<group_id>[^/]+)", re.ASCII
)
SMALLEST, LARGEST = 8.515920e-109, 1.174271e108
"""Source: ``TargetValue``."""
CUSTOM: Final = ("MetricName", "Namespace", "Statistic")


async def read_tracking(scaling: AutoScaling, resource_id: str, given: Mapping[str, Any]) -> TargetTracking:
    """Raises ``ApiError``."""
    value = given["TargetValue"]
    if not SMALLEST <= value <= LARGEST:
        raise refused(f"The target value must be between {SMALLEST} and {LARGEST}")
    predefined, custom = given.get("PredefinedMetricSpecification"), given.get("CustomizedMetricSpecification")
    if (predefined is None) == (custom is None):
        raise refused("Exactly one of PredefinedMetricSpecification and CustomizedMetricSpecification must be specified")
    watched: MetricStat | tuple[MetricDataQuery, ...]
    if predefined is not None:
        watched = await _predefined(scaling, resource_id, predefined)
    else:
        watched = _customized(custom or {})
    return TargetTracking(
        target_value=value,
        watched=watched,
        configuration=given,
        scale_out_cooldown=read_cooldown(given.get("ScaleOutCooldown")),
        scale_in_cooldown=read_cooldown(given.get("ScaleInCooldown")),
        disable_scale_in=given.get("DisableScaleIn", False),
    )


async def _predefined(scaling: AutoScaling, resource_id: str, given: Mapping[str, Any]) -> MetricStat:
    kind, label = given["PredefinedMetricType"], given.get("ResourceLabel")
    if kind == REQUESTS:
        return await _requests(scaling, label)
    if kind.startswith("ECSService") and kind.endswith(HIGH_RESOLUTION):
        raise refused(f"ninelives measures a service once a minute: {kind} is not implemented.")
    if kind not in OF_THE_SERVICE:
        raise refused(f"The predefined metric type {kind} is not valid for the service namespace ecs")
    if label is not None:
        raise refused(f"A resource label cannot be specified for the predefined metric type {kind}")
    cluster, service = service_of(resource_id)
    metric = Metric.of("AWS/ECS", OF_THE_SERVICE[kind], {"ClusterName": cluster, "ServiceName": service})
    return MetricStat(metric=metric, period=MINUTE, stat="Average", unit="Percent")


async def _requests(scaling: AutoScaling, label: str | None) -> MetricStat:
    """Requests to each target of a group that the load balancer of the label forwards to."""
    if label is None:
        raise refused(f"A resource label must be specified for the predefined metric type {REQUESTS}")
    found = LABEL.fullmatch(label)
    if found is None:
        form = "app/<load balancer>/<id>/targetgroup/<target group>/<id>"
        raise refused(f"The resource label {label} is not of the form {form}")
    group = f"targetgroup/{found['group']}/{found['group_id']}"
    balancer = f"loadbalancer/app/{found['balancer']}/{found['balancer_id']}"
    arn = scaling.place.arn("elasticloadbalancing", group)
    try:
        answer = await scaling.call("elbv2", "DescribeTargetGroups", {"TargetGroupArns": [arn]})
        balancers = answer["TargetGroups"][0].get("LoadBalancerArns", ())
    except ApiError as error:
        raise refused(f"The target group of the resource label {label} does not exist") from error
    if scaling.place.arn("elasticloadbalancing", balancer) not in balancers:
        raise refused(f"The load balancer of the resource label {label} does not forward to its target group")
    metric = Metric.of("AWS/ApplicationELB", "RequestCountPerTarget", {"TargetGroup": group})
    return MetricStat(metric=metric, period=MINUTE, stat="Sum")


def _customized(given: Mapping[str, Any]) -> MetricStat | tuple[MetricDataQuery, ...]:
    queries = given.get("Metrics")
    if queries:
        if any(given.get(name) for name in (*CUSTOM, "Dimensions", "Unit")):
            raise refused("A customized metric is either specified by Metrics or by a name, a namespace and a statistic")
        return _queries(queries)
    missing = [name for name in CUSTOM if not given.get(name)]
    if missing:
        raise refused(f"{missing[0]} must be specified for a customized metric")
    metric = Metric.of(given["Namespace"], given["MetricName"], _dimensions(given))
    return MetricStat(metric=metric, period=MINUTE, stat=given["Statistic"], unit=given.get("Unit"))


def _queries(given: Sequence[Mapping[str, Any]]) -> tuple[MetricDataQuery, ...]:
    queries = tuple(
        MetricDataQuery(
            id=one["Id"],
            stat=_stat(one["MetricStat"]) if "MetricStat" in one else None,
            expression=one.get("Expression"),
            label=one.get("Label"),
            return_data=one.get("ReturnData", True),
        )
        for one in given
    )
    try:
        check_queries(queries)
    except QueriesInvalid as error:
        raise refused(str(error)) from error
    if sum(query.return_data for query in queries) != 1:
        raise refused("Exactly one of the metrics must return data: ReturnData is true for it and false for the others")
    return queries


def _stat(given: Mapping[str, Any]) -> MetricStat:
    metric = given["Metric"]
    try:
        read_statistic(given["Stat"])
    except StatisticUnknown as error:
        raise refused(str(error)) from error
    return MetricStat(
        metric=Metric.of(metric.get("Namespace", ""), metric.get("MetricName", ""), _dimensions(metric)),
        period=MINUTE,
        stat=given["Stat"],
        unit=given.get("Unit"),
    )


def _dimensions(given: Mapping[str, Any]) -> Mapping[str, str]:
    return {one["Name"]: one["Value"] for one in given.get("Dimensions", ())}
