"""Decides about a release that is under way: lets a paused one go on, or takes it back.

ECS pauses only at PAUSE hooks, which stand in the service file before the release begins; it cannot be told to pause now.
"""

from dataclasses import replace

from ninelives.deploy.aws import error_code
from ninelives.deploy.errors import DeployError, NotFound
from ninelives.deploy.observation import HookSeen, ServiceDeploymentSeen
from ninelives.deploy.options import Options
from ninelives.deploy.release import Release, Session, Started, conclude
from ninelives.deploy.reports import Act
from ninelives.deploy.verdict import Outcome
from ninelives.deploy.waiting import Newest, newest_deployment, started_before

STOPPING = frozenset({"STOP_REQUESTED", "ROLLBACK_REQUESTED", "ROLLBACK_IN_PROGRESS"})


def promote(session: Session, hook_id: str | None, options: Options) -> Release:
    """Let the paused release go on, and follow it to its verdict (or its next pause).

    ``hook_id`` is needed only where several pauses wait at once. Raises ``NotFound`` where nothing waits.
    """
    newest = newest_deployment(session)
    deployment = newest.deployment
    hook = _waiting(session, deployment, hook_id)
    session.aws.ecs.continue_service_deployment(serviceDeploymentArn=deployment.arn, hookId=hook.id, action="CONTINUE")
    session.tell(Act.DECIDED, f"{deployment.stage or 'the release'} goes on ({hook.id})")
    return _followed(session, newest, options, answered=hook)


def abort(session: Session, options: Options) -> Release:
    """Take back the release that is under way, and follow it until what ran before has its place again.

    Raises ``NotFound`` where nothing is under way, ``DeployError`` where it has just ended.
    """
    newest = newest_deployment(session)
    deployment = newest.deployment
    if not deployment.is_under_way:
        raise NotFound(
            f"No release of {session.definition.file.service} is under way ({deployment.id} ended {deployment.status}).",
            hint="`ninelives rollback` goes back to the version before.",
        )
    ecs, hook = session.aws.ecs, next(iter(deployment.awaiting), None)
    if deployment.status in STOPPING:
        session.tell(Act.NOTE, f"it is being taken back already ({deployment.status})")
    elif hook is not None:
        ecs.continue_service_deployment(serviceDeploymentArn=deployment.arn, hookId=hook.id, action="ROLLBACK")
        session.tell(Act.DECIDED, f"the pause in {deployment.stage or 'the release'} ends with a rollback ({hook.id})")
    else:
        _stop(session, deployment)
    return _followed(session, newest, options, answered=hook, goal=Outcome.ROLLED_BACK)


def _stop(session: Session, deployment: ServiceDeploymentSeen) -> None:
    try:
        session.aws.ecs.stop_service_deployment(serviceDeploymentArn=deployment.arn, stopType="ROLLBACK")
    except Exception as error:
        if error_code(error) != "ConflictException":
            raise
        raise DeployError(
            "The release has just ended, and cannot be aborted any more.", hint="`ninelives wait` says how it ended."
        ) from None
    session.tell(Act.DECIDED, f"{deployment.id} is taken back")


def _waiting(session: Session, deployment: ServiceDeploymentSeen, hook_id: str | None) -> HookSeen:
    """The pause that is meant. Raises ``NotFound`` or, where it is not said which, ``DeployError``."""
    waiting = deployment.awaiting if deployment.is_under_way else ()
    if not waiting:
        service = session.definition.file.service
        if not deployment.is_under_way:
            raise NotFound(f"No release of {service} is under way ({deployment.id} ended {deployment.status}).")
        stage = f", in {deployment.lifecycle_stage}" if deployment.lifecycle_stage else ""
        raise NotFound(f"The release of {service} does not wait for a decision (it is {deployment.status}{stage}).")
    if hook_id is None and len(waiting) == 1:
        return waiting[0]
    found = next((hook for hook in waiting if hook.id == hook_id), None)
    if found is None:
        ids = ", ".join(hook.id for hook in waiting)
        asked = f"No pause {hook_id} waits" if hook_id is not None else f"{len(waiting)} pauses wait at once"
        raise DeployError(f"{asked}: {ids}.", hint=f"Say which: `ninelives promote --hook {waiting[0].id}`.")
    return found


def _followed(
    session: Session, newest: Newest, options: Options, *, answered: HookSeen | None, goal: Outcome = Outcome.SUCCEEDED
) -> Release:
    started: Started = started_before(session, newest)
    known = frozenset(event.id for event in newest.service.events)
    asked = replace(started.asked, goal=goal)
    followed = replace(started.followed, answered=frozenset({answered.id} if answered is not None else ()))
    # What it said before the decision explains it, and is not news any more.
    began = newest.began if goal is Outcome.SUCCEEDED else session.clock.now()
    return conclude(session, replace(started, asked=asked, followed=followed), options, began=began, told=known)
