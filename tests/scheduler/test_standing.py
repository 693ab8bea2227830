"""Which tasks are kept before others."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from ninelives.model.ecs import DesiredStatus, LastStatus, Task
from ninelives.scheduler.standing import standing_of

NOW = datetime(2026, 1, 1, tzinfo=UTC)


def task(name: str, **fields: object) -> Task:
    one = Task(
        arn=name,
        cluster_arn="c",
        task_definition_arn="d",
        group="service:cats",
        last_status=LastStatus.RUNNING,
        desired_status=DesiredStatus.RUNNING,
        created_at=NOW,
        containers=(),
        started_at=NOW,
    )
    return replace(one, **fields)  # type: ignore[arg-type] # by name


def test_healthy_tasks_come_before_waiting_ones_before_failing_ones_and_proven_before_others_then_old_before_young() -> None:
    tasks = [
        task("failing"),
        task("pending", started_at=None),
        task("booting"),
        task("proven", was_healthy=True),
        task("young", was_healthy=True, healthy_since=NOW, created_at=NOW + timedelta(seconds=1)),
        task("old", was_healthy=True, healthy_since=NOW),
        task("failing-but-proven", was_healthy=True),
    ]

    standing = standing_of(tasks, {"failing", "failing-but-proven"})

    expected = ["old", "young", "proven", "booting", "pending", "failing-but-proven", "failing"]
    assert expected == [one.arn for one in standing.best_first]
    assert (2, 3, 2) == (len(standing.healthy), len(standing.waiting), len(standing.failing))
