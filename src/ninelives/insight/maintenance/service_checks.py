"""Examines a service against its file: what drifted, what guards it, and what its running image is known to suffer from.

Read through the AWS API. What may not be read, or what an embedded region has not, is a note, and the other checks go on.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Final

from ninelives.deploy.alarms import alarm_names
from ninelives.deploy.aws import Aws, error_code
from ninelives.deploy.foundation import ecr_repository_name
from ninelives.deploy.front_door import find_target_group
from ninelives.deploy.observation import see_tasks
from ninelives.deploy.quantities import write_duration
from ninelives.deploy.reading import Definition
from ninelives.deploy.scaling import find_target
from ninelives.deploy.service_call import describe_task_definition, live_service
from ninelives.deploy.service_file import ServiceFile
from ninelives.deploy.task_definition import DIGEST_TAG
from ninelives.insight.maintenance.findings import Finding, Severity

DENIED: Final = frozenset({"AccessDenied", "AccessDeniedException", "UnauthorizedOperation"})
NOT_THERE: Final = frozenset(
    {"ScanNotFoundException", "ImageNotFoundException", "RepositoryNotFoundException", "ValidationException"}
)
NOT_SERVED: Final = frozenset({"NotImplemented", "NotImplementedException", "UnknownOperationException", "InvalidAction"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Service:
    """A service file, and the service that is live, where there is one."""

    aws: Aws
    definition: Definition
    live: Mapping[str, Any] | None

    @property
    def file(self) -> ServiceFile:
        return self.definition.file

    def at(self, *key: str) -> str:
        """Where the service file says something."""
        return self.definition.where(*key)


Check = Callable[[Service], Iterator[Finding]]


def examine_file(definition: Definition) -> Iterator[Finding]:
    """What a service file asks for that is a risk, whatever is live. Nothing is read."""
    file = definition.file
    if file.first_count == 1:
        yield Finding(
            check="single-task",
            severity=Severity.WARNING,
            what="one task: where it or its zone fails, nobody answers until ECS has started another",
            where=definition.where("count"),
            next="`count: 2` puts them into two zones.",
        )
    delay, stop = file.drain.deregistration_delay, file.drain.stop_timeout
    if delay < stop:
        yield Finding(
            check="drain",
            severity=Severity.NOTE,
            what=f"requests have {write_duration(delay)} to end before SIGTERM, and {write_duration(stop)} after it",
            where=definition.where("drain"),
            next="Let deregistration_delay be at least stop_timeout: the load balancer closes what is open when it is over.",
        )
    if not file.deploy.rollback.circuit_breaker:
        yield Finding(
            check="no-circuit-breaker",
            severity=Severity.WARNING,
            what="a release that never becomes healthy is not taken back by itself",
            where=definition.where("deploy"),
            next="`deploy: {rollback: {circuit_breaker: true}}`.",
        )
    if not alarm_names(file):
        yield Finding(
            check="no-alarms",
            severity=Severity.NOTE,
            what="no alarm guards a release: one that is healthy and answers 5xx stays",
            where=definition.where("deploy"),
            next="`deploy: {rollback: {alarms: [5xx, latency]}}`.",
        )


def examine_service(aws: Aws, definition: Definition) -> Iterator[Finding]:
    """All findings about a service and what stands around it; of what an embedded region does not serve, none."""
    service = Service(aws=aws, definition=definition, live=live_service(aws, definition.file))
    if service.live is None:
        yield Finding(
            check="not-deployed",
            severity=Severity.NOTE,
            what=f"{service.file.service} is not deployed in {service.file.cluster_name}",
            where=f"environment {definition.environment}",
            next="`ninelives deploy VERSION`; then there is more to examine.",
        )
        return
    for check in CHECKS:
        try:
            yield from check(service)
        except Exception as error:
            if error_code(error) in NOT_SERVED:
                continue
            if error_code(error) not in DENIED:
                raise
            yield Finding(
                check="not-looked-at",
                severity=Severity.NOTE,
                what=f"{getattr(error, 'operation_name', 'a call')} is not answered: {error_code(error)}",
                where=f"environment {definition.environment}",
                next="Allow the call, if this is to be examined.",
            )


def _target_group(service: Service) -> Iterator[Finding]:
    """Attributes and health check of the target group that differ from the file."""
    elbv2, file = service.aws.elbv2, service.file
    group = find_target_group(service.aws, file.target_group_name)
    if group is None:
        return
    given = elbv2.describe_target_group_attributes(TargetGroupArn=group["TargetGroupArn"])["Attributes"]
    attributes = {one["Key"]: one["Value"] for one in given}
    pairs = [
        (
            "drain.deregistration_delay",
            int(file.drain.deregistration_delay.total_seconds()),
            int(attributes.get("deregistration_delay.timeout_seconds", 300)),
        ),
        ("health.path", file.health.path, group.get("HealthCheckPath", file.health.path)),
        ("health.interval", int(file.health.interval.total_seconds()), group.get("HealthCheckIntervalSeconds")),
        ("health.timeout", int(file.health.timeout.total_seconds()), group.get("HealthCheckTimeoutSeconds")),
        ("health.healthy_threshold", file.health.healthy_threshold, group.get("HealthyThresholdCount")),
        ("health.unhealthy_threshold", file.health.unhealthy_threshold, group.get("UnhealthyThresholdCount")),
        ("health.matcher", file.health.matcher, (group.get("Matcher") or {}).get("HttpCode")),
    ]
    yield from _drift(service, f"target group {file.target_group_name}", pairs)


def _service_settings(service: Service) -> Iterator[Finding]:
    """The service and its task definition, where they differ from the file."""
    assert service.live is not None
    file = service.file
    found = describe_task_definition(service.aws, str(service.live["taskDefinition"]))
    definition = found[0] if found is not None else {}
    container: Mapping[str, Any] = next(iter(definition.get("containerDefinitions") or ()), {})
    pairs = [
        ("cpu", str(file.cpu), definition.get("cpu")),
        ("memory", str(file.memory), definition.get("memory")),
        ("drain.stop_timeout", int(file.drain.stop_timeout.total_seconds()), container.get("stopTimeout")),
        (
            "health.grace_period",
            int(file.health.grace_period.total_seconds()),
            service.live.get("healthCheckGracePeriodSeconds"),
        ),
    ]
    live_count = service.live.get("desiredCount")
    if file.plain_count not in {None, live_count} and find_target(service.aws, file) is None:  # what scales minds its count
        pairs.append(("count", file.plain_count, live_count))
    yield from _drift(service, f"service {file.service}", pairs)


def _drift(service: Service, what: str, pairs: list[tuple[str, Any, Any]]) -> Iterator[Finding]:
    different = [(key, asked, live) for key, asked, live in pairs if live is not None and asked != live]
    if different:
        told = ", ".join(f"{key} {asked} in the file, {live} live" for key, asked, live in different)
        yield Finding(
            check="drift",
            severity=Severity.WARNING,
            what=f"{what} is not what the file says: {told}",
            where=service.at(different[0][0].partition(".")[0]),
            next="The next `ninelives deploy` brings it to what the file says; or change the file.",
        )


def _health_checks_that_failed(service: Service) -> Iterator[Finding]:
    """Tasks of the last hour (ECS keeps them so long) that were stopped because their health checks failed."""
    file = service.file
    tasks = see_tasks(service.aws, file.cluster_name, file.service)
    failed = [one for one in tasks if "health checks" in one.stopped_reason]
    lived = [one.stopping_at - one.started_at for one in failed if one.stopping_at is not None and one.started_at is not None]
    if failed:
        after = f", the first {write_duration(_seconds(min(lived)))} after its start" if lived else ""
        yield Finding(
            check="health-checks-failed",
            severity=Severity.WARNING,
            what=f"{len(failed)} tasks of the last hour were stopped because their health checks failed{after}; "
            f"the grace period is {write_duration(file.health.grace_period)}",
            where=service.at("health"),
            next="If it starts slower than that, lengthen `health: {grace_period: …}`; if not, `ninelives logs` tells why.",
        )


def _seconds(duration: timedelta) -> timedelta:
    return timedelta(seconds=round(duration.total_seconds()))


def _log_retention(service: Service) -> Iterator[Finding]:
    name = service.file.log_group
    groups = service.aws.logs.describe_log_groups(logGroupNamePrefix=name)["logGroups"]
    group = next((one for one in groups if one["logGroupName"] == name), None)
    if group is not None and not group.get("retentionInDays"):
        yield Finding(
            check="log-retention",
            severity=Severity.WARNING,
            what=f"log group {name} keeps everything for ever",
            where=f"log group {name}",
            next=f"aws logs put-retention-policy --log-group-name {name} --retention-in-days 30",
        )


def _container_insights(service: Service) -> Iterator[Finding]:
    name = service.file.cluster_name
    clusters = service.aws.ecs.describe_clusters(clusters=[name], include=["SETTINGS"])["clusters"]
    settings = {one["name"]: one["value"] for cluster in clusters for one in cluster.get("settings") or ()}
    if settings.get("containerInsights", "disabled") == "disabled":
        yield Finding(
            check="container-insights",
            severity=Severity.NOTE,
            what=f"Container Insights is off in cluster {name}: no figures of single tasks, none of how many there were",
            where=f"cluster {name}",
            next=f"aws ecs update-cluster-settings --cluster {name} --settings name=containerInsights,value=enabled",
        )


def _alarms_that_are_there(service: Service) -> Iterator[Finding]:
    """ECS asks for the alarms that a deployment names; one that is missing fails the next release."""
    assert service.live is not None
    watched = (service.live.get("deploymentConfiguration") or {}).get("alarms") or {}
    names = sorted({*(watched.get("alarmNames") or ())} if watched.get("enable") else set())
    if not names:
        return
    answer = service.aws.cloudwatch.describe_alarms(AlarmNames=names, AlarmTypes=["MetricAlarm", "CompositeAlarm"])
    known = {one["AlarmName"] for kind in ("MetricAlarms", "CompositeAlarms") for one in answer.get(kind) or ()}
    missing = sorted(set(names) - known)
    if missing:
        yield Finding(
            check="alarms-missing",
            severity=Severity.ERROR,
            what=f"the deployment watches alarms that are not there: {', '.join(missing)}",
            where=f"service {service.file.service}",
            next="`ninelives deploy` makes those of the service file; make the others, or take their names away.",
        )


def _scan_findings(service: Service) -> Iterator[Finding]:
    """What a scan of ECR's has found in the image that runs."""
    assert service.live is not None
    found = describe_task_definition(service.aws, str(service.live["taskDefinition"]))
    digest = found[1].get(DIGEST_TAG) if found is not None else None
    if digest is None:
        return
    try:
        answer = service.aws.ecr.describe_image_scan_findings(
            repositoryName=ecr_repository_name(service.file), imageId={"imageDigest": digest}
        )
    except Exception as error:
        if error_code(error) not in NOT_THERE:
            raise
        return
    counts = (answer.get("imageScanFindings") or {}).get("findingSeverityCounts") or {}
    grave = {name: counts[name] for name in ("CRITICAL", "HIGH") if counts.get(name)}
    if grave:
        yield Finding(
            check="image-scan",
            severity=Severity.ERROR if "CRITICAL" in grave else Severity.WARNING,
            what=f"ECR's scan of the image that runs found {', '.join(f'{n} {name}' for name, n in grave.items())}",
            where=f"{ecr_repository_name(service.file)}@{digest[:19]}",
            next="Build on a newer base image, and release.",
        )


CHECKS: Final[tuple[Check, ...]] = (
    _target_group,
    _service_settings,
    _alarms_that_are_there,
    _health_checks_that_failed,
    _log_retention,
    _container_insights,
    _scan_findings,
)
