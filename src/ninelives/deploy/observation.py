"""What is seen of a service at one moment: counts, deployments, tasks, targets, events. Read at the door, once."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from ninelives.deploy.aws import Aws, pages
from ninelives.deploy.shift import ShiftPlan, read_shift_plan

TASKS_A_CALL = 100
KILLED = 137
"""The exit code of a process that SIGKILL has ended."""
TIME_SCALE_HEADER = "x-ninelives-time-scale"


@dataclass(frozen=True, slots=True, kw_only=True)
class DeploymentSeen:
    """An entry of ``Service.deployments``."""

    id: str
    status: str
    rollout_state: str
    rollout_state_reason: str
    task_definition: str
    desired_count: int
    running_count: int
    pending_count: int
    failed_tasks: int
    created_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class EventSeen:
    id: str
    created_at: datetime
    message: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ServiceSeen:
    status: str
    desired_count: int
    running_count: int
    pending_count: int
    task_definition: str
    deployments: tuple[DeploymentSeen, ...]
    events: tuple[EventSeen, ...]
    """Newest first."""
    current_service_deployment: str | None
    target_groups: tuple[str, ...] = ()
    """ARNs of all groups that its tasks may be registered in."""
    time_scale: float = 1.0
    """How many times shorter than they say waits are that are only policy; 1 on AWS."""

    @property
    def primary(self) -> DeploymentSeen | None:
        return next((one for one in self.deployments if one.status == "PRIMARY"), None)


@dataclass(frozen=True, slots=True, kw_only=True)
class HookSeen:
    """A lifecycle hook as a service deployment tells of it."""

    id: str
    target_type: str
    """AWS_LAMBDA or PAUSE."""
    target: str | None
    """The function's ARN; a pause has none."""
    status: str
    expires_at: datetime | None
    timeout_action: str
    """ROLLBACK or CONTINUE."""

    @property
    def is_open(self) -> bool:
        """Whether it has neither been answered nor run out of time."""
        return self.status in {"AWAITING_ACTION", "IN_PROGRESS"}

    @property
    def name(self) -> str:
        """The function's name; a pause has none."""
        return "pause" if self.target is None else self.target.rsplit(":function:", 1)[-1]


@dataclass(frozen=True, slots=True, kw_only=True)
class ServiceDeploymentSeen:
    """A service deployment: one act of deploying, its rollback included."""

    arn: str
    status: str
    status_reason: str
    target_revision: str
    created_at: datetime | None
    source_revisions: tuple[str, ...] = ()
    started_at: datetime | None = None
    finished_at: datetime | None = None
    stopped_at: datetime | None = None
    rollback_reason: str | None = None
    rollback_revision: str | None = None
    breaker_status: str | None = None
    failures: int = 0
    failure_threshold: int = 0
    alarm_status: str | None = None
    """DISABLED, MONITORING, MONITORING_COMPLETE or TRIGGERED."""
    alarms: tuple[str, ...] = ()
    """Those that are watched."""
    triggered_alarms: tuple[str, ...] = ()
    lifecycle_stage: str | None = None
    hooks: tuple[HookSeen, ...] = ()
    plan: ShiftPlan = field(default_factory=ShiftPlan)
    production_percent: float | None = None
    """Of production traffic, what the new version is to get; None where no traffic is shifted."""
    test_percent: float | None = None
    updated_at: datetime | None = None

    @property
    def id(self) -> str:
        return self.arn.rsplit("/", 1)[-1]

    @property
    def is_under_way(self) -> bool:
        return self.status not in {"SUCCESSFUL", "STOPPED", "ROLLBACK_SUCCESSFUL", "ROLLBACK_FAILED"}

    @property
    def awaiting(self) -> tuple[HookSeen, ...]:
        """Pauses that wait for a decision."""
        return tuple(hook for hook in self.hooks if hook.status == "AWAITING_ACTION")

    @property
    def stage(self) -> str | None:
        """Where it is. ECS's answers do not know PRE_PRODUCTION_TRAFFIC_SHIFT and name the stage after it; where a release
        pauses, that cannot be: it takes no pause.
        """
        is_before = bool(self.awaiting) and self.lifecycle_stage == "PRODUCTION_TRAFFIC_SHIFT"
        return "PRE_PRODUCTION_TRAFFIC_SHIFT" if is_before else self.lifecycle_stage


@dataclass(frozen=True, slots=True, kw_only=True)
class ContainerSeen:
    name: str
    image: str
    exit_code: int | None
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskSeen:
    arn: str
    started_by: str
    """The deployment that it belongs to, ``ecs-svc/…``."""
    last_status: str
    desired_status: str
    health_status: str
    stop_code: str
    stopped_reason: str
    created_at: datetime | None
    started_at: datetime | None
    stopped_at: datetime | None
    containers: tuple[ContainerSeen, ...] = ()
    task_definition: str = ""
    stopping_at: datetime | None = None
    """When its containers were sent their stop signal, or had ended by themselves."""
    execution_stopped_at: datetime | None = None
    address: str = ""
    ports: tuple[int, ...] = ()
    """Of its host that lead to it; none where it has an address of its own."""

    @property
    def id(self) -> str:
        return self.arn.rsplit("/", 1)[-1]

    def is_at(self, target: "TargetSeen") -> bool:
        """Whether a target is this task."""
        return bool(self.address) and target.address == self.address and (not self.ports or target.port in self.ports)

    @property
    def is_gone(self) -> bool:
        """Whether its containers have ended."""
        return self.last_status in {"STOPPED", "DEPROVISIONING", "DELETED"}

    @property
    def was_killed(self) -> bool:
        """Whether it was told to end, did not in time, and ended by SIGKILL."""
        return self.stop_code in {"ServiceSchedulerInitiated", "UserInitiated"} and any(
            one.exit_code == KILLED and "OutOfMemory" not in one.reason for one in self.containers
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class TargetSeen:
    address: str
    port: int
    state: str
    reason: str
    description: str


@dataclass(frozen=True, slots=True, kw_only=True)
class AlarmSeen:
    """A CloudWatch alarm that went off: what it watches, what it compares with, and why it changed its state."""

    name: str
    metric: str = ""
    limit: str = ""
    """Such as ``above 1``; empty where it has none."""
    reason: str = ""
    is_on: bool = True
    """Whether it still is in ALARM; if not, ``reason`` is why it is not."""

    @property
    def told(self) -> str:
        """Why it went off, without a full stop: what was measured, where the reason names it, else the reason.

        >>> crossed = "Threshold Crossed: 1 out of the last 1 datapoints [75.675675 (27/11/26 04:31:00)] was greater than …"
        >>> AlarmSeen(name="a", metric="TargetResponseTime (p90)", limit="above 0.5", reason=crossed).told
        'TargetResponseTime (p90) was 75.68, which is above 0.5'
        >>> AlarmSeen(name="a", reason="a user said so.").told
        'a user said so'
        >>> AlarmSeen(name="a", metric="requests", limit="below 1", is_on=False).told
        'requests was below 1'
        """
        if not self.is_on:
            return f"{self.metric} was {self.limit}" if self.metric and self.limit else ""
        measured = re.search(r"\[(-?[\d.]+(?:E-?\d+)?) \(", self.reason)
        if measured is not None and self.metric and self.limit:
            return f"{self.metric} was {float(measured[1]):.4g}, which is {self.limit}"
        return ": ".join(part for part in (self.metric, self.reason.rstrip(". ")) if part)


@dataclass(frozen=True, slots=True, kw_only=True)
class Observation:
    """A service at one moment. ``service`` is None when it is not there."""

    at: datetime
    service: ServiceSeen | None
    service_deployment: ServiceDeploymentSeen | None = None
    """The one that is followed."""
    newer: tuple[ServiceDeploymentSeen, ...] = ()
    """Service deployments that were made after it, newest first."""
    tasks: tuple[TaskSeen, ...] = ()
    targets: tuple[TargetSeen, ...] = ()
    notes: tuple[str, ...] = field(default=())
    """What could not be seen just now, and why."""


def number_of(identifier: str) -> str:
    """The number that a deployment's id, a service revision's ARN and ``startedBy`` share.

    >>> number_of("ecs-svc/42"), number_of("arn:aws:ecs:r:a:service-revision/c/s/42")
    ('42', '42')
    """
    return identifier.rsplit("/", 1)[-1]


def see_service(aws: Aws, cluster: str, service: str) -> ServiceSeen | None:
    """The service, or None when there is none (or no such cluster)."""
    try:
        answer = aws.ecs.describe_services(cluster=cluster, services=[service])
    except aws.ecs.exceptions.ClusterNotFoundException:
        return None
    found = answer["services"]
    return replace(read_service(found[0]), time_scale=time_scale_of(answer)) if found else None


def time_scale_of(answer: Mapping[str, Any]) -> float:
    """What an embedded region says of its time with each answer."""
    headers = answer.get("ResponseMetadata", {}).get("HTTPHeaders", {})
    return float(headers.get(TIME_SCALE_HEADER, 1.0))


def see_service_deployments(aws: Aws, cluster: str, service: str, *, at_most: int = 20) -> list[ServiceDeploymentSeen]:
    """Brief records, newest first."""
    request: dict[str, Any] = {"cluster": cluster, "service": service, "maxResults": min(at_most, 100)}
    found: list[ServiceDeploymentSeen] = []
    for one in pages(aws.ecs.list_service_deployments, "serviceDeployments", **request):
        found.append(read_service_deployment(one))
        if len(found) >= at_most:
            break
    return sorted(found, key=lambda one: one.created_at.timestamp() if one.created_at else 0.0, reverse=True)


def describe_service_deployments(aws: Aws, arns: Sequence[str]) -> dict[str, ServiceDeploymentSeen]:
    """Full records by ARN."""
    found: dict[str, ServiceDeploymentSeen] = {}
    for start in range(0, len(arns), 20):
        answer = aws.ecs.describe_service_deployments(serviceDeploymentArns=list(arns[start : start + 20]))
        found |= {one["serviceDeploymentArn"]: read_service_deployment(one) for one in answer["serviceDeployments"]}
    return found


def see_tasks(aws: Aws, cluster: str, service: str) -> tuple[TaskSeen, ...]:
    """The service's tasks, the lately stopped ones included."""
    arns: list[str] = []
    for status in ("RUNNING", "STOPPED"):
        arns += pages(aws.ecs.list_tasks, "taskArns", cluster=cluster, serviceName=service, desiredStatus=status)
    tasks: list[TaskSeen] = []
    for start in range(0, len(arns), TASKS_A_CALL):
        answer = aws.ecs.describe_tasks(cluster=cluster, tasks=arns[start : start + TASKS_A_CALL])
        tasks += [read_task(one) for one in answer["tasks"]]
    return tuple(tasks)


def see_targets(aws: Aws, target_group_arn: str) -> tuple[TargetSeen, ...]:
    answer = aws.elbv2.describe_target_health(TargetGroupArn=target_group_arn)
    return tuple(read_target(one) for one in answer["TargetHealthDescriptions"])


def read_service(given: Mapping[str, Any]) -> ServiceSeen:
    return ServiceSeen(
        status=given["status"],
        desired_count=given.get("desiredCount", 0),
        running_count=given.get("runningCount", 0),
        pending_count=given.get("pendingCount", 0),
        task_definition=given.get("taskDefinition", ""),
        deployments=tuple(_read_deployment(one) for one in given.get("deployments") or ()),
        events=tuple(
            EventSeen(id=one["id"], created_at=one["createdAt"], message=one["message"]) for one in given.get("events") or ()
        ),
        current_service_deployment=given.get("currentServiceDeployment"),
        target_groups=tuple(_target_groups(given.get("loadBalancers") or ())),
    )


def _target_groups(balancers: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    for one in balancers:
        groups = (one.get("targetGroupArn"), (one.get("advancedConfiguration") or {}).get("alternateTargetGroupArn"))
        yield from (str(arn) for arn in groups if arn)


def _read_deployment(given: Mapping[str, Any]) -> DeploymentSeen:
    return DeploymentSeen(
        id=given["id"],
        status=given["status"],
        rollout_state=given.get("rolloutState", ""),
        rollout_state_reason=given.get("rolloutStateReason", ""),
        task_definition=given.get("taskDefinition", ""),
        desired_count=given.get("desiredCount", 0),
        running_count=given.get("runningCount", 0),
        pending_count=given.get("pendingCount", 0),
        failed_tasks=given.get("failedTasks", 0),
        created_at=given.get("createdAt"),
    )


def read_service_deployment(given: Mapping[str, Any]) -> ServiceDeploymentSeen:
    """From the brief record of ListServiceDeployments or the full one of DescribeServiceDeployments."""
    rollback = given.get("rollback") or {}
    breaker = given.get("deploymentCircuitBreaker") or {}
    target = given.get("targetServiceRevision") or {}
    alarms = given.get("alarms") or {}
    return ServiceDeploymentSeen(
        arn=given["serviceDeploymentArn"],
        status=given["status"],
        status_reason=given.get("statusReason") or "",
        target_revision=given.get("targetServiceRevisionArn") or target.get("arn") or "",
        created_at=given.get("createdAt"),
        source_revisions=tuple(one["arn"] for one in given.get("sourceServiceRevisions") or ()),
        started_at=given.get("startedAt"),
        finished_at=given.get("finishedAt"),
        stopped_at=given.get("stoppedAt"),
        rollback_reason=rollback.get("reason"),
        rollback_revision=rollback.get("serviceRevisionArn"),
        breaker_status=breaker.get("status"),
        failures=breaker.get("failureCount", 0),
        failure_threshold=breaker.get("threshold", 0),
        alarm_status=alarms.get("status"),
        alarms=tuple(alarms.get("alarmNames") or ()),
        triggered_alarms=tuple(alarms.get("triggeredAlarmNames") or ()),
        lifecycle_stage=given.get("lifecycleStage"),
        hooks=tuple(_read_hook(one) for one in given.get("lifecycleHookDetails") or ()),
        plan=read_shift_plan(given.get("deploymentConfiguration") or {}),
        production_percent=target.get("requestedProductionTrafficWeight"),
        test_percent=target.get("requestedTestTrafficWeight"),
        updated_at=given.get("updatedAt"),
    )


def _read_hook(given: Mapping[str, Any]) -> HookSeen:
    return HookSeen(
        id=given.get("hookId", "a lifecycle hook"),
        target_type=given.get("targetType", "AWS_LAMBDA"),
        target=given.get("targetArn"),
        status=given.get("status", ""),
        expires_at=given.get("expiresAt"),
        timeout_action=given.get("timeoutAction", "ROLLBACK"),
    )


def read_task(given: Mapping[str, Any]) -> TaskSeen:
    return TaskSeen(
        arn=given["taskArn"],
        started_by=given.get("startedBy", ""),
        last_status=given["lastStatus"],
        desired_status=given.get("desiredStatus", ""),
        health_status=given.get("healthStatus", "UNKNOWN"),
        stop_code=given.get("stopCode", ""),
        stopped_reason=given.get("stoppedReason", ""),
        created_at=given.get("createdAt"),
        started_at=given.get("startedAt"),
        stopped_at=given.get("stoppedAt"),
        containers=tuple(
            ContainerSeen(
                name=one["name"], image=one.get("image", ""), exit_code=one.get("exitCode"), reason=one.get("reason", "")
            )
            for one in given.get("containers") or ()
        ),
        task_definition=given.get("taskDefinitionArn", ""),
        stopping_at=given.get("stoppingAt"),
        execution_stopped_at=given.get("executionStoppedAt"),
        address=_address(given.get("attachments") or ()),
        ports=tuple(
            binding["hostPort"]
            for one in given.get("containers") or ()
            for binding in one.get("networkBindings") or ()
            if binding.get("hostPort")
        ),
    )


def _address(attachments: Sequence[Mapping[str, Any]]) -> str:
    """Of a task's network interface; empty while it has none."""
    details = (detail for one in attachments for detail in one.get("details") or ())
    return next((str(one["value"]) for one in details if one.get("name") == "privateIPv4Address"), "")


def read_target(given: Mapping[str, Any]) -> TargetSeen:
    health = given["TargetHealth"]
    return TargetSeen(
        address=given["Target"]["Id"],
        port=given["Target"].get("Port", 0),
        state=health["State"],
        reason=health.get("Reason", ""),
        description=health.get("Description", ""),
    )


COMPARISONS = {
    "GreaterThanThreshold": "above",
    "GreaterThanOrEqualToThreshold": "at or above",
    "LessThanThreshold": "below",
    "LessThanOrEqualToThreshold": "at or below",
}


def read_alarm(given: Mapping[str, Any]) -> AlarmSeen:
    """From a metric or composite alarm of DescribeAlarms."""
    answers = [one for one in given.get("Metrics") or () if one.get("ReturnData", True)]
    statistic = given.get("Statistic") or given.get("ExtendedStatistic")
    metric = given.get("MetricName") or next((one.get("Label") or one.get("Id", "") for one in answers), "")
    comparison = COMPARISONS.get(given.get("ComparisonOperator", ""))
    return AlarmSeen(
        name=given["AlarmName"],
        metric=f"{metric} ({statistic})" if statistic else metric,
        limit=f"{comparison} {given['Threshold']:g}" if comparison and "Threshold" in given else "",
        reason=given.get("StateReason", ""),
        is_on=given.get("StateValue", "ALARM") == "ALARM",
    )
