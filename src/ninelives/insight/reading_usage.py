"""Reads what right-sizing wants to know: what CloudWatch measured, when tasks started, how they ended, what the image has.

Source: ECS developer guide, "Amazon ECS CloudWatch metrics" (the sample count of a minute is the number of tasks).
"""

import json
from bisect import bisect_right
from collections import deque
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Final

from ninelives.deploy.aws import Aws, error_code, pages
from ninelives.deploy.errors import DeployError
from ninelives.deploy.foundation import ecr_repository_name
from ninelives.deploy.history import task_definitions_of
from ninelives.deploy.observation import (
    ServiceDeploymentSeen,
    ServiceSeen,
    TaskSeen,
    see_service,
    see_service_deployments,
    see_tasks,
)
from ninelives.deploy.reading import Definition
from ninelives.deploy.service_call import describe_task_definition, require_service
from ninelives.deploy.service_file import CountRange, ServiceFile
from ninelives.insight.replay import Bounds
from ninelives.insight.rightsizing import Facts, Images, Standing, Traffic
from ninelives.insight.series import Metric, Series, Window, by_instant, read_series, total
from ninelives.insight.sizing import Assumptions, Evidence
from ninelives.insight.surroundings import dimension_of
from ninelives.insight.usage import Minute, Usage, percentile, spread
from ninelives.model.fargate import TaskSize
from ninelives.model.images import read_reference

DEPLOYMENTS_SEEN: Final = 100
PERIODS: Final = (1, 5, 10, 20, 30, 60)
COARSE: Final = 300
FINE_KEPT: Final = timedelta(days=15)
"""How long CloudWatch keeps data points of a minute; those of five minutes it keeps for 63 days."""
STEADY_PERIODS: Final = 3
"""Periods in which there must have been fewer tasks, for a rise to be a start: now and then a sample comes late."""
INDEXES: Final = ("application/vnd.oci.image.index.v1+json", "application/vnd.docker.distribution.manifest.list.v2+json")
MANIFESTS: Final = ("application/vnd.oci.image.manifest.v1+json", "application/vnd.docker.distribution.manifest.v2+json")
ARCHITECTURES: Final[Mapping[str, str]] = {"X86_64": "amd64", "ARM64": "arm64"}
CPU_TRACKING: Final = "ECSServiceAverageCPUUtilization"
HOUR: Final = 3600


@dataclass(slots=True)
class _Notes:
    """What may not be read is told, not the end of it."""

    told: list[str] = field(default_factory=list)

    def tried(self, read: Any, otherwise: Any, consequence: str) -> Any:
        try:
            return read()
        except Exception as error:
            if not (code := error_code(error)):
                raise
            self.told.append(f"{code}: {consequence}")
            return otherwise


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """From when on tasks of a size were started, and until when old and new ones ran beside each other."""

    at: datetime
    until: datetime
    size: TaskSize


@dataclass(frozen=True, slots=True, kw_only=True)
class Rhythm:
    """How often CloudWatch has a data point, in seconds of a clock: by which period it is asked, and the region's minute."""

    period: int
    minute: float

    @property
    def points(self) -> float:
        """Of a task in a period."""
        return self.period / self.minute


def read_facts(aws: Aws, definition: Definition, assumptions: Assumptions, now: datetime) -> Facts:
    """What there is to know of the service. Raises ``NotFound`` when it was never deployed."""
    file, notes = definition.file, _Notes()
    raw = require_service(aws, definition)
    service = see_service(aws, file.cluster_name, file.service)
    assert service is not None
    tasks = see_tasks(aws, file.cluster_name, file.service)
    deployments = see_service_deployments(aws, file.cluster_name, file.service, at_most=DEPLOYMENTS_SEEN)
    current = _current(aws, service)
    rhythm = rhythm_of(service.time_scale, assumptions.window)
    span = _window(now, assumptions.window / service.time_scale, rhythm.period)
    changes = _changes(aws, deployments, assumptions.warm_up, now)
    measured = _read_measured(aws, file.cluster_name, file.service, span)
    known = changes or [Change(at=now, until=now, size=_size_of(current))]
    usage = usage_of(measured, known, _starts(tasks, changes, assumptions.warm_up), assumptions.warm_up, rhythm)
    zones = notes.tried(lambda: _zones(aws, raw), 1, "the subnets' zones are unknown; one lost task is reckoned with")
    is_arm = current.get("runtimePlatform", {}).get("cpuArchitecture") == "ARM64"
    return Facts(
        usage=usage,
        standing=Standing(
            size=TaskSize(cpu=file.cpu, memory=file.memory),
            count=_count(aws, definition, notes),
            zones=zones,
            grace=file.health.grace_period,
            leave=file.drain.deregistration_delay + file.drain.stop_timeout,
            is_arm=is_arm if file.image.platform is None else file.image.platform == "linux/arm64",
            images=_images(aws, definition, current, notes),
        ),
        evidence=_evidence(aws, tasks),
        traffic=_traffic(aws, service, usage, span, service.time_scale, notes),
        notes=(*notes.told, *_differences(file, service, _size_of(current))),
    )


def rhythm_of(time_scale: float, window: timedelta) -> Rhythm:
    """The shortest period that holds whole minutes of the region.

    >>> rhythm_of(1, timedelta(days=14)).period, rhythm_of(1, timedelta(days=30)).period
    (60, 300)
    >>> [rhythm_of(scale, timedelta(days=14)).period for scale in (60, 12, 5)]
    [1, 5, 60]
    """
    minute = 60 / time_scale
    if window / time_scale > FINE_KEPT:
        return Rhythm(period=COARSE, minute=minute)
    whole = (one for one in PERIODS if one >= minute and (one / minute).is_integer())
    return Rhythm(period=next(whole, PERIODS[-1]), minute=minute)


def _window(now: datetime, window: timedelta, period: int) -> Window:
    end = datetime.fromtimestamp(now.timestamp() // period * period, tz=now.tzinfo)
    begin = end - timedelta(seconds=max(1, window.total_seconds() // period) * period)
    return Window(start=begin, end=end, period=period)


# What was measured.


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """CloudWatch's series of a service: percentages of what each task has, and how many samples."""

    mean: Series
    busiest: Series
    samples: Series
    memory: Series


def _read_measured(aws: Aws, cluster: str, service: str, span: Window) -> Measured:
    place = (("ClusterName", cluster), ("ServiceName", service))

    def metric(name: str, statistic: str) -> Metric:
        return Metric(namespace="AWS/ECS", name=name, dimensions=place, statistic=statistic)

    wanted = {
        "mean": metric("CPUUtilization", "Average"),
        "busiest": metric("CPUUtilization", "Maximum"),
        "samples": metric("CPUUtilization", "SampleCount"),
        "memory": metric("MemoryUtilization", "Maximum"),
    }
    found = read_series(aws, wanted.values(), span)
    return Measured(**{name: found[one] for name, one in wanted.items()})


def usage_of(
    measured: Measured,
    changes: Sequence[Change],
    starts: Sequence[tuple[datetime, datetime]],
    warm_up: timedelta,
    rhythm: Rhythm,
) -> Usage:
    """Units and MiB from percentages; a period of several minutes counts as often. Minutes that lack a figure are left out.

    While tasks of two sizes run beside each other, nobody knows what a percentage is of: such minutes are left out too.
    """
    busiest, samples, memory = by_instant(measured.busiest), by_instant(measured.samples), by_instant(measured.memory)
    periods = _joined(starts)
    minutes: list[Minute] = []
    lately: deque[int] = deque(maxlen=STEADY_PERIODS)
    until: datetime | None = None
    for at, mean in measured.mean.points:
        if at not in busiest or at not in samples or at not in memory:
            continue
        count = max(1, round(samples[at] / rhythm.points))
        if lately and count > max(lately):
            until = at + warm_up
        lately.append(count)
        size = size_at(changes, at)
        if size is None:
            continue
        is_start = _is_within(periods, at, at + timedelta(seconds=rhythm.period)) or (until is not None and at < until)
        one = Minute(
            at=at,
            tasks=count,
            cpu=mean / 100 * size.cpu * count,
            busiest=busiest[at] / 100 * size.cpu,
            memory=memory[at] / 100 * size.memory,
            size=size,
            is_start=is_start,
        )
        minutes += [one] * (COARSE // 60 if rhythm.period == COARSE else 1)
    is_coarse = rhythm.period == COARSE
    span = timedelta(minutes=1 if is_coarse else rhythm.points)
    return Usage(minutes=tuple(minutes), span=span, clock=timedelta(seconds=60 if is_coarse else rhythm.period))


def size_at(changes: Sequence[Change], at: datetime) -> TaskSize | None:
    """The size of tasks at ``at``; None while two sizes run. Before the first change it is the first one's."""
    last = bisect_right(changes, at, key=lambda one: one.at) - 1
    if last < 1:
        return changes[0].size
    is_mixed = at < changes[last].until and changes[last - 1].size != changes[last].size
    return None if is_mixed else changes[last].size


def _joined(periods: Iterable[tuple[datetime, datetime]]) -> list[tuple[datetime, datetime]]:
    """Periods that overlap, as one; in order."""
    joined: list[tuple[datetime, datetime]] = []
    for begin, end in sorted(periods):
        if joined and begin <= joined[-1][1]:
            joined[-1] = (joined[-1][0], max(end, joined[-1][1]))
        else:
            joined.append((begin, end))
    return joined


def _is_within(periods: Sequence[tuple[datetime, datetime]], begin: datetime, end: datetime) -> bool:
    """Whether any of the joined periods has a part of ``[begin, end)``."""
    before = bisect_right(periods, end, key=lambda one: one[0]) - 1
    return before >= 0 and periods[before][1] > begin


def _changes(aws: Aws, deployments: Sequence[ServiceDeploymentSeen], warm_up: timedelta, now: datetime) -> list[Change]:
    """The deployments that stayed, oldest first; those whose task definition is gone are left out."""
    stayed = [one for one in reversed(deployments) if one.status in {"SUCCESSFUL", "IN_PROGRESS"}]
    definitions = task_definitions_of(aws, [one.target_revision for one in stayed])
    sizes = _sizes(aws, definitions.values())
    return [
        Change(at=one.created_at, until=(one.finished_at or now) + warm_up, size=size)
        for one in stayed
        if one.created_at is not None and (size := sizes.get(definitions.get(one.target_revision, ""))) is not None
    ]


def _starts(tasks: Sequence[TaskSeen], changes: Sequence[Change], warm_up: timedelta) -> list[tuple[datetime, datetime]]:
    """When tasks were starting: in deployments, and those that still run."""
    of_tasks = [(one.created_at, (one.started_at or one.created_at) + warm_up) for one in tasks if one.created_at is not None]
    return sorted([*((one.at, one.until) for one in changes), *of_tasks])


def _current(aws: Aws, service: ServiceSeen) -> Mapping[str, Any]:
    found = describe_task_definition(aws, service.task_definition)
    if found is None:
        raise DeployError(f"The task definition {service.task_definition} is gone.", hint="Deploy once more, then ask again.")
    return found[0]


def _sizes(aws: Aws, arns: Iterable[str]) -> dict[str, TaskSize]:
    """Of the task definitions that are still there."""
    found = {arn: describe_task_definition(aws, arn) for arn in sorted(set(arns))}
    return {arn: _size_of(one[0]) for arn, one in found.items() if one is not None}


def _size_of(definition: Mapping[str, Any]) -> TaskSize:
    return TaskSize(cpu=int(definition["cpu"]), memory=int(definition["memory"]))


# What surrounds it.


def _differences(file: ServiceFile, service: ServiceSeen, running: TaskSize) -> Iterator[str]:
    """Where the file is not what runs: what is said of now is said of the file."""
    if running != TaskSize(cpu=file.cpu, memory=file.memory):
        yield (
            f"the file says {file.cpu} CPU units and {file.memory} MiB, and what runs has {running.cpu} and {running.memory}: "
            "it was not deployed since"
        )
    if isinstance(file.count, int) and service.desired_count != file.count:
        yield f"the file says {file.count} tasks, and the service has {service.desired_count}"


def _count(aws: Aws, definition: Definition, notes: _Notes) -> int | Bounds:
    """The file's count; where it is a range, with the CPU target that scaling has, by the file or on AWS."""
    file = definition.file
    if not isinstance(file.count, CountRange):
        return file.count
    if file.scaling is not None and file.scaling.cpu is not None:
        return Bounds(least=file.count.min, most=file.count.max, target=file.scaling.cpu)
    policies = notes.tried(
        lambda: list(
            pages(
                aws.scaling.describe_scaling_policies, "ScalingPolicies", continuation="NextToken", ServiceNamespace="ecs",
                ResourceId=f"service/{file.cluster_name}/{file.service}",
            )
        ),
        [], "the policies of auto scaling are unknown",
    )  # fmt: skip
    tracked = (one.get("TargetTrackingScalingPolicyConfiguration", {}) for one in policies)
    targets = [
        one["TargetValue"]
        for one in tracked
        if one.get("PredefinedMetricSpecification", {}).get("PredefinedMetricType") == CPU_TRACKING
    ]
    return Bounds(least=file.count.min, most=file.count.max, target=round(targets[0]) if targets else 0)


def _zones(aws: Aws, service: Mapping[str, Any]) -> int:
    network = (service.get("networkConfiguration") or {}).get("awsvpcConfiguration") or {}
    subnets = network.get("subnets") or []
    if not subnets:
        return 1
    return len({one["AvailabilityZone"] for one in aws.ec2.describe_subnets(SubnetIds=subnets)["Subnets"]})


def _evidence(aws: Aws, tasks: Sequence[TaskSeen]) -> Evidence:
    """Kills for want of memory. ECS shows stopped tasks for about an hour; what came before is gone."""
    killed = [
        one
        for one in tasks
        if "OutOfMemory" in one.stopped_reason or any("OutOfMemory" in each.reason for each in one.containers)
    ]
    sizes = _sizes(aws, (one.task_definition for one in killed))
    return Evidence(kills=len(killed), killed_at=max((one.memory for one in sizes.values()), default=0))


def _images(aws: Aws, definition: Definition, current: Mapping[str, Any], notes: _Notes) -> Images:
    """Which architectures the image that runs is there for."""
    image = str(current["containerDefinitions"][0]["image"])
    name = ecr_repository_name(definition.file)
    repository, reference = _parted(image)
    if not repository.endswith(f"/{name}"):
        return Images(problem=f"the image {image} is not in the service's repository: nobody can tell what it has")
    answer = notes.tried(
        lambda: aws.ecr.batch_get_image(
            repositoryName=name, imageIds=[reference], acceptedMediaTypes=[*INDEXES, *MANIFESTS]
        ),
        {}, "the architectures of the image are unknown",
    )  # fmt: skip
    found = answer.get("images", [])
    if not found:
        return Images(problem="the image is not to be read in the repository")
    manifest = json.loads(found[0]["imageManifest"])
    listed = {
        str(one.get("platform", {}).get("architecture", "unknown"))
        for one in manifest.get("manifests", ())
        if one.get("platform", {}).get("os", "linux") == "linux"
    }
    own = ARCHITECTURES.get((current.get("runtimePlatform") or {}).get("cpuArchitecture", "X86_64"), "amd64")
    return Images(architectures=frozenset(listed - {"unknown"}) or frozenset({own}))


def _parted(image: str) -> tuple[str, dict[str, str]]:
    """Repository, and how ECR names one of its images.

    >>> _parted("1.dkr.ecr.eu-west-1.amazonaws.com/cats:2.0.1")
    ('1.dkr.ecr.eu-west-1.amazonaws.com/cats', {'imageTag': '2.0.1'})
    >>> _parted("localhost:5000/cats:2.0.1@sha256:aa")
    ('localhost:5000/cats', {'imageDigest': 'sha256:aa'})
    """
    read = read_reference(image)
    return read.name, {"imageDigest": read.digest} if read.digest else {"imageTag": read.version}


def _traffic(aws: Aws, service: ServiceSeen, usage: Usage, span: Window, time_scale: float, notes: _Notes) -> Traffic:
    """What the load balancer counted for the service's target groups."""
    places = notes.tried(lambda: list(_places(aws, service)), [], "the load balancer's figures are unknown")
    if not places:
        return Traffic()
    counts = [_balancer_metric("RequestCount", place, "Sum") for place in places]
    requests = total(list(read_series(aws, counts, span).values()))
    hour = max(60, round(HOUR / time_scale / 60) * 60)
    hourly = Window(start=span.start, end=span.end, period=hour)
    middle = [_balancer_metric("TargetResponseTime", place, "p50") for place in places]
    slow = [_balancer_metric("TargetResponseTime", place, "p99") for place in places]
    times = read_series(aws, [*middle, *slow], hourly)
    p50s = [value for one in middle for value in times[one].values]
    p99s = [value for one in slow for value in times[one].values]
    a_minute = {at: value / (usage.span / timedelta(minutes=1)) for at, value in requests.points}
    return Traffic(
        requests=spread(a_minute.values()) if a_minute else None,
        response_p50=percentile(p50s, 50) if p50s else None,
        response_p99=max(p99s) if p99s else None,
        cpu_a_request=_cpu_a_request(usage, a_minute),
    )


def _places(aws: Aws, service: ServiceSeen) -> Iterator[tuple[tuple[str, str], ...]]:
    """The dimensions of each target group and its load balancer."""
    if not service.target_groups:
        return
    for group in aws.elbv2.describe_target_groups(TargetGroupArns=list(service.target_groups))["TargetGroups"]:
        for balancer in group.get("LoadBalancerArns", ()):
            yield ("LoadBalancer", dimension_of(balancer)), ("TargetGroup", dimension_of(group["TargetGroupArn"]))


def _balancer_metric(name: str, place: tuple[tuple[str, str], ...], statistic: str) -> Metric:
    return Metric(namespace="AWS/ApplicationELB", name=name, dimensions=place, statistic=statistic)


def _cpu_a_request(usage: Usage, requests: Mapping[datetime, float]) -> float | None:
    """CPU unit-minutes that a request takes, in the middle of the busier half of the minutes; None without requests."""
    pairs = [(requests[one.at], one.cpu) for one in usage.steady if requests.get(one.at)]
    if not pairs:
        return None
    busy = percentile((count for count, _ in pairs), 50)
    return percentile((cpu / count for count, cpu in pairs if count >= busy), 50)
