"""Events and task times in one order, on the load's clock."""

from datetime import UTC, datetime, timedelta

from ninelives.deploy.observation import ContainerSeen, EventSeen, TaskSeen
from ninelives.rehearsal.timeline import Moment, timeline

START = datetime(2026, 1, 1, 12, tzinfo=UTC)
OLD_ID, NEW_ID = "a" * 32, "b" * 32


def at(seconds: float) -> datetime:
    return START + timedelta(seconds=seconds)


def task(task_id: str, revision: str, started: float | None, stopped: float | None, exit_code: int | None = None) -> TaskSeen:
    return TaskSeen(
        arn=f"arn:aws:ecs:r:a:task/c/{task_id}",
        started_by=f"ecs-svc/{revision}",
        last_status="RUNNING",
        desired_status="RUNNING",
        health_status="UNKNOWN",
        stop_code="",
        stopped_reason="",
        created_at=at(-100),
        started_at=None if started is None else at(started),
        stopped_at=None if stopped is None else at(stopped),
        containers=(ContainerSeen(name="cats", image="i", exit_code=exit_code, reason=""),),
    )


def test_what_happened_since_the_release_began_is_told_in_order() -> None:
    registered = (
        "(service cats) registered 1 targets in (target-group "
        "arn:aws:elasticloadbalancing:eu-west-1:123456789012:targetgroup/cats/0123456789abcdef)"
    )
    events = [
        EventSeen(id="4", created_at=at(12), message="(service cats) has reached a steady state."),
        EventSeen(id="3", created_at=at(12), message=registered),
        EventSeen(id="2", created_at=at(9), message=f"(service cats) has started 1 tasks: (task {NEW_ID})."),
        EventSeen(id="1", created_at=at(-30), message="(service cats) has reached a steady state."),
    ]
    tasks = [task(OLD_ID, "1", -40, 20, 0), task(NEW_ID, "2", 10.5, None), task("c" * 32, "3", None, 11, None)]

    moments = timeline(events, tasks, {"1": "1.0.0", "2": "2.0.1"}, load_started_at=START, since=at(8))

    assert (
        Moment(at_s=9.0, text="(service cats) has started 1 tasks: (task bbbbbbbb)."),
        Moment(at_s=10.5, text="task bbbbbbbb (2.0.1) runs"),
        Moment(at_s=11.0, text="task cccccccc (another version) ended"),
        Moment(at_s=12.0, text="(service cats) registered 1 targets in (target-group cats)"),
        Moment(at_s=12.0, text="(service cats) has reached a steady state."),
        Moment(at_s=20.0, text="task aaaaaaaa (1.0.0) ended with 0"),
    ) == moments
