"""What a release says of itself while it goes on becomes the lives of its tasks, its stages, its shifts of traffic."""

from dataclasses import replace
from datetime import datetime, timedelta
from itertools import pairwise

from release_facts import NEW, NOW, OLD, service, service_deployment, target, task

from ninelives.deploy.follow import Progress, progress_of
from ninelives.deploy.observation import Observation, TargetSeen, TaskSeen
from ninelives.deploy.recording import TASKS_TOLD, Recording
from ninelives.deploy.reports import Act, Step
from ninelives.deploy.shift import ShiftPlan
from ninelives.deploy.verdict import Followed

SHIFTS = ShiftPlan(strategy="CANARY", steps=(20.0, 100.0))


def at(seconds: float) -> datetime:
    return NOW + timedelta(seconds=seconds)


def seen(
    second: float, *tasks: TaskSeen, targets: tuple[TargetSeen, ...] = (), status: str = "IN_PROGRESS", percent: float = 0.0
) -> Progress:
    deployment = service_deployment(status, plan=SHIFTS, production_percent=percent, lifecycle_stage="SCALE_UP")
    observation = Observation(at=at(second), service=service(), service_deployment=deployment, tasks=tasks, targets=targets)
    followed = Followed(revision=NEW, source=OLD)
    progress = progress_of(followed, observation, set(), at(second), timedelta(seconds=second))
    return replace(progress, seen=observation)


def new_task(last_status: str = "RUNNING", **members: object) -> TaskSeen:
    return replace(task(NEW, last_status, name="new"), address="10.0.0.1", **members)  # type: ignore[arg-type]


def test_a_tasks_life_is_put_together_from_what_was_seen_of_it_and_of_its_target() -> None:
    recording = Recording()
    for report in (
        seen(1, new_task(), targets=(target("initial"),)),
        seen(5, new_task(), targets=(target("healthy"),)),
        seen(6, new_task(), targets=(target("healthy"),)),
        seen(9, new_task(), targets=(target("draining"),)),
        seen(12, new_task("STOPPED", stop_code="ServiceSchedulerInitiated", stopping_at=at(11), execution_stopped_at=at(12))),
    ):
        recording(report)

    [life] = recording.tasks(NEW, OLD, {NEW: "2.0.1"})

    assert (life.side, life.version) == ("new", "2.0.1")
    assert (life.healthy_at, life.draining_at, life.stopping_at, life.ended_at) == (at(5), at(9), at(11), at(12))
    assert not life.has_failed


def test_tasks_that_share_an_address_are_told_apart_by_their_ports() -> None:
    recording = Recording()
    one, other = (
        replace(task(NEW, name=name), address="10.0.0.1", ports=(port,)) for name, port in (("one", 1001), ("other", 1002))
    )
    recording(seen(1, one, other, targets=(target("healthy", port=1002), target("initial", port=1001))))

    assert {life.id: life.healthy_at for life in recording.tasks(NEW, OLD, {})} == {"one": None, "other": at(1)}


def test_a_task_that_ended_by_itself_or_failed_its_checks_has_failed_and_one_that_was_told_has_not() -> None:
    recording = Recording()
    crashed = replace(
        task(NEW, "STOPPED", name="crashed", exit_code=3, stop_code="EssentialContainerExited"), stopped_at=at(5)
    )
    unhealthy = task(
        NEW, "STOPPED", name="unhealthy", exit_code=143, stop_code="ServiceSchedulerInitiated",
        reason="Task failed ELB health checks in (target-group x)",
    )  # fmt: skip
    told = task(OLD, "STOPPED", name="told", exit_code=143, stop_code="ServiceSchedulerInitiated", ran=5)
    recording(seen(6, crashed, replace(unhealthy, stopped_at=at(5)), told))
    recording.began_at = at(0)

    failed = {life.id: life.has_failed for life in recording.tasks(NEW, OLD, {})}

    assert failed == {"crashed": True, "unhealthy": True, "told": False}


def test_tasks_that_had_ended_before_belong_to_another_release() -> None:
    recording = Recording()
    recording(Step(at=at(100), act=Act.BUILT, text="image"))
    recording(seen(101, task(OLD, "STOPPED", name="ended", ran=5), task(OLD, name="runs")))

    assert [life.id for life in recording.tasks(NEW, OLD, {})] == ["runs"]


def test_stages_follow_each_other_and_shares_are_kept_when_they_move() -> None:
    recording = Recording()
    for report in (
        seen(1, percent=0.0),
        seen(3, new_task(), new_task(), percent=20.0),
        seen(4, new_task(), percent=20.0),
        seen(7, new_task(), percent=100.0),
        seen(9, new_task(), status="ROLLBACK_IN_PROGRESS", percent=100.0),
    ):
        recording(report)

    assert [(one.percent, one.at) for one in recording.shares] == [(0, at(1)), (20, at(3)), (100, at(7)), (0, at(9))]
    stages = recording.stages()
    assert all(one.ended_at == following.began_at for one, following in pairwise(stages))
    assert stages[0].began_at == at(1)


def test_of_very_many_tasks_failed_ones_are_told_first() -> None:
    recording = Recording()
    many = [replace(task(NEW, name=f"t{number}"), created_at=at(number)) for number in range(1000)]
    crashed = replace(
        task(NEW, "STOPPED", name="crashed", exit_code=1, stop_code="EssentialContainerExited"), stopped_at=at(5000),
        created_at=at(2000),
    )  # fmt: skip
    recording(seen(3000, *many, crashed))

    told = recording.told_tasks(NEW, OLD, {})

    assert len(told) == TASKS_TOLD
    assert "crashed" in {one.id for one in told}
