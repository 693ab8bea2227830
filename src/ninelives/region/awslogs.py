"""Where a container's lines go in CloudWatch Logs.

Source: ECS developer guide, "Send Amazon ECS logs to CloudWatch" (awslogs-stream-prefix).
"""

from dataclasses import dataclass

from ninelives.model.ecs import Task, TaskDefinition


@dataclass(frozen=True, slots=True, kw_only=True)
class LogDestination:
    group: str
    stream: str
    create_group: bool


def destination(task: Task, definition: TaskDefinition, container_name: str) -> LogDestination | None:
    """Group and stream (``prefix/container/task-id``) of a container; None where it does not log by awslogs."""
    container = next((one for one in definition.containers if one.name == container_name), None)
    if container is None or container.log_driver != "awslogs":
        return None
    options = dict(container.log_options)
    prefix = options.get("awslogs-stream-prefix")
    return LogDestination(
        group=options["awslogs-group"],
        stream=f"{prefix}/{container_name}/{task.id}" if prefix else task.id,
        create_group=options.get("awslogs-create-group") == "true",
    )
