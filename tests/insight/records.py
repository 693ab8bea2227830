"""Records of releases as tests want them: a good one by canary, one that was taken back, and what may not break a page."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

from ninelives.deploy.release_record import (
    AlarmChange,
    AlarmRecord,
    Bin,
    Change,
    Difference,
    EventRecord,
    Link,
    LossRecord,
    Quantiles,
    ReleaseRecord,
    ShareRecord,
    StageRecord,
    StepRecord,
    TaskRecord,
    Timeline,
    Traffic,
)

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)


def at(seconds: float) -> datetime:
    return NOON + timedelta(seconds=seconds)


def task(number: int, side: str, *, made: float = 3, healthy: float | None = 8, ended: float | None = None) -> TaskRecord:
    return TaskRecord.model_validate(
        {
            "id": f"{number:032x}",
            "side": side,
            "version": "2.0.1" if side == "new" else "1.0.0",
            "created_at": at(made),
            "started_at": at(made + 2),
            "healthy_at": at(healthy) if healthy is not None else None,
            "draining_at": at(ended - 5) if ended is not None else None,
            "stopping_at": at(ended - 2) if ended is not None else None,
            "ended_at": at(ended) if ended is not None else None,
        }
    )


def traffic(*, lost: int = 0, seconds: int = 60) -> Traffic:
    """A second a bin; the new version answers from second 20 on."""
    bins = tuple(
        Bin(
            at=at(second),
            answers={"1.0.0": 20} if second < 20 else {"1.0.0": 5, "2.0.1": 15} if second < 40 else {"2.0.1": 20},
            lost=lost if second == 30 else 0,
            latency=Quantiles(count=20, p50=2 + second % 3, p90=8, p99=30, max=41),
        )
        for second in range(seconds)
    )
    return Traffic(
        source="probe",
        began_at=at(0),
        ended_at=at(seconds),
        bin_s=1,
        total=20 * seconds + lost,
        lost=lost,
        answers={"1.0.0": 20 * 20 + 5 * 20, "2.0.1": 15 * 20 + 20 * 20},
        phases={name: Quantiles(count=400, p50=2, p90=8, p99=30, max=41) for name in ("before", "during", "after")},
        bins=bins,
        losses=(
            (LossRecord(error="status_502", kind="fresh", phase="during", count=lost, first_at=at(30), last_at=at(31)),)
            if lost
            else ()
        ),
        attributed=("3 lost: the application drops requests in flight on SIGTERM",) if lost else (),
        worst_gap_ms=60,
        rate=20,
    )


def good(*, tasks: Sequence[TaskRecord] | None = None) -> ReleaseRecord:
    lives = tasks if tasks is not None else [
        *(task(number, "new") for number in (1, 2)), *(task(number, "old", made=-900, ended=50) for number in (3, 4))
    ]  # fmt: skip
    return ReleaseRecord(
        ninelives="0.1.0",
        service="cats",
        cluster="Staging-Cluster",
        environment="staging",
        region="eu-west-1",
        strategy="canary",
        version="2.0.1",
        from_version="1.0.0",
        verdict="succeeded",
        is_good=True,
        sentence="cats 2.0.1 took the place of 1.0.0 in 50s; none of 1,200 requests was lost.",
        began_at=at(2),
        finished_at=at(52),
        deployed_at=at(3),
        service_deployment="arn:aws:ecs:eu-west-1:1:service-deployment/Staging-Cluster/cats/abc",
        change=Change(
            image="1.dkr.ecr.eu-west-1.amazonaws.com/cats:2.0.1",
            digest="sha256:bb",
            digest_before="sha256:aa",
            task_definition="cats:2",
            task_definition_before="cats:1",
            commit="0f3c",
            commit_url="https://github.com/acme/cats/commit/0f3c",
            differences=(
                Difference(what="cpu", before="256", after="512"), Difference(what="variable API_KEY", after="changed"),
            ),
        ),
        timeline=Timeline(
            stages=(
                StageRecord(name="starting new tasks", began_at=at(3), ended_at=at(8)),
                StageRecord(name="shifting the traffic", began_at=at(8), ended_at=at(40)),
                StageRecord(name="baking: the old tasks stand by", began_at=at(40), ended_at=at(48)),
            ),
            steps=(StepRecord(at=at(2), act="built", text="image cats:2.0.1"),),
            events=(EventRecord(at=at(3), message="has started 2 tasks: (task 00000001) (task 00000002)."),),
            tasks=tuple(lives),
            shares=(ShareRecord(at=at(8), percent=0), ShareRecord(at=at(20), percent=25), ShareRecord(at=at(40), percent=100)),
            alarms=(
                AlarmRecord(
                    name="cats-5xx", has_gone_off=False, state="OK", changes=(AlarmChange(at=at(-300), to="OK"),)
                ),
            ),
        ),
        traffic=traffic(),
        links=(Link(label="logs", url="https://eu-west-1.console.aws.amazon.com/cloudwatch/home?region=eu-west-1#logs"),),
    )  # fmt: skip


def taken_back() -> ReleaseRecord:
    record = good()
    alarm = AlarmRecord(
        name="cats-5xx",
        has_gone_off=True,
        state="ALARM",
        told="5xx answers, percent of all was 11.4, which is above 1",
        changes=(AlarmChange(at=at(-300), to="OK"), AlarmChange(at=at(32), to="ALARM", reason="Threshold Crossed")),
    )
    stages = (*record.timeline.stages, StageRecord(name="rolling back", began_at=at(48), ended_at=at(52)))
    crashed = task(5, "new", healthy=None, ended=9).model_copy(update={"has_failed": True, "end": "exit code 3"})
    tasks = (*record.timeline.tasks, crashed)
    timeline = record.timeline.model_copy(update={"alarms": (alarm,), "stages": stages, "tasks": tasks})
    return record.model_copy(
        update={
            "verdict": "rolled_back",
            "is_good": False,
            "sentence": "cats 2.0.1 was taken back after 50s; 1.0.0 serves on; 3 of 1,203 requests were lost.",
            "cause": "The alarm cats-5xx went off while the new version served.",
            "next_step": "Read `ninelives logs` of the time.",
            "timeline": timeline,
            "traffic": traffic(lost=3),
        }
    )
