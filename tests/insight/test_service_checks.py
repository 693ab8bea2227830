"""What is found at a live service: each check against the answers of an account, changed in one place."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from ninelives.deploy.aws import Aws
from ninelives.deploy.reading import Definition, parse_service_file
from ninelives.insight.maintenance import Severity
from ninelives.insight.maintenance.service_checks import examine_file, examine_service

TEXT = """
service: cats
cluster: c
image: .
port: 4567
health: {path: /health, interval: 5s, grace_period: 60s}
drain: {deregistration_delay: 30s, stop_timeout: 30s}
deploy: {rollback: {alarms: [5xx]}}
environments: {staging: {region: eu-west-1}}
"""
NOON = datetime(2026, 11, 27, 12, tzinfo=UTC)
DIGEST = f"sha256:{'a' * 64}"


class Account:
    """Answers of a service that is just what its file says; tests change them."""

    def __init__(self) -> None:
        container = {"name": "cats", "image": "cats:1", "stopTimeout": 30}
        self.answers: dict[str, Any] = {
            "describe_services": {
                "services": [
                    {
                        "status": "ACTIVE",
                        "serviceName": "cats",
                        "taskDefinition": "cats:1",
                        "desiredCount": 2,
                        "healthCheckGracePeriodSeconds": 60,
                        "deploymentConfiguration": {"alarms": {"enable": True, "alarmNames": ["cats-5xx"]}},
                    }
                ]
            },
            "describe_task_definition": {
                "taskDefinition": {"cpu": "256", "memory": "512", "containerDefinitions": [container]},
                "tags": [{"key": "ninelives:digest", "value": DIGEST}],
            },
            "describe_target_groups": {
                "TargetGroups": [
                    {
                        "TargetGroupArn": "group",
                        "HealthCheckPath": "/health",
                        "HealthCheckIntervalSeconds": 5,
                        "HealthCheckTimeoutSeconds": 2,
                        "HealthyThresholdCount": 2,
                        "UnhealthyThresholdCount": 2,
                        "Matcher": {"HttpCode": "200"},
                    }
                ]
            },
            "describe_target_group_attributes": {
                "Attributes": [{"Key": "deregistration_delay.timeout_seconds", "Value": "30"}]
            },
            "describe_alarms": {"MetricAlarms": [{"AlarmName": "cats-5xx"}]},
            "list_tasks": {"taskArns": ["t"]},
            "describe_tasks": {"tasks": [{"taskArn": "t", "lastStatus": "RUNNING"}]},
            "describe_log_groups": {"logGroups": [{"logGroupName": "/ecs/cats", "retentionInDays": 30}]},
            "describe_clusters": {"clusters": [{"settings": [{"name": "containerInsights", "value": "enabled"}]}]},
            "describe_scalable_targets": {"ScalableTargets": []},
            "describe_image_scan_findings": {"imageScanFindings": {"findingSeverityCounts": {"LOW": 3}}},
        }

    def __getattr__(self, operation: str) -> Callable[..., Any]:
        def call(**_: Any) -> Any:
            answer = self.answers[operation]
            if isinstance(answer, Exception):
                raise answer
            return answer

        return call

    def aws(self) -> Aws:
        return Aws(lambda _: self, region="eu-west-1", is_local=False)


def definition(text: str = TEXT) -> Definition:
    return Definition(path=Path("ninelives.yml"), environment="staging", file=parse_service_file(text, "staging"))


def found(account: Account, text: str = TEXT) -> list[tuple[str, Severity, str]]:
    return [(one.check, one.severity, one.what) for one in examine_service(account.aws(), definition(text))]


def failing(code: str) -> ClientError:
    return ClientError({"Error": {"Code": code, "Message": "no"}}, "TheCall")


def test_a_service_that_is_as_its_file_says_is_left_in_peace() -> None:
    assert found(Account()) == []
    assert list(examine_file(definition())) == []


def changed(operation: str, *path: Any, to: Any) -> Callable[[Account], None]:
    """Changes one member of an answer."""

    def change(account: Account) -> None:
        place = account.answers[operation]
        for step in path[:-1]:
            place = place[step]
        place[path[-1]] = to

    return change


@pytest.mark.parametrize(
    ("change", "check", "severity", "told"),
    [
        (changed("describe_services", "services", 0, "desiredCount", to=5), "drift", "warning", "count 2 in the file, 5 live"),
        (
            changed("describe_services", "services", 0, "healthCheckGracePeriodSeconds", to=0),
            "drift",
            "warning",
            "health.grace_period 60 in the file, 0 live",
        ),
        (
            changed("describe_task_definition", "taskDefinition", "cpu", to="512"),
            "drift",
            "warning",
            "cpu 256 in the file, 512",
        ),
        (
            changed("describe_target_groups", "TargetGroups", 0, "HealthCheckPath", to="/"),
            "drift",
            "warning",
            "health.path /health in the file, / live",
        ),
        (changed("describe_target_group_attributes", "Attributes", to=[]), "drift", "warning", "30 in the file, 300 live"),
        (changed("describe_alarms", "MetricAlarms", to=[]), "alarms-missing", "error", "cats-5xx"),
        (changed("describe_log_groups", "logGroups", 0, "retentionInDays", to=None), "log-retention", "warning", "/ecs/cats"),
        (changed("describe_clusters", "clusters", 0, "settings", to=[]), "container-insights", "note", "cluster c"),
        (
            changed(
                "describe_image_scan_findings", "imageScanFindings", "findingSeverityCounts", to={"CRITICAL": 1, "HIGH": 2}
            ),
            "image-scan",
            "error",
            "1 CRITICAL, 2 HIGH",
        ),
        (
            changed("describe_image_scan_findings", "imageScanFindings", "findingSeverityCounts", to={"HIGH": 2}),
            "image-scan",
            "warning",
            "2 HIGH",
        ),
    ],
)
def test_each_difference_is_found(change: Callable[[Account], None], check: str, severity: str, told: str) -> None:
    account = Account()
    change(account)

    ((found_check, found_severity, what),) = found(account)

    assert (found_check, found_severity.value) == (check, severity)
    assert told in what


def test_tasks_that_failed_their_health_checks_are_told_with_the_time_that_they_had() -> None:
    account = Account()
    account.answers["describe_tasks"]["tasks"] = [
        {
            "taskArn": "t",
            "lastStatus": "STOPPED",
            "stoppedReason": "Task failed ELB health checks in (target-group group)",
            "startedAt": NOON,
            "stoppingAt": NOON + timedelta(seconds=75),
        }
    ]

    ((check, _, what),) = found(account)

    assert check == "health-checks-failed"
    assert "1m15s after its start; the grace period is 1m" in what


def test_what_may_not_be_read_is_a_note_and_the_rest_goes_on() -> None:
    account = Account()
    account.answers["describe_alarms"] = failing("AccessDeniedException")
    account.answers["describe_log_groups"]["logGroups"][0]["retentionInDays"] = None

    assert [(check, severity) for check, severity, _ in found(account)] == [
        ("not-looked-at", Severity.NOTE),
        ("log-retention", Severity.WARNING),
    ]


@pytest.mark.parametrize("code", ["UnknownOperationException", "ScanNotFoundException"])
def test_where_there_is_no_scan_nothing_is_said(code: str) -> None:
    account = Account()
    account.answers["describe_image_scan_findings"] = failing(code)

    assert found(account) == []


def test_another_failure_is_not_taken_for_silence() -> None:
    account = Account()
    account.answers["describe_alarms"] = failing("InternalFailure")

    with pytest.raises(ClientError, match="InternalFailure"):
        found(account)


def test_a_service_that_is_not_deployed_is_said_so() -> None:
    account = Account()
    account.answers["describe_services"] = {"services": []}

    assert [check for check, _, _ in found(account)] == ["not-deployed"]


@pytest.mark.parametrize(
    ("before", "after", "check"),
    [
        ("port: 4567\n", "port: 4567\ncount: 1\n", "single-task"),
        ("deregistration_delay: 30s", "deregistration_delay: 5s", "drain"),
        ("alarms: [5xx]", "circuit_breaker: false, alarms: [5xx]", "no-circuit-breaker"),
        ("{alarms: [5xx]}", "{circuit_breaker: true}", "no-alarms"),
    ],
)
def test_a_file_that_asks_for_a_risk_is_told(before: str, after: str, check: str) -> None:
    assert before in TEXT

    assert [one.check for one in examine_file(definition(TEXT.replace(before, after)))] == [check]


def test_a_count_that_something_scales_is_no_drift() -> None:
    """The next deploy leaves it as it is."""
    account = Account()
    changed("describe_services", "services", 0, "desiredCount", to=5)(account)
    changed("describe_scalable_targets", "ScalableTargets", to=[{"MinCapacity": 1, "MaxCapacity": 9}])(account)

    assert found(account) == []
