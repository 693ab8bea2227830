"""ECS's nouns: frozen records in the API's own words.

Members that the region acts on are typed; members that it only echoes travel in ``members``, as the API spells them.
Source of every name: botocore ``ecs`` 2014-11-13.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from ninelives.model.arns import last_part
from ninelives.model.containers import MountPoint, RestartPolicy, Tmpfs, Ulimit, VolumeFrom

Json = Mapping[str, Any]
"""A JSON object as the API spells it; read at the door, never changed inside."""


class LastStatus(StrEnum):
    """What was last seen of a task, in the order it passes through; it never goes back."""

    PROVISIONING = "PROVISIONING"
    PENDING = "PENDING"
    ACTIVATING = "ACTIVATING"
    RUNNING = "RUNNING"
    DEACTIVATING = "DEACTIVATING"
    STOPPING = "STOPPING"
    DEPROVISIONING = "DEPROVISIONING"
    STOPPED = "STOPPED"

    def may_become(self, later: "LastStatus") -> bool:
        """Whether ``later`` lies ahead on the task's one road."""
        return _ROAD.index(self) < _ROAD.index(later)


_ROAD = tuple(LastStatus)
_LIVE = (LastStatus.PROVISIONING, LastStatus.PENDING, LastStatus.ACTIVATING, LastStatus.RUNNING)


class DesiredStatus(StrEnum):
    RUNNING = "RUNNING"
    STOPPED = "STOPPED"


class HealthStatus(StrEnum):
    """Health of a container by its own health check, and of a task by its essential containers."""

    HEALTHY = "HEALTHY"
    UNHEALTHY = "UNHEALTHY"
    UNKNOWN = "UNKNOWN"


class StopCode(StrEnum):
    TASK_FAILED_TO_START = "TaskFailedToStart"
    ESSENTIAL_CONTAINER_EXITED = "EssentialContainerExited"
    USER_INITIATED = "UserInitiated"
    SERVICE_SCHEDULER_INITIATED = "ServiceSchedulerInitiated"
    SPOT_INTERRUPTION = "SpotInterruption"
    TERMINATION_NOTICE = "TerminationNotice"


class ServiceStatus(StrEnum):
    ACTIVE = "ACTIVE"
    DRAINING = "DRAINING"
    INACTIVE = "INACTIVE"


class DeploymentStatus(StrEnum):
    """Status of an entry of ``Service.deployments``."""

    PRIMARY = "PRIMARY"
    ACTIVE = "ACTIVE"
    INACTIVE = "INACTIVE"


class RolloutState(StrEnum):
    IN_PROGRESS = "IN_PROGRESS"
    COMPLETED = "COMPLETED"
    FAILED = "FAILED"


class ServiceDeploymentStatus(StrEnum):
    PENDING = "PENDING"
    SUCCESSFUL = "SUCCESSFUL"
    STOPPED = "STOPPED"
    STOP_REQUESTED = "STOP_REQUESTED"
    IN_PROGRESS = "IN_PROGRESS"
    ROLLBACK_REQUESTED = "ROLLBACK_REQUESTED"
    ROLLBACK_IN_PROGRESS = "ROLLBACK_IN_PROGRESS"
    ROLLBACK_SUCCESSFUL = "ROLLBACK_SUCCESSFUL"
    ROLLBACK_FAILED = "ROLLBACK_FAILED"

    @property
    def is_terminal(self) -> bool:
        return self in {
            ServiceDeploymentStatus.SUCCESSFUL,
            ServiceDeploymentStatus.STOPPED,
            ServiceDeploymentStatus.ROLLBACK_SUCCESSFUL,
            ServiceDeploymentStatus.ROLLBACK_FAILED,
        }


class Strategy(StrEnum):
    """How a deployment replaces the revision before. Source: ``ecs`` ``DeploymentConfiguration.strategy``."""

    ROLLING = "ROLLING"
    BLUE_GREEN = "BLUE_GREEN"
    LINEAR = "LINEAR"
    CANARY = "CANARY"

    @property
    def shifts_traffic(self) -> bool:
        """Whether the new revision gets its traffic by weights, with the old one at full size beside it."""
        return self is not Strategy.ROLLING


class LifecycleStage(StrEnum):
    """The stages of a service deployment, in order. Source: ECS developer guide, "Lifecycle stages for Amazon ECS service
    deployments".
    """

    RECONCILE_SERVICE = "RECONCILE_SERVICE"
    PRE_SCALE_UP = "PRE_SCALE_UP"
    SCALE_UP = "SCALE_UP"
    POST_SCALE_UP = "POST_SCALE_UP"
    TEST_TRAFFIC_SHIFT = "TEST_TRAFFIC_SHIFT"
    POST_TEST_TRAFFIC_SHIFT = "POST_TEST_TRAFFIC_SHIFT"
    PRE_PRODUCTION_TRAFFIC_SHIFT = "PRE_PRODUCTION_TRAFFIC_SHIFT"
    PRODUCTION_TRAFFIC_SHIFT = "PRODUCTION_TRAFFIC_SHIFT"
    POST_PRODUCTION_TRAFFIC_SHIFT = "POST_PRODUCTION_TRAFFIC_SHIFT"
    BAKE_TIME = "BAKE_TIME"
    CLEAN_UP = "CLEAN_UP"


class HookTargetType(StrEnum):
    AWS_LAMBDA = "AWS_LAMBDA"
    PAUSE = "PAUSE"


class HookTimeoutAction(StrEnum):
    CONTINUE = "CONTINUE"
    ROLLBACK = "ROLLBACK"


class HookStatus(StrEnum):
    AWAITING_ACTION = "AWAITING_ACTION"
    IN_PROGRESS = "IN_PROGRESS"
    SUCCEEDED = "SUCCEEDED"
    FAILED = "FAILED"
    TIMED_OUT = "TIMED_OUT"


class ThresholdType(StrEnum):
    COUNT = "COUNT"
    BOUNDED_PERCENT = "BOUNDED_PERCENT"
    UNBOUNDED_PERCENT = "UNBOUNDED_PERCENT"


@dataclass(frozen=True, slots=True, kw_only=True)
class HealthCheck:
    """A container's health check, its defaults filled in. Source: ``ecs`` ``HealthCheck``."""

    command: tuple[str, ...]
    interval: timedelta = timedelta(seconds=30)
    timeout: timedelta = timedelta(seconds=5)
    retries: int = 3
    start_period: timedelta = timedelta()


@dataclass(frozen=True, slots=True, kw_only=True)
class ContainerDefinition:
    """What the region acts on of a container definition. Units: ``cpu_units`` of 1024 a vCPU, memory in MiB."""

    name: str
    image: str
    essential: bool = True
    cpu_units: int = 0
    memory_mib: int | None = None
    memory_reservation_mib: int | None = None
    container_ports: tuple[int, ...] = ()
    environment: tuple[tuple[str, str], ...] = ()
    entry_point: tuple[str, ...] | None = None
    command: tuple[str, ...] | None = None
    working_directory: str | None = None
    user: str | None = None
    health_check: HealthCheck | None = None
    stop_timeout: timedelta = timedelta(seconds=30)
    log_driver: str | None = None
    log_options: tuple[tuple[str, str], ...] = ()
    depends_on: tuple[tuple[str, str], ...] = ()
    """Pairs of container name and condition (START, COMPLETE, SUCCESS, HEALTHY)."""
    readonly_root_filesystem: bool = False
    init_process_enabled: bool = False
    secrets: tuple[tuple[str, str], ...] = ()
    """Pairs of variable and ``valueFrom``: where its value is, never the value."""
    environment_files: tuple[str, ...] = ()
    """ARNs of objects in S3."""
    repository_credentials: str | None = None
    """Name or ARN of the secret with user and password of the image's registry."""
    restart_policy: RestartPolicy | None = None
    mount_points: tuple[MountPoint, ...] = ()
    volumes_from: tuple[VolumeFrom, ...] = ()
    tmpfs: tuple[Tmpfs, ...] = ()
    ulimits: tuple[Ulimit, ...] = ()
    system_controls: tuple[tuple[str, str], ...] = ()
    docker_labels: tuple[tuple[str, str], ...] = ()
    capabilities_added: tuple[str, ...] = ()
    capabilities_dropped: tuple[str, ...] = ()
    interactive: bool = False
    pseudo_terminal: bool = False
    version_consistency: bool = True
    """Whether all tasks of a service revision run the image that the tag meant when its first task started."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskDefinition:
    """A registered revision of a family; ``members`` is the definition as the API shows it, without ARN and status."""

    arn: str
    family: str
    revision: int
    status: str
    """ACTIVE, INACTIVE or DELETE_IN_PROGRESS."""
    containers: tuple[ContainerDefinition, ...]
    cpu_units: int | None
    memory_mib: int | None
    network_mode: str
    registered_at: datetime
    deregistered_at: datetime | None = None
    members: Json = field(default_factory=dict)
    tags: Json = field(default_factory=dict)

    @property
    def key(self) -> str:
        return self.arn


@dataclass(frozen=True, slots=True, kw_only=True)
class Cluster:
    arn: str
    name: str
    status: str
    """ACTIVE or INACTIVE."""
    members: Json = field(default_factory=dict)
    """settings, configuration, capacityProviders, defaultCapacityProviderStrategy, … as given."""
    tags: Json = field(default_factory=dict)

    @property
    def key(self) -> str:
        return self.arn


@dataclass(frozen=True, slots=True, kw_only=True)
class ThresholdConfiguration:
    """Source: ``ecs`` ``DeploymentCircuitBreaker.thresholdConfiguration``."""

    type: ThresholdType = ThresholdType.BOUNDED_PERCENT
    value: int = 50


@dataclass(frozen=True, slots=True, kw_only=True)
class CircuitBreaker:
    enable: bool = False
    rollback: bool = False
    reset_on_healthy_task: bool = True
    threshold: ThresholdConfiguration = ThresholdConfiguration()


@dataclass(frozen=True, slots=True, kw_only=True)
class DeploymentAlarms:
    """CloudWatch alarms that fail a deployment. Source: ``ecs`` ``DeploymentAlarms``."""

    names: tuple[str, ...] = ()
    enable: bool = False
    rollback: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class LifecycleHook:
    """Source: ``ecs`` ``DeploymentLifecycleHook``."""

    stages: tuple[LifecycleStage, ...]
    target_type: HookTargetType = HookTargetType.AWS_LAMBDA
    target_arn: str | None = None
    role_arn: str | None = None
    details: Any = None
    """Any JSON, passed on to a Lambda hook as ``hookDetails``; None where nothing was given."""
    timeout: timedelta = timedelta(hours=24)
    timeout_action: HookTimeoutAction = HookTimeoutAction.ROLLBACK


@dataclass(frozen=True, slots=True, kw_only=True)
class CanaryConfiguration:
    """``percent`` of the traffic first, and the rest after ``bake_time``. Source: ``ecs`` ``CanaryConfiguration``."""

    percent: float = 5.0
    bake_time: timedelta = timedelta(minutes=10)


@dataclass(frozen=True, slots=True, kw_only=True)
class LinearConfiguration:
    """``step_percent`` of the traffic more after each ``step_bake_time``. Source: ``ecs`` ``LinearConfiguration``."""

    step_percent: float = 10.0
    step_bake_time: timedelta = timedelta(minutes=6)


@dataclass(frozen=True, slots=True, kw_only=True)
class EarlySuccessCriteria:
    """When a rolling deployment counts as done before all of it is. Source: ``ecs`` ``EarlySuccessCriteria``."""

    enable: bool = False
    healthy_percent: int = 100
    source_revision_cleanup: str = "BLOCKING"
    """BLOCKING or DEFERRED."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DeploymentConfiguration:
    """The REPLICA scheduler's defaults. Percentages are whole percent of the desired count."""

    strategy: Strategy = Strategy.ROLLING
    minimum_healthy_percent: int = 100
    maximum_percent: int = 200
    bake_time: timedelta | None = None
    """None where it was never set: then alarms, if there are any, say how long (their period times evaluation periods)."""
    circuit_breaker: CircuitBreaker = CircuitBreaker()
    alarms: DeploymentAlarms = DeploymentAlarms()
    lifecycle_hooks: tuple[LifecycleHook, ...] = ()
    canary: CanaryConfiguration | None = None
    """Set where the strategy is CANARY."""
    linear: LinearConfiguration | None = None
    """Set where the strategy is LINEAR."""
    early_success: EarlySuccessCriteria | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class AdvancedConfiguration:
    """What a shift of traffic works with. Source: ``ecs`` ``AdvancedConfiguration``."""

    alternate_target_group_arn: str
    production_listener_rule: str
    test_listener_rule: str | None = None
    role_arn: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ServiceLoadBalancer:
    """Where tasks of a service are registered. Source: ``ecs`` ``LoadBalancer``."""

    target_group_arn: str
    container_name: str
    container_port: int
    advanced: AdvancedConfiguration | None = None

    @property
    def target_group_arns(self) -> tuple[str, ...]:
        """The target group, and the alternate one where there is one."""
        alternate = () if self.advanced is None else (self.advanced.alternate_target_group_arn,)
        return (self.target_group_arn, *alternate)


@dataclass(frozen=True, slots=True, kw_only=True)
class Service:
    """A service as asked for. Its counts, deployments and events are derived from other records."""

    arn: str
    name: str
    cluster_arn: str
    status: ServiceStatus
    desired_count: int
    task_definition_arn: str
    """That of the PRIMARY deployment."""
    deployment_configuration: DeploymentConfiguration
    health_check_grace_period: timedelta
    created_at: datetime
    load_balancers: tuple[ServiceLoadBalancer, ...] = ()
    current_service_deployment_arn: str | None = None
    members: Json = field(default_factory=dict)
    """networkConfiguration, launchType, platformVersion, enableExecuteCommand, propagateTags, … as the API shows them."""
    tags: Json = field(default_factory=dict)

    @property
    def key(self) -> str:
        return self.arn


@dataclass(frozen=True, slots=True, kw_only=True)
class ServiceRevision:
    """The frozen configuration that a deployment brings. ``number`` is also that of ``ecs-svc/<number>``."""

    arn: str
    number: str
    service_arn: str
    task_definition_arn: str
    load_balancers: tuple[ServiceLoadBalancer, ...]
    created_at: datetime
    container_images: tuple[tuple[str, str, str], ...] = ()
    """Triples of container name, image and digest, once the first task has resolved them."""
    resolved_target_groups: tuple[str, ...] = ()
    """The target group that each of ``load_balancers`` stands for, once a deployment that shifts traffic has chosen between
    the two; empty where there is nothing to choose.
    """
    members: Json = field(default_factory=dict)
    """networkConfiguration, launchType, platformVersion, … as the API shows them."""

    @property
    def key(self) -> str:
        return self.arn

    @property
    def resolved_load_balancers(self) -> tuple[ServiceLoadBalancer, ...]:
        """``load_balancers``, each with the target group in which this revision's tasks are registered."""
        if not self.resolved_target_groups:
            return self.load_balancers
        pairs = zip(self.load_balancers, self.resolved_target_groups, strict=True)
        return tuple(replace(one, target_group_arn=arn) for one, arn in pairs)

    @property
    def deployment_id(self) -> str:
        return f"ecs-svc/{self.number}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Deployment:
    """An entry of ``Service.deployments``: how one revision is rolled out. It keeps its id over a rollback.

    ``failed_tasks`` is what ``DescribeServices`` shows and what the circuit breaker compares with its threshold.
    ``start_failures`` counts tasks in a row that never reached RUNNING, ``exits`` those that ran and stopped without
    ever having been healthy; both only space out further starts.
    """

    id: str
    service_arn: str
    revision_arn: str
    status: DeploymentStatus
    rollout_state: RolloutState
    rollout_state_reason: str
    created_at: datetime
    updated_at: datetime
    failed_tasks: int = 0
    has_been_healthy: bool = False
    """Whether a task of this deployment became healthy since the deployment (re)started."""
    start_failures: int = 0
    exits: int = 0
    last_failure_at: datetime | None = None
    last_failure_reason: str | None = None
    last_start_at: datetime | None = None
    """When tasks of this deployment were last started; gaps between starts are measured from here."""
    completed_at: datetime | None = None
    """When it was last COMPLETED: it was proven once, whatever happens to it since."""
    steady_state_at: datetime | None = None
    """When "has reached a steady state." was last told; None once something has disturbed it."""
    told_problems: tuple[tuple[str, datetime], ...] = ()
    """Pairs of a problem and when it was last told, so that it is not told again and again."""

    @property
    def key(self) -> str:
        return f"{self.service_arn}#{self.id}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Rollback:
    """Source: ``ecs`` ``Rollback``."""

    reason: str
    started_at: datetime
    service_revision_arn: str


@dataclass(frozen=True, slots=True, kw_only=True)
class HookExecution:
    """One run of a lifecycle hook in one stage (in one step of it). Source: ``ecs`` ``ServiceDeploymentLifecycleHookDetail``.

    A Lambda hook that is IN_PROGRESS is to be called at ``due_at`` (again, with the same execution, after each IN_PROGRESS
    that it answers). A PAUSE hook is AWAITING_ACTION until ContinueServiceDeployment or its time-out.
    """

    hook_id: str
    """``ecs-lambda-…`` or ``ecs-pause-…``; unique within the service deployment."""
    execution_id: str
    """A UUID: the ``executionId`` that a Lambda hook is called with."""
    hook: LifecycleHook
    stage: LifecycleStage
    step: int
    """Which step of a shift it belongs to, from 0; 0 in stages that have none."""
    status: HookStatus
    began_at: datetime
    expires_at: datetime
    due_at: datetime | None = None
    calls: int = 0
    """How often a Lambda hook has answered."""
    is_rollback: bool = False
    """Whether it was called on the way back."""
    payload: Json = field(default_factory=dict)
    """What a Lambda hook is called with."""
    reason: str | None = None
    """Why it FAILED, as it completes "Service deployment rolled back because STAGE lifecycle hook(s) failed."."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ServiceDeployment:
    """One act of deploying: from the source revisions to the target revision, a rollback included."""

    arn: str
    service_arn: str
    cluster_arn: str
    target_revision_arn: str
    source_revision_arns: tuple[str, ...]
    status: ServiceDeploymentStatus
    created_at: datetime
    updated_at: datetime
    deployment_configuration: DeploymentConfiguration
    status_reason: str | None = None
    started_at: datetime | None = None
    finished_at: datetime | None = None
    stopped_at: datetime | None = None
    lifecycle_stage: LifecycleStage | None = None
    lifecycle_stage_at: datetime | None = None
    """Since when it is in that stage."""
    rollback: Rollback | None = None
    circuit_breaker_status: str = "DISABLED"
    """DISABLED, MONITORING, MONITORING_COMPLETE or TRIGGERED."""
    failure_count: int = 0
    failure_threshold: int = 0
    alarm_status: str = "DISABLED"
    """DISABLED, MONITORING, MONITORING_COMPLETE or TRIGGERED."""
    ignored_alarms: tuple[str, ...] = ()
    """Those that were in ALARM when the deployment began: they do not count for it."""
    triggered_alarms: tuple[str, ...] = ()
    hooks: tuple[HookExecution, ...] = ()
    """In the order in which they began."""
    step: int = 0
    """How many shifts of production traffic were begun before the present one."""
    stage_done_at: datetime | None = None
    """When what the stage (or its step) does was done, its hooks aside; None as long as it is not."""
    test_traffic_percent: float | None = None
    """Of test traffic, what the target revision is to get; None where no traffic is shifted."""
    production_traffic_percent: float | None = None
    """Of production traffic, what the target revision is to get; None where no traffic is shifted."""

    @property
    def key(self) -> str:
        return self.arn


@dataclass(frozen=True, slots=True, kw_only=True)
class Container:
    """A container of a task as last seen. Source: ``ecs`` ``Container``."""

    arn: str
    name: str
    image: str
    last_status: str = "PENDING"
    """PENDING, RUNNING or STOPPED."""
    runtime_id: str | None = None
    image_digest: str | None = None
    exit_code: int | None = None
    reason: str | None = None
    health_status: HealthStatus = HealthStatus.UNKNOWN
    started_at: datetime | None = None
    """Since when it runs or ran; later after a restart."""
    finished_at: datetime | None = None
    restart_count: int = 0
    """How often its restart policy has started it again."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskAddress:
    """Where a task answers: its address, and the port behind each container port.

    With Docker the two ports are the same (the task has an address of its own); on the host each task gets another port.
    """

    ip: str
    ports: tuple[tuple[int, int], ...] = ()
    """Pairs of container port and the port at ``ip`` where it answers."""

    def port_of(self, container_port: int) -> int:
        return dict(self.ports).get(container_port, container_port)


@dataclass(frozen=True, slots=True, kw_only=True)
class Task:
    """A task. What it should be (``desired_status``) and what was seen of it (``last_status``) never mix."""

    arn: str
    cluster_arn: str
    task_definition_arn: str
    group: str
    """``service:NAME`` or ``family:NAME``."""
    last_status: LastStatus
    desired_status: DesiredStatus
    created_at: datetime
    containers: tuple[Container, ...]
    version: int = 1
    started_by: str | None = None
    service_arn: str | None = None
    revision_arn: str | None = None
    """The service revision, for a service's task."""
    launch_type: str = "FARGATE"
    address: TaskAddress | None = None
    health_status: HealthStatus = HealthStatus.UNKNOWN
    healthy_since: datetime | None = None
    """Since when the task counts as healthy for the scheduler; None while it does not."""
    was_healthy: bool = False
    """Whether it has counted as healthy at any time."""
    failure_counted: bool = False
    """Whether its failure was counted for its deployment; no task is counted twice."""
    is_started: bool = False
    """Whether the runtime has started all of it that starts at once; it stays so."""
    is_removed: bool = False
    """Whether nothing of it is left in the runtime."""
    pull_started_at: datetime | None = None
    pull_stopped_at: datetime | None = None
    started_at: datetime | None = None
    stopping_at: datetime | None = None
    execution_stopped_at: datetime | None = None
    stopped_at: datetime | None = None
    stop_code: StopCode | None = None
    stopped_reason: str | None = None
    protected_until: datetime | None = None
    overrides: Json = field(default_factory=dict)
    members: Json = field(default_factory=dict)
    """networkConfiguration, platformVersion, enableExecuteCommand, … as given or echoed."""
    tags: Json = field(default_factory=dict)

    @property
    def key(self) -> str:
        return self.arn

    @property
    def id(self) -> str:
        return last_part(self.arn)

    @property
    def is_live(self) -> bool:
        """In PROVISIONING to RUNNING and meant to run: what ``maximumPercent`` counts."""
        return self.desired_status is DesiredStatus.RUNNING and self.last_status in _LIVE


@dataclass(frozen=True, slots=True, kw_only=True)
class ServiceEvent:
    """An entry of ``Service.events``; at most 100 are kept for a service."""

    id: str
    service_arn: str
    created_at: datetime
    message: str
    sequence: int
    """Order among events of one instant; grows."""

    @property
    def key(self) -> str:
        return f"{self.service_arn}#{self.sequence:012d}"


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountSetting:
    """An account setting that was put for a principal, or as the account's default (``principal_arn`` of the root)."""

    name: str
    value: str
    principal_arn: str

    @property
    def key(self) -> str:
        return f"{self.principal_arn}#{self.name}"
