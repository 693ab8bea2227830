"""Follows a release to its end: looks at the service about every second and says what it sees.

An API that does not answer for a while (a control plane that restarts, throttling) is no verdict: we wait and look again.
"""

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
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


GOES_ON = frozenset({Outcome.PAUSED, Outcome.TIMED_OUT})
"""Verdicts on a release that has not ended."""


class Stage(StrEnum):
    """Where a release is, for people."""

    WAITING = "waiting for its turn"
    RECONCILING = "ending what a release before it began"
    STARTING = "starting new tasks"
    CHECKING = "waiting until they are healthy"
    TESTING = "sending test traffic to the new tasks"
    SHIFTING = "shifting the traffic"
    REPLACING = "replacing the old tasks"
    BAKING = "baking: the old tasks stand by"
    ASKING = "waiting for a hook's answer"
    PAUSED = "paused: waiting for a decision"
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
class Wait:
    """A wait on purpose: a bake. ``until`` is reckoned from when it was first seen."""

    length: timedelta
    """As ECS was told."""
    until: datetime
    time_scale: float = 1.0
    """How many times shorter it is here."""


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
    deployment: ServiceDeploymentSeen | None = None
    """The followed service deployment: lifecycle stage, traffic, hooks, alarms, circuit breaker."""
    wait: Wait | None = None
    seen: Observation | None = None
    """All of it; None when nothing could be seen."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Watched:
    """Where a release can be seen."""

    cluster: str
    service: str
    followed: Followed


@dataclass(frozen=True, slots=True, kw_only=True)
class Patience:
    """How long a release is followed, and how often it is looked at."""

    timeout: timedelta
    """After it the verdict is ``timed_out``."""
    pace_seconds: float
    waits_for_decisions: bool = False
    """A release that is paused has its verdict; with this it is followed until somebody has decided."""


def look(aws: Aws, watched: Watched, now: datetime) -> Observation:
    """See all that the verdict and the screen need."""
    service = see_service(aws, watched.cluster, watched.service)
    if service is None:
        return Observation(at=now, service=None)
    ours, newer = _service_deployment_of(aws, watched)
    if ours is not None and not ours.is_under_way:
        # The last events came with the end, perhaps after the service was looked at.
        service = see_service(aws, watched.cluster, watched.service) or service
    # Tasks after deployments: a task that ends in between is seen ended, never the other way round.
    return Observation(
        at=now,
        service=service,
        service_deployment=ours,
        newer=newer,
        tasks=see_tasks(aws, watched.cluster, watched.service),
        targets=tuple(target for group in service.target_groups for target in see_targets(aws, group)),
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
    patience: Patience,
    *,
    known_events: frozenset[str] = frozenset(),
    took: Callable[[Observation], None] = lambda _: None,
) -> Iterator[Progress]:
    """Progress until the verdict; the last one bears it. ``took`` gets every observation.

    Events in ``known_events`` (ids) are not told.
    """
    started = clock.now()
    told, pace, last, bakes = set(known_events), patience.pace_seconds, None, Bakes()
    while True:
        elapsed = clock.now() - started
        note = None
        try:
            seen = see()
        except Exception as error:
            note = why_unseen(error)
            if note is None:
                raise
            pace = min(pace * 2, PACE_MAX_SECONDS if error_code(error) in THROTTLED else patience.pace_seconds * 4)
        else:
            pace, last = patience.pace_seconds, seen
            took(seen)
        verdict = judge(followed, last) if last is not None and note is None else None
        if verdict is not None and verdict.outcome is Outcome.PAUSED and patience.waits_for_decisions:
            verdict = None
        if verdict is None and elapsed >= patience.timeout:
            reason = f"no end after {write_duration(patience.timeout)}; it still runs"
            verdict = Verdict(outcome=Outcome.TIMED_OUT, reason=reason)
        wait = bakes.wait_of(last) if last is not None and verdict is None else None
        progress = progress_of(followed, last, told, clock.now(), elapsed, verdict=verdict, note=note)
        yield replace(progress, wait=wait, seen=last if note is None else None)
        if verdict is not None:
            return
        clock.wait(pace)


class Bakes:
    """Tells when a bake ends: ECS says how long it is, not since when; that is when it was first seen."""

    def __init__(self) -> None:
        self._place: tuple[str | None, float | None] | None = None
        self._since: datetime | None = None

    def wait_of(self, seen: Observation) -> Wait | None:
        ours, service = seen.service_deployment, seen.service
        if ours is None or service is None or ours.status != "IN_PROGRESS":
            return None
        place = (ours.lifecycle_stage, ours.production_percent)
        if self._since is None:
            # It may have begun before we looked: no later than ECS's last word on it.
            self._since = min(filter(None, (ours.updated_at, seen.at)))
        elif place != self._place:
            self._since = seen.at
        self._place = place
        length, scale = ours.plan.bake_at(*place), service.time_scale
        if length is None or any(hook.is_open for hook in ours.hooks):
            return None
        return Wait(length=length, until=self._since + length / scale, time_scale=scale)


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
        stage=stage_of(followed, seen) if verdict is None or verdict.outcome in GOES_ON else Stage.DONE,
        tally=tally_of(followed, seen),
        desired_count=service.desired_count if service is not None else 0,
        failed_tasks=ours.failed_tasks if ours is not None else 0,
        new_events=events,
        verdict=verdict,
        note=note,
        deployment=seen.service_deployment if seen is not None else None,
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
    deployment = seen.service_deployment
    status = deployment.status if deployment is not None else ""
    new = tally_of(followed, seen).new
    if status.startswith("ROLLBACK"):
        return Stage.ROLLING_BACK
    if status == "PENDING" and not new:
        return Stage.WAITING
    old_left = old_tasks_left(followed.revision, seen)
    if status == "SUCCESSFUL":
        return Stage.DRAINING if old_left else Stage.DONE
    if deployment is not None and (stage := _asked_or_shifting(deployment)) is not None:
        return stage
    if new["RUNNING"] < seen.service.desired_count:
        return Stage.STARTING
    shifts = deployment is not None and deployment.plan.shifts_traffic
    is_replacing = not shifts and old_left < seen.service.desired_count and followed.source is not None
    return Stage.REPLACING if is_replacing else Stage.CHECKING


STAGES = {
    "RECONCILE_SERVICE": Stage.RECONCILING,
    "TEST_TRAFFIC_SHIFT": Stage.TESTING,
    "POST_TEST_TRAFFIC_SHIFT": Stage.TESTING,
    "PRE_PRODUCTION_TRAFFIC_SHIFT": Stage.SHIFTING,
    "PRODUCTION_TRAFFIC_SHIFT": Stage.SHIFTING,
    "POST_PRODUCTION_TRAFFIC_SHIFT": Stage.SHIFTING,
    "BAKE_TIME": Stage.BAKING,
    "CLEAN_UP": Stage.DRAINING,
}
"""Lifecycle stages in which tasks and targets tell nothing; ``SCALE_UP`` and its neighbours are told by them."""


def _asked_or_shifting(deployment: ServiceDeploymentSeen) -> Stage | None:
    """Where a release is by its hooks and its lifecycle stage; None where its tasks tell more."""
    if deployment.awaiting:
        return Stage.PAUSED
    if any(hook.is_open for hook in deployment.hooks):
        return Stage.ASKING
    stage = deployment.lifecycle_stage or ""
    return STAGES.get(stage) if deployment.plan.shifts_traffic or stage == "BAKE_TIME" else None
