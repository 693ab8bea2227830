"""Deployment alarms: which of them count for a deployment, and how long it bakes for their sake.

A deployment is watched by the alarms that it began with, those that DescribeServiceDeployments shows for it.

Source: ECS developer guide, "How CloudWatch alarms detect Amazon ECS deployment failures"; ``ecs`` ``DeploymentAlarms``.
"""

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta

from ninelives.model.cloudwatch import AlarmFacts, StateValue
from ninelives.model.ecs import ServiceDeployment
from ninelives.scheduler.draft import Draft
from ninelives.scheduler.rollback import Cause


def detected(names: Sequence[str]) -> Cause:
    """Why a deployment fails whose alarms went off. The event is ECS's; the other sentences are ours."""
    named = ", ".join(names)
    return Cause(
        rollout_state_reason="ECS deployment failed: alarm detected.",
        rolling_back_reason="ECS deployment alarm: rolling back to deploymentId {id}.",
        status_reason=f"Service deployment rolled back because an alarm was detected: {named}.",
        stopped_reason=f"Service deployment stopped because an alarm was detected: {named}.",
        event="alarm detected.",
    )


def in_alarm(draft: Draft, one: ServiceDeployment) -> tuple[str, ...]:
    """The deployment's alarms that are in ALARM now. Missing ones and those without data are not."""
    return tuple(facts.name for facts in _alarms_of(draft, one) if facts.state is StateValue.ALARM)


def _alarms_of(draft: Draft, one: ServiceDeployment) -> list[AlarmFacts]:
    known = draft.snapshot.alarms
    return [known[name] for name in one.deployment_configuration.alarms.names if name in known]


def watched(draft: Draft, one: ServiceDeployment) -> ServiceDeployment:
    """The service deployment with the alarms that went off since it began; what was in ALARM then is left out of account.

    A rollback is not watched.
    """
    is_on = one.deployment_configuration.alarms.enable
    if one.rollback is not None:
        return one
    triggered = tuple(name for name in in_alarm(draft, one) if name not in one.ignored_alarms) if is_on else ()
    status = "TRIGGERED" if triggered else "MONITORING" if is_on else "DISABLED"
    shown = replace(one, alarm_status=status, triggered_alarms=triggered)
    if shown != one:
        shown = replace(shown, updated_at=draft.now)
        draft.put_service_deployment(shown)
    return shown


def bake_time(draft: Draft, one: ServiceDeployment) -> timedelta:
    """How long a deployment is watched after its tasks are up: as asked for, else as long as its alarms need to see a fault.

    In this region's time.
    """
    configuration = one.deployment_configuration
    if configuration.bake_time is not None:
        return draft.timing.scaled(configuration.bake_time)
    if not configuration.alarms.enable:
        return timedelta()
    spans = [facts.span for facts in _alarms_of(draft, one) if facts.name not in one.ignored_alarms]
    return draft.timing.scaled(max(spans, default=timedelta()))
