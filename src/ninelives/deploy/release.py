"""A release from the version's name to the verdict: image, task definition, one CreateService or UpdateService, follow."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from ninelives.deploy.advice import advice
from ninelives.deploy.aws import Aws
from ninelives.deploy.clock import Clock
from ninelives.deploy.diagnosis import Diagnosis, diagnose, warnings
from ninelives.deploy.evidence import Gathering, expectation
from ninelives.deploy.follow import AWS_PACE_SECONDS, LOCAL_PACE_SECONDS, Patience, Progress, Watched, follow, look
from ninelives.deploy.foundation import Foundation, lay
from ninelives.deploy.image import Image, built_image, push_image, require_version
from ninelives.deploy.observation import DeploymentSeen, Observation, ServiceSeen, number_of, read_service
from ninelives.deploy.options import DEFAULT_TIMEOUT, Options
from ninelives.deploy.reading import Definition
from ninelives.deploy.reports import Act, Step, Tell, telling
from ninelives.deploy.scaling import production_group, see_to_scaling, withdraw_scaling
from ninelives.deploy.service_call import create_request, live_service, register, update_request, version_behind
from ninelives.deploy.service_file import ServiceFile
from ninelives.deploy.verdict import Followed, Outcome, Verdict

Report = Step | Progress
Listener = Callable[[Report], None]


LATE_LINES_LOOKS, LATE_LINES_SECONDS = 4, 0.5
"""How often, and after how long each, logs are read again that say nothing of tasks that have ended."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Session:
    """One service in one environment, and who listens to what is done."""

    aws: Aws
    definition: Definition
    clock: Clock
    listener: Listener

    @property
    def tell(self) -> Tell:
        return telling(self.listener, self.clock)


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What is to be released, and where it will be seen."""

    version: str
    from_version: str | None
    """None for a service that is new."""
    url: str | None
    test_url: str | None = None
    digest: str | None = None
    goal: Outcome = Outcome.SUCCEEDED
    """How it ends if all goes as asked; to abort asks for ROLLED_BACK."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Started:
    """A release that ECS has: what is followed, and what it replaces."""

    asked: Asked
    task_definition: str
    followed: Followed
    known_events: frozenset[str]
    is_new_deployment: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Release:
    """What became of a release. ``verdict`` is None when it was not waited for."""

    definition: Definition
    region: str
    started: Started
    began_at: datetime
    verdict: Verdict | None
    finished_at: datetime
    diagnosis: Diagnosis | None
    last: Observation | None
    warnings: tuple[Diagnosis, ...] = ()
    """What is wrong although it succeeded: with the new version, or with the way in which the old one ended."""

    @property
    def duration(self) -> timedelta:
        return self.finished_at - self.began_at

    @property
    def has_succeeded(self) -> bool:
        return self.verdict is not None and self.verdict.outcome is self.started.asked.goal

    @property
    def service_deployment(self) -> str | None:
        seen = self.last.service_deployment if self.last is not None else None
        return seen.arn if seen is not None else None


def deploy(session: Session, version: str, options: Options) -> Release:
    """Release ``version``: see to its image and to what the service stands on, hand it to ECS, and follow it.

    Raises ``DeployError`` for what stops it before ECS has it; what becomes of it then is the verdict.
    """
    aws, definition, tell = session.aws, session.definition, session.tell
    began = session.clock.now()
    require_version(version)
    for sentence in advice(definition):
        tell(Act.NOTE, sentence)
    with built_image(aws, definition, version, options.builder, tell) as built:  # before anything is made
        foundation = lay(aws, definition, tell)
        image = push_image(aws, definition, version, foundation.repository_uri, built, tell)
    task_definition = register(aws, definition.file, image, foundation, tell)
    withdraw_scaling(aws, definition.file, tell)  # first: then the count is the file's
    was_there = scale_as_asked(session)
    started = start(session, image, task_definition, foundation, force=options.force)
    if not was_there:
        scale_as_asked(session)
    release = conclude(session, started, options, began=began)
    if definition.file.deploy.shifts_traffic and release.verdict is not None:
        scale_as_asked(session)  # production traffic may go to the other target group now
    return release


def scale_as_asked(session: Session) -> bool:
    """Bring auto scaling to what the file says; whether the service is there for it."""
    aws, file = session.aws, session.definition.file
    live = live_service(aws, file)
    if live is not None and file.scaling is not None:
        see_to_scaling(aws, file, production_group(aws, live), session.tell)
    return live is not None


def start(session: Session, image: Image, task_definition: str, foundation: Foundation, *, force: bool) -> Started:
    """Hand the release to ECS with one call."""
    aws, file, tell = session.aws, session.definition.file, session.tell
    live = live_service(aws, file)
    before = None if live is None else read_service(live)
    asked = Asked(
        version=image.version,
        from_version=None if before is None else version_behind(aws, in_place(before).task_definition),
        url=foundation.front_door.url,
        test_url=foundation.front_door.test_url,
        digest=image.digest,
    )
    if live is None:
        answer = aws.ecs.create_service(**create_request(file, task_definition, foundation))
        tell(Act.MADE, f"service {file.service} with {file.first_count} tasks of {image.version}")
    else:
        request = update_request(aws, file, task_definition, foundation, live, force=force, tell=tell)
        answer = aws.ecs.update_service(**request)
    return started_from(session, answer["service"], before, asked)


def in_place(service: ServiceSeen) -> DeploymentSeen:
    """The deployment that serves: the primary one or, while that is not complete, the one that it is to replace."""
    assert service.primary is not None
    if service.primary.rollout_state == "COMPLETED":
        return service.primary
    others = (one for one in service.deployments if one.rollout_state == "COMPLETED")
    return next(others, service.primary)


def started_from(session: Session, service: Mapping[str, Any], before: ServiceSeen | None, asked: Asked) -> Started:
    """What CreateService's or UpdateService's answer says has begun."""
    after, tell = read_service(service), session.tell
    assert after.primary is not None
    source = in_place(before) if before is not None else None
    is_new = before is None or before.primary is None or before.primary.id != after.primary.id
    if not is_new:
        tell(Act.NOTE, f"nothing changed: {asked.version} is what the service already has (--force replaces its tasks anyway)")
    elif before is not None:
        tell(Act.DEPLOYED, f"{asked.from_version} to {asked.version} with {after.primary.id}")
        if any(one.rollout_state == "IN_PROGRESS" for one in before.deployments):
            tell(Act.NOTE, "a deployment was still under way; this one takes its place")
    return Started(
        asked=asked,
        task_definition=after.primary.task_definition,
        followed=Followed(revision=number_of(after.primary.id), source=number_of(source.id) if is_new and source else None),
        known_events=frozenset(event.id for event in before.events) if before is not None else frozenset(),
        is_new_deployment=is_new,
    )


def conclude(
    session: Session,
    started: Started,
    options: Options,
    *,
    began: datetime,
    told: frozenset[str] = frozenset(),
) -> Release:
    """Follow a release to its verdict, and explain it when it is not green. ``began``: when its duration starts.

    ``told``: events that explain it and are not news any more.
    """
    aws, definition, clock = session.aws, session.definition, session.clock
    verdict, last = None, None
    gathering = Gathering(started.followed.revision, started.known_events)
    if options.wait:
        file = definition.file
        watched = Watched(cluster=file.cluster_name, service=file.service, followed=started.followed)
        observations: list[Observation] = []

        def took(seen: Observation) -> None:
            gathering.take(seen)
            observations[:] = [seen]

        for progress in follow(
            lambda: look(aws, watched, clock.now()),
            started.followed,
            clock,
            Patience(
                timeout=timeout_of(options, file),
                pace_seconds=LOCAL_PACE_SECONDS if aws.is_near else AWS_PACE_SECONDS,
                waits_for_decisions=options.waits_for_decisions,
            ),
            known_events=started.known_events | told,
            took=took,
        ):
            session.listener(progress)
            verdict = progress.verdict
        last = observations[0] if observations else None
    return Release(
        definition=definition,
        region=aws.region,
        started=started,
        began_at=began,
        verdict=verdict,
        finished_at=clock.now(),
        diagnosis=explain(aws, definition.file, verdict, gathering, goal=started.asked.goal, clock=clock),
        last=last,
        warnings=warn(aws, definition.file, verdict, gathering),
    )


def timeout_of(options: Options, file: ServiceFile) -> timedelta:
    """How long to wait for the verdict."""
    if options.timeout is not None:
        return options.timeout
    return DEFAULT_TIMEOUT + file.deploy.waits_on_purpose(for_decisions=options.waits_for_decisions)


def explain(
    aws: Aws,
    file: ServiceFile,
    verdict: Verdict | None,
    gathering: Gathering,
    *,
    goal: Outcome = Outcome.SUCCEEDED,
    clock: Clock | None = None,
) -> Diagnosis | None:
    """The cause of a release that failed, was taken back, or does not come to an end; none where that was the goal.

    With a ``clock``, what ended tasks wrote last is waited for a moment: their lines may still be on their way.
    """
    unexplained = {Outcome.FAILED, Outcome.ROLLED_BACK, Outcome.TIMED_OUT, Outcome.STOPPED}
    if verdict is None or verdict.outcome not in unexplained or verdict.outcome is goal:
        return None
    evidence = gathering.evidence(aws, file)
    for _ in range(LATE_LINES_LOOKS if clock is not None else 0):
        if not evidence.is_silent:
            break
        assert clock is not None
        clock.wait(LATE_LINES_SECONDS)
        evidence = gathering.evidence(aws, file)
    return diagnose(evidence, expectation(file))


def warn(aws: Aws, file: ServiceFile, verdict: Verdict | None, gathering: Gathering) -> tuple[Diagnosis, ...]:
    """What is wrong with a release that succeeded."""
    if verdict is None or verdict.outcome is not Outcome.SUCCEEDED or not gathering.has_stopped_tasks:
        return ()
    return warnings(gathering.evidence(aws, file), expectation(file))
