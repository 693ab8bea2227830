"""Whose fault a lost request is: the application's where its tasks' facts say so, else nobody's yet."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from ninelives.deploy.observation import ContainerSeen, TaskSeen
from ninelives.rehearsal.attribution import Fault, Keeping, attribute
from ninelives.rehearsal.sample import Sample

EPOCH = datetime(2026, 1, 1, 12, tzinfo=UTC)
TOO_SHORT = Keeping(seconds=5.0, idle_timeout_seconds=60.0)


def at(seconds: float) -> datetime:
    return EPOCH + timedelta(seconds=seconds)


def lost(at_seconds: float, *, took: float = 0.01, status: int | None = 502, version: str | None = None) -> Sample:
    return Sample(
        kind="fresh",
        intended_at=at_seconds,
        lag=0.0,
        latency=took,
        status=status,
        version=version,
        error=f"status_{status}" if status else "closed",
        reused=False,
    )


def answered(at_seconds: float) -> Sample:
    return lost(at_seconds, status=200, version="2.0.1")._replace(error=None)


def ended(name: str, stop_code: str, gone: float) -> TaskSeen:
    return TaskSeen(
        arn=f"arn:aws:ecs:r:a:task/c/{name}",
        started_by="ecs-svc/2",
        last_status="STOPPED",
        desired_status="STOPPED",
        health_status="UNKNOWN",
        stop_code=stop_code,
        stopped_reason="",
        created_at=at(0),
        started_at=at(1),
        stopped_at=at(gone + 1),
        stopping_at=at(gone - 0.1),
        execution_stopped_at=at(gone),
    )


CRASHED = ended("crashed", "EssentialContainerExited", 10)
REPLACED = ended("replaced", "ServiceSchedulerInitiated", 20)


@pytest.mark.parametrize(
    ("sample", "fault"),
    [
        (lost(5, status=500, version="2.0.1"), Fault.ANSWERS_5XX),
        (lost(5, status=503, version="2.0.1"), Fault.ANSWERS_5XX),
        (lost(9.9, took=0.2), Fault.ENDS_WHILE_SERVING),
        (lost(8.5, took=0.2), Fault.ENDS_WHILE_SERVING),  # ECS notes an end a little later than it was
        (lost(12.9, status=503), Fault.ENDS_WHILE_SERVING),
        (lost(16.9, status=503), Fault.ENDS_WHILE_SERVING),  # nobody is there until the next good answer
        (lost(17.2, status=503), None),
        (lost(18.2, took=1.8), Fault.DROPS_IN_FLIGHT),
        (lost(18.2, took=1.9, status=None), Fault.DROPS_IN_FLIGHT),
        (lost(19.5, took=0.5), None),  # it was sent to a task that drained: not the application's fault
        (lost(5), None),
        (lost(5, status=500), None),
        (lost(18.1, took=0.1), None),  # before the task ended, and not with it
        (lost(22), None),
    ],
)
def test_each_lost_request_has_the_fault_that_explains_it(sample: Sample, fault: Fault | None) -> None:
    good = [answered(9), answered(17), answered(19)]

    found = attribute([sample, *good], [CRASHED, REPLACED], None, epoch=EPOCH, delay=timedelta(seconds=1))

    assert ({} if fault is None else {fault: 1}) == found.by_fault
    assert (() if fault is not None else (sample,)) == found.unattributed


@pytest.mark.parametrize(
    ("keeping", "sample", "fault"),
    [
        (TOO_SHORT, lost(5), Fault.CLOSES_IDLE),
        (TOO_SHORT, lost(20), Fault.CLOSES_IDLE),  # it was sent when the task that ended had none to get: not in flight there
        (TOO_SHORT, lost(17, took=3), Fault.DROPS_IN_FLIGHT),
        (TOO_SHORT, lost(5, status=503), None),  # nobody is there to hang up
        (replace(TOO_SHORT, seconds=None), lost(5), None),  # it kept the connection for as long as was waited
        (replace(TOO_SHORT, seconds=75.0), lost(5), None),
        (None, lost(5), None),
    ],
)
def test_connections_are_closed_too_early_only_where_that_was_seen(
    keeping: Keeping | None, sample: Sample, fault: Fault | None
) -> None:
    found = attribute([sample], [REPLACED], keeping, epoch=EPOCH, delay=timedelta(seconds=1))

    assert ({} if fault is None else {fault: 1}) == found.by_fault


@pytest.mark.parametrize(
    ("good", "last"),
    [
        ([answered(11)._replace(version="1.0.0"), answered(17)], 17),  # the old version answers its share of the traffic
        ([answered(11)._replace(version="1.0.0")], 16),  # it never answers again, and its last task goes
    ],
)
def test_an_end_is_felt_until_its_own_version_answers_again(good: list[Sample], last: float) -> None:
    image = (ContainerSeen(name="cats", image="registry/cats:2.0.1", exit_code=3, reason=""),)
    tasks = [replace(CRASHED, containers=image), ended("rolled back", "ServiceSchedulerInitiated", 16)]

    for at_seconds, found in ((last - 0.1, {Fault.ENDS_WHILE_SERVING: 1}), (last + 0.1, {})):
        one = lost(at_seconds, status=503)
        assert found == attribute([one, *good], tasks, None, epoch=EPOCH, delay=timedelta(seconds=1)).by_fault


@pytest.mark.parametrize(
    "while_drained",
    [
        replace(REPLACED, stopping_at=at(20.5)),
        replace(REPLACED, containers=(ContainerSeen(name="cats", image="", exit_code=3, reason=""),)),
        replace(REPLACED, containers=(ContainerSeen(name="cats", image="", exit_code=137, reason="OutOfMemoryError: x"),)),
    ],
)
def test_a_task_may_end_by_itself_while_it_is_drained(while_drained: TaskSeen) -> None:
    cut = lost(19.9, took=0.2)

    assert {} == attribute([cut], [REPLACED], None, epoch=EPOCH, delay=timedelta(seconds=1)).by_fault
    found = attribute([cut], [while_drained], None, epoch=EPOCH, delay=timedelta(seconds=1))

    assert {Fault.ENDS_WHILE_SERVING: 1} == found.by_fault


@pytest.mark.parametrize(("began", "fault"), [(18, None), (19.5, Fault.FAILS_CHECKS), (23, Fault.FAILS_CHECKS), (25, None)])
def test_tasks_that_are_replaced_for_failed_checks_leave_nobody_until_the_next_good_answer(
    began: float, fault: Fault | None
) -> None:
    unhealthy = replace(REPLACED, stopped_reason="Task failed ELB health checks in (target-group t)")
    samples = [lost(began, status=503), answered(17), answered(24)]

    found = attribute(samples, [unhealthy], None, epoch=EPOCH, delay=timedelta(seconds=1))

    assert ({} if fault is None else {fault: 1}) == found.by_fault


def test_what_nothing_explains_is_said_to_be_unexplained() -> None:
    good = answered(5)

    assert ["1 lost: no fault of the application is known"] == attribute(
        [lost(5), good], [], None, epoch=EPOCH, delay=timedelta(seconds=1)
    ).told
    assert [] == attribute([good], [CRASHED], None, epoch=EPOCH, delay=timedelta(seconds=1)).told
