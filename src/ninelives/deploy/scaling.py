"""Application Auto Scaling brought to what the service file says: bounds, policies, scheduled actions.

What the tool makes bears its name (policies and scheduled actions begin with ``ninelives-``, the target has a tag); what
others made is left alone. The desired count is never set here. Bounds are set when the file's have changed since they were
set last: schedules and ``ninelives scale`` may have moved them meanwhile.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from ninelives.deploy.aws import Aws, error_code, pages
from ninelives.deploy.reports import Act, Tell
from ninelives.deploy.scaling_part import Scaling
from ninelives.deploy.service_file import CountRange, ServiceFile

PREFIX: Final = "ninelives-"
BOUNDS_TAG: Final = "ninelives:bounds"
DIMENSION: Final = "ecs:service:DesiredCount"
SERVER_ERROR: Final = 500
NOT_IMPLEMENTED: Final = 501
Json = Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """What Application Auto Scaling has of a service."""

    target: Json | None
    policies: tuple[Json, ...]
    actions: tuple[Json, ...]

    def own_policies(self) -> Iterator[str]:
        yield from (one["PolicyName"] for one in self.policies if one["PolicyName"].startswith(PREFIX))

    def own_actions(self) -> Iterator[str]:
        yield from (one["ScheduledActionName"] for one in self.actions if one["ScheduledActionName"].startswith(PREFIX))


def resource_of(file: ServiceFile) -> str:
    return f"service/{file.cluster_name}/{file.service}"


def scaled(file: ServiceFile) -> dict[str, str]:
    """What is scaled, in each request's members."""
    return {"ServiceNamespace": "ecs", "ResourceId": resource_of(file), "ScalableDimension": DIMENSION}


def read_known(aws: Aws, file: ServiceFile) -> Known:
    """An API without Application Auto Scaling has none of it."""
    target = find_target(aws, file)
    if target is None:
        return Known(target=None, policies=(), actions=())
    about = {**scaled(file), "continuation": "NextToken"}
    return Known(
        target=target,
        policies=tuple(pages(aws.scaling.describe_scaling_policies, "ScalingPolicies", **about)),
        actions=tuple(pages(aws.scaling.describe_scheduled_actions, "ScheduledActions", **about)),
    )


def find_target(aws: Aws, file: ServiceFile) -> Json | None:
    """The service as a scalable target; None where it is not scaled, and where the API knows no scaling."""
    from botocore.exceptions import ClientError

    try:
        found = aws.scaling.describe_scalable_targets(
            ServiceNamespace="ecs", ResourceIds=[resource_of(file)], ScalableDimension=DIMENSION
        )
    except ClientError as error:
        if aws.is_near and _is_unknown_here(error):
            return None
        raise  # a count is never set because its scaling could not be read
    targets: list[Json] = found["ScalableTargets"]
    return targets[0] if targets else None


def _is_unknown_here(error: Exception) -> bool:
    """Whether an emulator says that it has no such API; a refusal and a failure are neither."""
    status = getattr(error, "response", {}).get("ResponseMetadata", {}).get("HTTPStatusCode", SERVER_ERROR)
    refused = error_code(error).startswith(("AccessDenied", "Expired", "Throttling", "TooManyRequests"))
    return not refused and (status < SERVER_ERROR or status == NOT_IMPLEMENTED)


def see_to_scaling(aws: Aws, file: ServiceFile, target_group_arn: str | None, tell: Tell) -> None:
    """Bring the service's scaling to what the file says, where it says anything; the service must be there.

    ``target_group_arn``: that of the group which production traffic goes to.
    """
    if file.scaling is None:
        return
    known = read_known(aws, file)
    _see_to_bounds(aws, file, known, tell)
    _see_to_policies(aws, file, file.scaling, known, target_group_arn, tell)
    _see_to_schedules(aws, file, file.scaling, known, tell)


def withdraw_scaling(aws: Aws, file: ServiceFile, tell: Tell) -> None:
    """Take away what an earlier version of the file asked for, where it asks for no scaling any more."""
    if file.scaling is not None:
        return
    known = read_known(aws, file)
    if known.target is None or BOUNDS_TAG not in _tags(aws, known.target):
        return
    own = [*known.own_policies()]
    if len(own) < len(known.policies) or len([*known.own_actions()]) < len(known.actions):
        for name in own:
            aws.scaling.delete_scaling_policy(PolicyName=name, **scaled(file))
        for name in known.own_actions():
            aws.scaling.delete_scheduled_action(ScheduledActionName=name, **scaled(file))
        tell(Act.CHANGED, "scaling: what the file asked for is gone; policies that others made go on")
        return
    aws.scaling.deregister_scalable_target(**scaled(file))
    stays = "; the count stays" if file.plain_count is None else ""
    tell(Act.CHANGED, f"scaling: gone, as from the file{stays}")


def _see_to_bounds(aws: Aws, file: ServiceFile, known: Known, tell: Tell) -> None:
    assert isinstance(file.count, CountRange), "the file asks for a range where it scales"
    least, most = file.count.min, file.count.max
    said = f"{least}-{most}"
    request = {**scaled(file), "MinCapacity": least, "MaxCapacity": most}
    if known.target is None:
        aws.scaling.register_scalable_target(**request, Tags={BOUNDS_TAG: said})
        tell(Act.MADE, f"scaling: {least} to {most} tasks")
        return
    if _tags(aws, known.target).get(BOUNDS_TAG) == said:
        now = known.target["MinCapacity"], known.target["MaxCapacity"]
        if now != (least, most):
            tell(
                Act.NOTE,
                f"scaling: bounds are {now[0]} to {now[1]}, by a schedule or by hand; the file says {least} to {most}",
            )
        return
    aws.scaling.register_scalable_target(**request)
    aws.scaling.tag_resource(ResourceARN=known.target["ScalableTargetARN"], Tags={BOUNDS_TAG: said})
    tell(Act.CHANGED, f"scaling: {least} to {most} tasks")


def _tags(aws: Aws, target: Json) -> Json:
    tags: Json = aws.scaling.list_tags_for_resource(ResourceARN=target["ScalableTargetARN"])["Tags"]
    return tags


def _see_to_policies(
    aws: Aws, file: ServiceFile, asked: Scaling, known: Known, target_group_arn: str | None, tell: Tell
) -> None:
    wanted = {f"{PREFIX}{name}": one for name, one in tracked(aws, asked, target_group_arn).items()}
    there = {one["PolicyName"]: one for one in known.policies}
    for name, configuration in wanted.items():
        found = there.get(name, {}).get("TargetTrackingScalingPolicyConfiguration")
        if found is not None and _says(configuration, found):
            continue
        aws.scaling.put_scaling_policy(
            **scaled(file),
            PolicyName=name,
            PolicyType="TargetTrackingScaling",
            TargetTrackingScalingPolicyConfiguration=configuration,
        )
        told = f"scaling: {name.removeprefix(PREFIX)} at {_plain(configuration['TargetValue'])}"
        tell(Act.MADE if found is None else Act.CHANGED, told)
    for name in set(known.own_policies()) - wanted.keys():
        aws.scaling.delete_scaling_policy(PolicyName=name, **scaled(file))
        tell(Act.CHANGED, f"scaling: {name.removeprefix(PREFIX)} is followed no longer")


def tracked(aws: Aws, asked: Scaling, target_group_arn: str | None) -> dict[str, dict[str, Any]]:
    """What is followed, by name: ``TargetTrackingScalingPolicyConfiguration`` of each."""
    common = {
        "ScaleOutCooldown": int(asked.cooldown.out.total_seconds()),
        "ScaleInCooldown": int(asked.cooldown.in_.total_seconds()),
        "DisableScaleIn": not asked.scale_in,
    }

    def predefined(kind: str, target: float, **more: str) -> dict[str, Any]:
        specification = {"PredefinedMetricType": kind, **more}
        return {"TargetValue": float(target), "PredefinedMetricSpecification": specification, **common}

    found: dict[str, dict[str, Any]] = {}
    if asked.cpu is not None:
        found["cpu"] = predefined("ECSServiceAverageCPUUtilization", asked.cpu)
    if asked.memory is not None:
        found["memory"] = predefined("ECSServiceAverageMemoryUtilization", asked.memory)
    if asked.requests_per_task is not None and target_group_arn is not None:
        label = resource_label(aws, target_group_arn)
        found["requests"] = predefined("ALBRequestCountPerTarget", asked.requests_per_task, ResourceLabel=label)
    for one in asked.metrics:
        specification = {
            "Namespace": one.namespace,
            "MetricName": one.metric,
            "Dimensions": [{"Name": name, "Value": value} for name, value in sorted(one.dimensions.items())],
            "Statistic": one.statistic,
        }
        found[one.name] = {"TargetValue": float(one.target), "CustomizedMetricSpecification": specification, **common}
    return found


def resource_label(aws: Aws, target_group_arn: str) -> str:
    """How Application Auto Scaling names a target group behind its load balancer.

    Source: ``PredefinedMetricSpecification.ResourceLabel``.
    """
    (group,) = aws.elbv2.describe_target_groups(TargetGroupArns=[target_group_arn])["TargetGroups"]
    balancer = group["LoadBalancerArns"][0].partition(":loadbalancer/")[2]
    return f"{balancer}/{target_group_arn.rpartition(':')[2]}"


def production_group(aws: Aws, service: Json) -> str | None:
    """The target group that production traffic of a service goes to: of two, the one that the production rule weighs most."""
    balancer = next(iter(service.get("loadBalancers") or ()), None)
    if balancer is None:
        return None
    first = str(balancer["targetGroupArn"])
    rule = balancer.get("advancedConfiguration", {}).get("productionListenerRule")
    if rule is None:
        return first
    (found,) = aws.elbv2.describe_rules(RuleArns=[rule])["Rules"]
    groups = found["Actions"][-1].get("ForwardConfig", {}).get("TargetGroups", ())
    heaviest = max(groups, key=lambda group: group.get("Weight", 0), default=None)
    return first if heaviest is None else str(heaviest["TargetGroupArn"])


def _see_to_schedules(aws: Aws, file: ServiceFile, asked: Scaling, known: Known, tell: Tell) -> None:
    there = {one["ScheduledActionName"]: one for one in known.actions}
    for one in asked.schedules:
        name = f"{PREFIX}{one.name}"
        bounds = {"MinCapacity": one.min, "MaxCapacity": one.max}
        wanted = {
            "Schedule": one.at,
            "Timezone": one.timezone,
            "ScalableTargetAction": {bound: value for bound, value in bounds.items() if value is not None},
        }
        found = there.get(name)
        if found is not None and all(found.get(member) == value for member, value in wanted.items()):
            continue
        aws.scaling.put_scheduled_action(**scaled(file), ScheduledActionName=name, **wanted)
        tell(Act.MADE if found is None else Act.CHANGED, f"scaling: schedule {one.name}, {one.at}")
    for name in set(known.own_actions()) - {f"{PREFIX}{one.name}" for one in asked.schedules}:
        aws.scaling.delete_scheduled_action(ScheduledActionName=name, **scaled(file))
        tell(Act.CHANGED, f"scaling: no schedule {name.removeprefix(PREFIX)} any longer")


def _says(wanted: Any, found: Any) -> bool:
    """Whether what is there says all that is wanted; what AWS leaves out is false, or empty."""
    if isinstance(wanted, dict):
        return isinstance(found, dict) and all(_says(value, found.get(name)) for name, value in wanted.items())
    return bool(wanted == found or (not wanted and not found))


def _plain(value: float) -> str:
    return f"{value:g}"
