"""What the page shows of a service, put together from what was read. Pure.

Members are plain JSON with datetimes; the page does the wording of times and numbers.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from ninelives.console.facts import Answer, ServiceFacts
from ninelives.deploy.decision import STOPPING
from ninelives.deploy.deployment_report import deployment_json
from ninelives.deploy.follow import stage_of, tally_of
from ninelives.deploy.front_door import weights_of
from ninelives.deploy.history import PastRelease
from ninelives.deploy.observation import (
    Observation,
    ServiceDeploymentSeen,
    TaskSeen,
    number_of,
    read_alarm,
    read_service,
    read_service_deployment,
    read_target,
    read_task,
)
from ninelives.deploy.rollback import candidates
from ninelives.deploy.verdict import Followed, judge

EVENTS_SHOWN = 60
STOPPED_SHOWN = 24
WHOLE = 100.0

STAGES: Mapping[str, str] = {
    "RECONCILE_SERVICE": "Reconcile",
    "PRE_SCALE_UP": "Before scale-up",
    "SCALE_UP": "Scale up",
    "POST_SCALE_UP": "After scale-up",
    "TEST_TRAFFIC_SHIFT": "Test traffic",
    "POST_TEST_TRAFFIC_SHIFT": "After test",
    "PRE_PRODUCTION_TRAFFIC_SHIFT": "Before shift",
    "PRODUCTION_TRAFFIC_SHIFT": "Shift",
    "POST_PRODUCTION_TRAFFIC_SHIFT": "After shift",
    "BAKE_TIME": "Bake",
    "CLEAN_UP": "Clean up",
}
"""Lifecycle stages in their order, as the page calls them."""

ALWAYS_SHOWN = frozenset({"SCALE_UP", "PRODUCTION_TRAFFIC_SHIFT", "CLEAN_UP"})
"""Stages in which something happens even where nobody is asked."""

FAILED_STOPS = frozenset({"TaskFailedToStart", "EssentialContainerExited", "SpotInterruption", "TerminationNotice"})


def overview_view(services: Sequence[Answer]) -> list[dict[str, Any]]:
    """A line for each service, by cluster and name."""
    lines = [_line(one) for one in services if one.get("status") != "INACTIVE"]
    return sorted(lines, key=lambda line: (line["cluster"], line["name"]))


def _line(service: Answer) -> dict[str, Any]:
    return {
        "cluster": number_of(service["clusterArn"]),
        "name": service["serviceName"],
        "state": _line_state(service),
        "desired": service.get("desiredCount", 0),
        "running": service.get("runningCount", 0),
    }


def _line_state(service: Answer) -> str:
    """A list of cases, first match wins.

    >>> _line_state({"status": "ACTIVE", "desiredCount": 2, "runningCount": 1, "deployments": []})
    'short'
    """
    deployments = service.get("deployments") or ()
    primary: Answer = next((one for one in deployments if one.get("status") == "PRIMARY"), {})
    if service.get("status") == "DRAINING":
        return "draining"
    if primary.get("rolloutState") == "FAILED":
        return "failed"
    if any(one.get("rolloutState") == "IN_PROGRESS" for one in deployments):
        is_back = "rolling back" in primary.get("rolloutStateReason", "")
        return "rolling_back" if is_back else "deploying"
    if service.get("runningCount", 0) < service.get("desiredCount", 0):
        return "short"
    return "steady"


def service_view(facts: ServiceFacts) -> dict[str, Any]:
    """All that the page of a service shows, but for charts and logs."""
    service = read_service(facts.service)
    deployment = read_service_deployment(facts.deployment) if facts.deployment is not None else None
    tasks = tuple(map(read_task, facts.tasks))
    seen = Observation(
        at=facts.at,
        service=service,
        service_deployment=deployment,
        tasks=tasks,
        targets=tuple(read_target(one) for group in facts.targets.values() for one in group),
    )
    revisions = _revisions(facts, deployment, tasks)
    return {
        "cluster": number_of(facts.service["clusterArn"]),
        "name": facts.service["serviceName"],
        "arn": facts.service["serviceArn"],
        "at": facts.at,
        "status": service.status,
        "state": _state(facts, deployment),
        "version": _live_version(facts, deployment),
        "url": facts.url,
        "desired": service.desired_count,
        "running": service.running_count,
        "pending": service.pending_count,
        "time_scale": facts.time_scale,
        "launch": _launch(facts.service),
        "release": None if deployment is None else _release(facts, deployment, seen),
        "revisions": revisions,
        "events": [
            {
                "id": one.id,
                "at": one.created_at,
                "text": one.message.removeprefix(f"(service {facts.service['serviceName']}) "),
            }
            for one in service.events[:EVENTS_SHOWN]
        ],
        "alarms": [_alarm(one, deployment) for one in facts.alarms],
        "scaling": _scaling(facts),
        "actions": _actions(facts, deployment),
        "troubles": dict(facts.troubles),
    }


def _launch(service: Answer) -> str:
    providers = service.get("capacityProviderStrategy") or ()
    return ", ".join(str(one["capacityProvider"]) for one in providers) or str(service.get("launchType", ""))


def _state(facts: ServiceFacts, deployment: ServiceDeploymentSeen | None) -> str:
    """``deploying``, ``paused``, ``rolling_back``, ``failed``, ``draining``, ``short`` or ``steady``."""
    if deployment is not None and deployment.is_under_way:
        if deployment.status in STOPPING:
            return "rolling_back"
        return "paused" if deployment.awaiting else "deploying"
    return _line_state(facts.service)


def _live_version(facts: ServiceFacts, deployment: ServiceDeploymentSeen | None) -> str:
    """The version that serves: the old one, until the new one has all traffic or the release is done."""
    if deployment is not None and deployment.is_under_way and deployment.source_revisions:
        if (
            not deployment.plan.shifts_traffic
            or (deployment.production_percent or 0.0) < WHOLE
            or deployment.status in STOPPING
        ):
            return _version(facts, deployment.source_revisions[0])
        return _version(facts, deployment.target_revision)
    return facts.versions.get(facts.service.get("taskDefinition", ""), "?")


def _version(facts: ServiceFacts, revision: str) -> str:
    definition = facts.revisions.get(revision, {}).get("taskDefinition", "")
    return facts.versions.get(definition, "?")


def _release(facts: ServiceFacts, deployment: ServiceDeploymentSeen, seen: Observation) -> dict[str, Any]:
    source = deployment.source_revisions[0] if deployment.source_revisions else None
    followed = Followed(
        revision=number_of(deployment.target_revision), source=number_of(source) if source is not None else None
    )
    verdict = None if deployment.is_under_way else judge(followed, seen)
    tally = tally_of(followed, seen)
    return {
        **deployment_json(deployment),
        "id": deployment.id,
        "version": _version(facts, deployment.target_revision),
        "from_version": _version(facts, source) if source is not None else None,
        "under_way": deployment.is_under_way,
        "doing": str(stage_of(followed, seen)) if verdict is None else None,
        "outcome": verdict.outcome if verdict is not None else None,
        "reason": _reason(deployment),
        "created_at": deployment.created_at,
        "started_at": deployment.started_at,
        "finished_at": deployment.finished_at or (deployment.stopped_at if not deployment.is_under_way else None),
        "stages": stages_view(facts.deployment or {}, deployment),
        "bake": None if facts.bake is None else {"s": facts.bake.length.total_seconds(), "ends_at": facts.bake.ends_at},
        "counts": {"new": dict(tally.new), "old": dict(tally.old), "targets": dict(tally.targets)},
    }


def _reason(deployment: ServiceDeploymentSeen) -> str | None:
    """Why it goes or went back; None for one that did not."""
    if deployment.status == "SUCCESSFUL":
        return None
    return deployment.rollback_reason or deployment.status_reason or None


def stages_view(raw: Answer, deployment: ServiceDeploymentSeen) -> list[dict[str, Any]]:
    """The stages that this release goes through, each ``done``, ``now`` or ``next``."""
    hooks = _hooks_by_stage(raw)
    current = deployment.stage
    shown = [stage for stage in STAGES if _is_shown(stage, deployment, hooks)] if deployment.plan.shifts_traffic else []
    if not shown:
        shown = ["SCALE_UP", *(["BAKE_TIME"] if deployment.plan.bake or current == "BAKE_TIME" else [])]
    order = list(STAGES)
    place = order.index(current) if current is not None and current in STAGES else -1
    return [
        {
            "stage": stage,
            "label": STAGES[stage] if deployment.plan.shifts_traffic or stage != "SCALE_UP" else "Replace tasks",
            "state": _stage_state(order.index(stage) - place, deployment),
            "hooks": hooks.get(stage, []),
        }
        for stage in shown
    ]


def _is_shown(stage: str, deployment: ServiceDeploymentSeen, hooks: Mapping[str, Sequence[str]]) -> bool:
    if stage in ALWAYS_SHOWN or stage in hooks or stage == deployment.stage:
        return True
    if stage == "BAKE_TIME":
        return bool(deployment.plan.bake)
    return stage == "TEST_TRAFFIC_SHIFT" and deployment.test_percent is not None


def _stage_state(distance: int, deployment: ServiceDeploymentSeen) -> str:
    """``distance``: how many stages after the current one it comes.

    A rolling release that has not told its stage is replacing tasks.
    """
    if deployment.status == "SUCCESSFUL":
        return "done"
    if deployment.stage not in STAGES:
        return "next" if deployment.plan.shifts_traffic or distance > list(STAGES).index("SCALE_UP") + 1 else "now"
    if distance == 0:
        return "now"
    return "done" if distance < 0 else "next"


def _hooks_by_stage(raw: Answer) -> dict[str, list[str]]:
    """Who is asked at which stage: names of functions, and ``pause``."""
    found: dict[str, list[str]] = {}
    for hook in (raw.get("deploymentConfiguration") or {}).get("lifecycleHooks") or ():
        target = hook.get("hookTargetArn")
        name = "pause" if target is None else str(target).rsplit(":function:", 1)[-1]
        for stage in hook.get("lifecycleStages") or ():
            found.setdefault(stage, []).append(name)
    return found


def _revisions(
    facts: ServiceFacts, deployment: ServiceDeploymentSeen | None, tasks: Iterable[TaskSeen]
) -> list[dict[str, Any]]:
    """A lane for each revision: the one that is released first, then the one that it replaces, then what else runs."""
    target = number_of(deployment.target_revision) if deployment is not None else None
    sources = [number_of(one) for one in deployment.source_revisions] if deployment is not None else []
    by_revision: dict[str, list[dict[str, Any]]] = {}
    for raw, task in zip(facts.tasks, tasks, strict=True):
        if task.started_by.startswith("ecs-svc/"):
            by_revision.setdefault(number_of(task.started_by), []).append(task_view(facts, raw, task))
    wanted = [one for one in (target, *sources) if one is not None]
    live = [number for number, found in by_revision.items() if any(task["state"] not in GONE for task in found)]
    is_quiet = deployment is None or not deployment.is_under_way
    is_over = is_quiet and deployment is not None and deployment.status == "SUCCESSFUL"
    known = {number_of(arn): arn for arn in facts.revisions}
    shown = list(dict.fromkeys([*wanted, *live]))
    if is_over:
        shown = [one for one in shown if one == target or one in live]
    weights = _weights(facts)
    return [
        {
            "revision": number,
            "role": "new" if number == target else "old",
            "version": _version(facts, known.get(number, "")),
            "group": _group_of(facts, known.get(number)),
            "weight": weights.get(_group_of(facts, known.get(number)) or ""),
            "tasks": _lane(by_revision.get(number, ())),
        }
        for number in shown
    ]


GONE = frozenset({"stopped", "failed"})


def _lane(tasks: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
    """Those that live in the order of their start, then the last ones that ended."""
    by_age = sorted(tasks, key=lambda task: (task["created_at"].timestamp() if task["created_at"] else 0.0, task["id"]))
    ended = [task for task in by_age if task["state"] in GONE]
    return [task for task in by_age if task["state"] not in GONE] + ended[-STOPPED_SHOWN:]


def task_view(facts: ServiceFacts, raw: Answer, task: TaskSeen) -> dict[str, Any]:
    address, port = address_of(raw)
    target = _target_at(facts, address, port)
    exits = [f"{one.name} {one.exit_code}" for one in task.containers if one.exit_code is not None]
    reasons = [one.reason for one in task.containers if one.reason]
    return {
        "id": task.id,
        "state": task_state(task, target, has_targets=bool(facts.targets)),
        "last_status": task.last_status,
        "target": None if target is None else target["TargetHealth"]["State"],
        "target_reason": None if target is None else target["TargetHealth"].get("Description"),
        "health": task.health_status,
        "zone": raw.get("availabilityZone"),
        "address": f"{address}:{port}" if address and port else address,
        "created_at": task.created_at,
        "started_at": task.started_at,
        "stopped_at": task.stopped_at,
        "reason": "; ".join(dict.fromkeys([*filter(None, [task.stopped_reason]), *reasons])) or None,
        "exits": ", ".join(exits) or None,
    }


def task_state(task: TaskSeen, target: Answer | None, *, has_targets: bool) -> str:
    """Where a task is in its life, in one word; a list of cases, first match wins."""
    if task.is_gone:
        return "failed" if task.stop_code in FAILED_STOPS or "health checks" in task.stopped_reason else "stopped"
    if task.last_status == "DEACTIVATING":
        return "draining"
    if task.last_status == "STOPPING":
        return "stopping"
    if task.last_status != "RUNNING":
        return "starting"
    state = target["TargetHealth"]["State"] if target is not None else None
    if state == "draining":
        return "draining"
    if task.health_status == "UNHEALTHY" or state == "unhealthy":
        return "unhealthy"
    if has_targets:
        return "healthy" if state == "healthy" else "checking"
    return "healthy" if task.health_status == "HEALTHY" else "running"


def address_of(task: Answer) -> tuple[str | None, int | None]:
    """Where a task answers: its network interface, and the host's port where it has one of its own."""
    details = (one for attachment in task.get("attachments") or () for one in attachment.get("details") or ())
    address = next((str(one["value"]) for one in details if one.get("name") == "privateIPv4Address"), None)
    bindings = (one for container in task.get("containers") or () for one in container.get("networkBindings") or ())
    return address, next((int(one["hostPort"]) for one in bindings if one.get("hostPort")), None)


def _target_at(facts: ServiceFacts, address: str | None, port: int | None) -> Answer | None:
    """The target that a task is, the liveliest where it is one in several groups."""
    known = [one for group in facts.targets.values() for one in group]
    found = [one for one in known if one["Target"]["Id"] == address and port in {None, one["Target"].get("Port")}]
    order = {"healthy": 0, "initial": 1, "unhealthy": 2, "draining": 3}
    return min(found, key=lambda one: order.get(one["TargetHealth"]["State"], len(order)), default=None)


def _group_of(facts: ServiceFacts, revision: str | None) -> str | None:
    """The target group that a revision's tasks are in."""
    found = facts.revisions.get(revision or "", {})
    resolved = (found.get("resolvedConfiguration") or {}).get("loadBalancers") or found.get("loadBalancers") or ()
    return next((str(one["targetGroupArn"]) for one in resolved if one.get("targetGroupArn")), None)


def _weights(facts: ServiceFacts) -> dict[str, float]:
    """Percent of production traffic by target group, as the listener's rule says it."""
    balancers = facts.service.get("loadBalancers") or ()
    rules = [(one.get("advancedConfiguration") or {}).get("productionListenerRule") for one in balancers]
    weights = next((weights_of(facts.rules[str(rule)]) for rule in rules if rule in facts.rules), {})
    whole = sum(weights.values())
    return {group: weight * WHOLE / whole for group, weight in weights.items()} if whole else {}


def _alarm(raw: Answer, deployment: ServiceDeploymentSeen | None) -> dict[str, Any]:
    alarm = read_alarm(raw)
    return {
        "name": alarm.name,
        "state": raw.get("StateValue", "INSUFFICIENT_DATA"),
        "metric": alarm.metric,
        "limit": alarm.limit,
        "reason": alarm.reason,
        "since": raw.get("StateTransitionedTimestamp") or raw.get("StateUpdatedTimestamp"),
        "triggered": deployment is not None and alarm.name in deployment.triggered_alarms,
    }


def _scaling(facts: ServiceFacts) -> dict[str, Any] | None:
    target = facts.scalable_target
    if target is None:
        return None
    suspended = target.get("SuspendedState") or {}
    return {
        "min": target.get("MinCapacity"),
        "max": target.get("MaxCapacity"),
        "in_suspended": bool(suspended.get("DynamicScalingInSuspended")),
        "out_suspended": bool(suspended.get("DynamicScalingOutSuspended")),
        "activities": [
            {"at": one.get("StartTime"), "text": one.get("Description", ""), "status": one.get("StatusCode", "")}
            for one in facts.scaling_activities[:5]
        ],
    }


def _actions(facts: ServiceFacts, deployment: ServiceDeploymentSeen | None) -> dict[str, Any]:
    """What may be decided now; None where it cannot."""
    is_under_way = deployment is not None and deployment.is_under_way
    can_stop = deployment is not None and is_under_way and deployment.status not in STOPPING
    waiting = deployment.awaiting if deployment is not None and is_under_way else ()
    back = [] if is_under_way else candidates(facts.past, facts.service.get("taskDefinition", ""), None)
    return {
        "promote": [
            {"hook": hook.id, "stage": STAGES.get(deployment.stage or "", ""), "expires_at": hook.expires_at}
            for hook in waiting
            if deployment is not None
        ]
        or None,
        "abort": {"version": _version(facts, deployment.target_revision)} if can_stop and deployment is not None else None,
        "rollback": {"version": back[0].version, "id": back[0].id} if back else None,
        "pauses": sorted(_hooks_that_pause(facts.service)),
    }


def _hooks_that_pause(service: Answer) -> set[str]:
    """Stages in which releases of this service wait for a decision."""
    hooks = (service.get("deploymentConfiguration") or {}).get("lifecycleHooks") or ()
    return {stage for hook in hooks if not hook.get("hookTargetArn") for stage in hook.get("lifecycleStages") or ()}


def releases_view(
    past: Sequence[PastRelease], proofs: Mapping[str, Answer], reports: Mapping[str, str], current: str
) -> list[dict[str, Any]]:
    """History, newest first. ``proofs`` and ``reports`` (addresses) by service deployment; ``current`` is the live task
    definition.
    """
    return [
        {
            "id": one.id,
            "version": one.version,
            "status": one.status,
            "strategy": one.strategy,
            "created_at": one.created_at,
            "finished_at": one.finished_at,
            "stage": one.lifecycle_stage,
            "cause": one.cause,
            "alarms": list(one.triggered_alarms),
            "is_proven": one.is_proven,
            "is_live": one.task_definition == current,
            "proof": proofs.get(one.arn),
            "report": reports.get(one.arn),
        }
        for one in past
    ]
