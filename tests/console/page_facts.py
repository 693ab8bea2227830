"""Answers of the API about one service, as the console reads them, with what a test varies."""

from datetime import UTC, datetime, timedelta
from typing import Any

from ninelives.console.facts import ServiceFacts

NOW = datetime(2026, 11, 27, 12, 0, tzinfo=UTC)
HEAD = "arn:aws:ecs:eu-west-1:123456789012:"
GROUPS = {
    "1": "arn:aws:elasticloadbalancing:eu-west-1:123456789012:targetgroup/cats/aa",
    "2": "arn:aws:elasticloadbalancing:eu-west-1:123456789012:targetgroup/cats-alternate/bb",
}
RULE = "arn:aws:elasticloadbalancing:eu-west-1:123456789012:listener-rule/app/cats/cc/dd/ee"


def revision(number: str) -> str:
    return f"{HEAD}service-revision/shop/cats/{number}"


def task_definition(number: str) -> str:
    return f"{HEAD}task-definition/cats:{number}"


def service(**members: Any) -> dict[str, Any]:
    """Steady, with two tasks of revision 1, in two target groups."""
    return {
        "serviceArn": f"{HEAD}service/shop/cats",
        "serviceName": "cats",
        "clusterArn": f"{HEAD}cluster/shop",
        "status": "ACTIVE",
        "desiredCount": 2,
        "runningCount": 2,
        "pendingCount": 0,
        "launchType": "FARGATE",
        "taskDefinition": task_definition("1"),
        "deployments": [
            {
                "id": "ecs-svc/1",
                "status": "PRIMARY",
                "rolloutState": "COMPLETED",
                "taskDefinition": task_definition("1"),
                "createdAt": NOW,
            }
        ],
        "loadBalancers": [
            {
                "targetGroupArn": GROUPS["1"],
                "advancedConfiguration": {"alternateTargetGroupArn": GROUPS["2"], "productionListenerRule": RULE},
            }
        ],
        "events": [{"id": "e", "createdAt": NOW, "message": "(service cats) has reached a steady state."}],
    } | members


def deployment(**members: Any) -> dict[str, Any]:
    """2.0.1 over 1.0.0, by canary, in the middle of its first step."""
    return {
        "serviceDeploymentArn": f"{HEAD}service-deployment/shop/cats/sd2",
        "status": "IN_PROGRESS",
        "lifecycleStage": "PRODUCTION_TRAFFIC_SHIFT",
        "createdAt": NOW - timedelta(minutes=2),
        "startedAt": NOW - timedelta(minutes=2),
        "updatedAt": NOW - timedelta(minutes=1),
        "sourceServiceRevisions": [{"arn": revision("1")}],
        "targetServiceRevision": {"arn": revision("2"), "requestedProductionTrafficWeight": 20.0},
        "deploymentConfiguration": {
            "strategy": "CANARY",
            "bakeTimeInMinutes": 5,
            "canaryConfiguration": {"canaryPercent": 20.0, "canaryBakeTimeInMinutes": 10},
        },
        "deploymentCircuitBreaker": {"status": "MONITORING", "failureCount": 0, "threshold": 3},
    } | members


def task(name: str, number: str, port: int, **members: Any) -> dict[str, Any]:
    """A task of a revision that runs, on a port of this machine."""
    return {
        "taskArn": f"{HEAD}task/shop/{name}",
        "startedBy": f"ecs-svc/{number}",
        "lastStatus": "RUNNING",
        "desiredStatus": "RUNNING",
        "createdAt": NOW - timedelta(minutes=1),
        "startedAt": NOW,
        "availabilityZone": "eu-west-1a",
        "attachments": [{"details": [{"name": "privateIPv4Address", "value": "127.0.0.1"}]}],
        "containers": [{"name": "cats", "networkBindings": [{"hostPort": port}]}],
    } | members


def target(port: int, state: str) -> dict[str, Any]:
    return {"Target": {"Id": "127.0.0.1", "Port": port}, "TargetHealth": {"State": state}}


def facts(**members: Any) -> ServiceFacts:
    """In the middle of a release: a healthy task of the old version, one of the new that is not checked yet."""
    known: dict[str, Any] = {
        "at": NOW,
        "service": service(taskDefinition=task_definition("2")),
        "deployment": deployment(),
        "tasks": [task("old", "1", 1001), task("new", "2", 1002)],
        "targets": {GROUPS["1"]: [target(1001, "healthy")], GROUPS["2"]: [target(1002, "initial")]},
        "rules": {RULE: rule(80, 20)},
        "revisions": {revision(number): a_revision(number) for number in ("1", "2")},
        "versions": {task_definition("1"): "1.0.0", task_definition("2"): "2.0.1"},
        "url": "http://127.0.0.2:8080",
    }
    return ServiceFacts(**(known | members))


def rule(old: int, new: int) -> dict[str, Any]:
    weights = zip(GROUPS.values(), (old, new), strict=True)
    forward = {"TargetGroups": [{"TargetGroupArn": group, "Weight": weight} for group, weight in weights]}
    return {"RuleArn": RULE, "Actions": [{"Type": "forward", "ForwardConfig": forward}]}


def a_revision(number: str) -> dict[str, Any]:
    return {
        "serviceRevisionArn": revision(number),
        "taskDefinition": task_definition(number),
        "resolvedConfiguration": {"loadBalancers": [{"targetGroupArn": GROUPS[number]}]},
    }
