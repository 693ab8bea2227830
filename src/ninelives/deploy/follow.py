"""Follows a release to its end: looks at the service about every second and says what it sees.

An API that does not answer for a while (a control plane that restarts, throttling) is no verdict: we wait and look again.
"""

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from ninelives.deploy.aws import Aws, error_code
from ninelives.deploy.clock import Clock
from ninelives.deploy.observation import (
    EventSeen,
    Observation,
    ServiceDeploymentSeen,
    describe_service_deployments,
    number_of,
    see_service,
    see_service_deployments,
    see_targets,
    see_tasks,
)
from ninelives.deploy.quantities import write_duration
from ninelives.deploy.verdict import Followed, Outcome, Verdict, judge, old_tasks_left

LOCAL_PACE_SECONDS = 1.0
AWS_PACE_SECONDS = 3.0
PACE_MAX_SECONDS = 30.0
THROTTLED = frozenset({"ThrottlingException", "Throttling", "RequestLimitExceeded", "TooManyRequestsException"})


class Stage(StrEnum):
    """Where a release is, for people."""

    WAITING = "waiting for its turn"
    STARTING = "starting new tasks"
    CHECKING = "waiting until they are healthy"
    REPLACING = "replacing the old tasks"
    DRAINING = "draining the old tasks"
    ROLLING_BACK = "rolling back"
    DONE = "done"


@dataclass(frozen=True, slots=True, kw_only=True)
class Tally:
    """Tasks by last status, and targets by state."""

    new: Counter[str]
    old: Counter[str]
    targets: Counter[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """What was seen at one moment of a release."""

    at: datetime
    elapsed: timedelta
    stage: Stage
    tally: Tally
    desired_count: int
    failed_tasks: int
    new_events: tuple[EventSeen, ...] = ()
    """Oldest first; each is told once."""
    verdict: Verdict | None = None
    note: str | None = None
    """Why nothing could be seen, when nothing could."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Watched:
    """Where a release can be seen."""

    cluster: str
    service: str
    target_group_arn: str | None
    followed: Followed


def look(aws: Aws, watched: Watched, now: datetime) -> Observation:
    """See all that the verdict and the screen need."""
    service = see_service(aws, watched.cluster, watched.service)
    if service is None:
        return Observation(at=now, service=None)
    ours, newer = _service_deployment_of(aws, watched)
    # Tasks after deployments: a task that ends in between is seen ended, never the other way round.
    return Observation(
        at=now,
        service=service,
        service_deployment=ours,
        newer=newer,
        tasks=see_tasks(aws, watched.cluster, watched.service),
        targets=see_targets(aws, watched.target_group_arn) if watched.target_group_arn else (),
    )


def _service_deployment_of(
    aws: Aws, watched: Watched
) -> tuple[ServiceDeploymentSeen | None, tuple[ServiceDeploymentSeen, ...]]:
    """The followed release's service deployment, in full, and those after it, newest first."""
    known = see_service_deployments(aws, watched.cluster, watched.service)
    for place, brief in enumerate(known):
        if number_of(brief.target_revision) == watched.followed.revision:
            return describe_service_deployments(aws, [brief.arn]).get(brief.arn, brief), tuple(known[:place])
    return None, ()


def follow(
    see: Callable[[], Observation],
    followed: Followed,
    clock: Clock,
    *,
    timeout: timedelta,
    pace_seconds: float,
    known_events: frozenset[str] = frozenset(),
    took: Callable[[Observation], None] = lambda _: None,
) -> Iterator[Progress]:
    """Progress until the verdict; the last one bears it. ``took`` gets every observation.

    Events in ``known_events`` (ids) are not told. After ``timeout`` the verdict is ``timed_out``.
    """
    started = clock.now()
    told, pace, last = set(known_events), pace_seconds, None
    while True:
        elapsed = clock.now() - started
        note = None
        try:
            seen = see()
        except Exception as error:
            note = why_unseen(error)
            if note is None:
                raise
            pace = min(pace * 2, PACE_MAX_SECONDS if error_code(error) in THROTTLED else pace_seconds * 4)
        else:
            pace, last = pace_seconds, seen
            took(seen)
        verdict = judge(followed, last) if last is not None and note is None else None
        if verdict is None and elapsed >= timeout:
            verdict = Verdict(outcome=Outcome.TIMED_OUT, reason=f"no end after {write_duration(timeout)}; it still runs")
        yield progress_of(followed, last, told, clock.now(), elapsed, verdict=verdict, note=note)
        if verdict is not None:
            return
        clock.wait(pace)


def why_unseen(error: Exception) -> str | None:
    """Why the API could not answer just now; None when the error is no passing one."""
    from botocore.exceptions import ConnectionError as NoConnection
    from botocore.exceptions import HTTPClientError

    if isinstance(error, NoConnection | HTTPClientError):
        return "the API does not answer; looking again"
    code = error_code(error)
    if code in THROTTLED:
        return "AWS asks for fewer calls; looking again more slowly"
    response = getattr(error, "response", None)
    status = response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0) if isinstance(response, dict) else 0
    return f"the API has trouble ({code}); looking again" if status >= 500 else None  # noqa: PLR2004 (HTTP's server errors)


def progress_of(
    followed: Followed,
    seen: Observation | None,
    told: set[str],
    now: datetime,
    elapsed: timedelta,
    *,
    verdict: Verdict | None = None,
    note: str | None = None,
) -> Progress:
    """What to show of an observation; adds the events that it tells to ``told``."""
    service = seen.service if seen is not None else None
    events = tuple(event for event in reversed(service.events) if event.id not in told) if service is not None else ()
    told.update(event.id for event in events)
    ours = next((one for one in service.deployments if number_of(one.id) == followed.revision), None) if service else None
    return Progress(
        at=now,
        elapsed=elapsed,
        stage=Stage.DONE if verdict is not None else stage_of(followed, seen),
        tally=tally_of(followed, seen),
        desired_count=service.desired_count if service is not None else 0,
        failed_tasks=ours.failed_tasks if ours is not None else 0,
        new_events=events,
        verdict=verdict,
        note=note,
    )


def tally_of(followed: Followed, seen: Observation | None) -> Tally:
    """Tasks that have not ended, and targets."""
    if seen is None:
        return Tally(new=Counter(), old=Counter(), targets=Counter())
    live = [task for task in seen.tasks if not task.is_gone and task.started_by.startswith("ecs-svc/")]
    is_new = {task.arn: number_of(task.started_by) == followed.revision for task in live}
    return Tally(
        new=Counter(task.last_status for task in live if is_new[task.arn]),
        old=Counter(task.last_status for task in live if not is_new[task.arn]),
        targets=Counter(target.state for target in seen.targets),
    )


def stage_of(followed: Followed, seen: Observation | None) -> Stage:
    """The stage of a release that is under way; a list of cases, first match wins."""
    if seen is None or seen.service is None:
        return Stage.WAITING
    status = seen.service_deployment.status if seen.service_deployment is not None else ""
    new = tally_of(followed, seen).new
    if status.startswith("ROLLBACK"):
        return Stage.ROLLING_BACK
    if status == "PENDING" and not new:
        return Stage.WAITING
    old_left = old_tasks_left(followed.revision, seen)
    if status == "SUCCESSFUL":
        return Stage.DRAINING if old_left else Stage.DONE
    if new["RUNNING"] < seen.service.desired_count:
        return Stage.STARTING
    is_replacing = old_left < seen.service.desired_count and followed.source is not None
    return Stage.REPLACING if is_replacing else Stage.CHECKING
