"""Observations for tests: each function fills in what a test does not care about."""

from datetime import UTC, datetime, timedelta

from ninelives.deploy.observation import (
    ContainerSeen,
    DeploymentSeen,
    EventSeen,
    HookSeen,
    Observation,
    ServiceDeploymentSeen,
    ServiceSeen,
    TargetSeen,
    TaskSeen,
)

NOW = datetime(2026, 1, 1, 12, tzinfo=UTC)
OLD, NEW, NEWER = "1", "2", "3"


def record(number: str, status: str = "PRIMARY", rollout_state: str = "IN_PROGRESS", reason: str = "") -> DeploymentSeen:
    return DeploymentSeen(
        id=f"ecs-svc/{number}",
        status=status,
        rollout_state=rollout_state,
        rollout_state_reason=reason,
        task_definition=f"arn:aws:ecs:r:a:task-definition/cats:{number}",
        desired_count=2,
        running_count=2,
        pending_count=0,
        failed_tasks=0,
        created_at=NOW,
    )


def service(*deployments: DeploymentSeen, events: tuple[EventSeen, ...] = (), status: str = "ACTIVE") -> ServiceSeen:
    return ServiceSeen(
        status=status,
        desired_count=2,
        running_count=2,
        pending_count=0,
        task_definition="arn:aws:ecs:r:a:task-definition/cats:2",
        deployments=deployments or (record(NEW),),
        events=events,
        current_service_deployment=None,
    )


def service_deployment(status: str, number: str = NEW, **members: object) -> ServiceDeploymentSeen:
    return ServiceDeploymentSeen(
        arn=f"arn:aws:ecs:r:a:service-deployment/c/cats/id-{number}",
        status=status,
        status_reason=str(members.pop("status_reason", "")),
        target_revision=f"arn:aws:ecs:r:a:service-revision/c/cats/{number}",
        created_at=NOW + timedelta(minutes=int(number)),
        **members,  # type: ignore[arg-type]
    )


def task(
    number: str = NEW,
    last_status: str = "RUNNING",
    *,
    name: str = "t1",
    stop_code: str = "",
    reason: str = "",
    exit_code: int | None = None,
    container_reason: str = "",
    ran: float | None = None,
    stop_took: float | None = None,
    task_definition: str = "",
) -> TaskSeen:
    return TaskSeen(
        arn=f"arn:aws:ecs:r:a:task/c/{name}",
        started_by=f"ecs-svc/{number}",
        last_status=last_status,
        desired_status="RUNNING",
        health_status="UNKNOWN",
        stop_code=stop_code,
        stopped_reason=reason,
        created_at=NOW,
        started_at=NOW,
        stopped_at=None if ran is None else NOW + timedelta(seconds=ran),
        containers=(ContainerSeen(name="cats", image="repo/cats:2.0.1", exit_code=exit_code, reason=container_reason),),
        task_definition=task_definition,
        stopping_at=None if stop_took is None else NOW + timedelta(seconds=60),
        execution_stopped_at=None if stop_took is None else NOW + timedelta(seconds=60 + stop_took),
    )


def pause(name: str = "ecs-pause-1", status: str = "AWAITING_ACTION") -> HookSeen:
    return HookSeen(
        id=name,
        target_type="PAUSE",
        target=None,
        status=status,
        expires_at=NOW + timedelta(hours=1),
        timeout_action="ROLLBACK",
    )


def asked(function: str = "smoke", status: str = "IN_PROGRESS") -> HookSeen:
    return HookSeen(
        id=f"ecs-lambda-{function}",
        target_type="AWS_LAMBDA",
        target=f"arn:aws:lambda:r:a:function:{function}",
        status=status,
        expires_at=NOW + timedelta(hours=1),
        timeout_action="ROLLBACK",
    )


def target(state: str = "unhealthy", reason: str = "", description: str = "", port: int = 4567) -> TargetSeen:
    return TargetSeen(address="10.0.0.1", port=port, state=state, reason=reason, description=description)


def event(message: str, name: str = "e1") -> EventSeen:
    return EventSeen(id=name, created_at=NOW, message=message)


def observation(
    seen_service: ServiceSeen | None,
    ours: ServiceDeploymentSeen | None = None,
    *,
    newer: tuple[ServiceDeploymentSeen, ...] = (),
    tasks: tuple[TaskSeen, ...] = (),
    targets: tuple[TargetSeen, ...] = (),
) -> Observation:
    return Observation(at=NOW, service=seen_service, service_deployment=ours, newer=newer, tasks=tasks, targets=targets)
