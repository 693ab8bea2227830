"""A CloudWatch dashboard made from the service file: what the service does, beside what it is held to. Pure but for its calls.

Source: "Dashboard body structure and syntax", CloudWatch API reference.
"""

import difflib
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ninelives.deploy.aws import Aws, error_code
from ninelives.deploy.deploy_part import OwnAlarm
from ninelives.deploy.scaling_part import ScalingMetric
from ninelives.deploy.service_file import ServiceFile
from ninelives.insight.panels import ECS, ELB, INSIGHTS, PERCENTILES
from ninelives.insight.series import Metric
from ninelives.insight.surroundings import DeploymentMark, Group, Surroundings

COLUMNS, HALF, HEIGHT = 24, 12, 6
ALARMS_MAX = 100
"""Of an alarm widget."""
MARKS_MAX = 20
MINUTE = 60
GOOD, WARN, BAD, CALM, OTHER = "#2ca02c", "#ff7f0e", "#d62728", "#1f77b4", "#9467bd"
VERDICT_COLOURS = {"SUCCESSFUL": GOOD, "IN_PROGRESS": CALM, "PENDING": CALM}
TASK_COUNTS = (
    ("DesiredTaskCount", "desired", CALM),
    ("RunningTaskCount", "running", GOOD),
    ("PendingTaskCount", "pending", WARN),
)
FAULTS = "/(?i)(error|exception|fatal|panic|traceback)/"
"""What a line holds that is worth reading first."""

Body = dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Subject:
    """What a dashboard is of: the file, what is there, and metrics of one's own."""

    file: ServiceFile
    around: Surroundings
    region: str
    custom: tuple[Metric, ...] = ()


def dashboard_body(subject: Subject) -> Body:
    """The body: a row of alarms, charts two abreast, the last errors."""
    widgets: list[Body] = []
    top = 0
    alarms = [one.arn for one in subject.around.alarms if one.arn is not None][:ALARMS_MAX]
    if alarms:
        height = 2 if len(alarms) <= 6 else 3  # noqa: PLR2004 (as many stand in a row)
        properties = {"title": f"Alarms of {subject.file.service}", "alarms": alarms}
        widgets.append({"type": "alarm", "x": 0, "y": 0, "width": COLUMNS, "height": height, "properties": properties})
        top = height
    for number, properties in enumerate(_charts(subject)):
        place = {"x": HALF * (number % 2), "y": top + HEIGHT * (number // 2), "width": HALF, "height": HEIGHT}
        widgets.append({"type": "metric", **place, "properties": properties})
    below = max(widget["y"] + widget["height"] for widget in widgets)
    widgets.append(_log(subject, below))
    return {"start": "-PT3H", "periodOverride": "inherit", "widgets": widgets}


def _charts(subject: Subject) -> Iterator[Body]:
    around = subject.around
    if around.load_balancer is not None:
        yield from _of_load_balancer(subject, around.load_balancer)
    yield from _of_tasks(subject)
    follows = subject.file.scaling.metrics if subject.file.scaling is not None else ()
    for one in follows:
        yield _followed(subject, one)
    for metric in subject.custom:
        yield _chart(subject, metric.written, [_line(metric.namespace, metric.name, metric.dimensions, stat=metric.statistic)])


# Charts of the load balancer.


def _of_load_balancer(subject: Subject, balancer: str) -> Iterator[Body]:
    around, whole = subject.around, (("LoadBalancer", balancer),)
    places = [(group, (("LoadBalancer", balancer), ("TargetGroup", group.dimension))) for group in around.groups]
    colours = (CALM, OTHER)
    requests: list[Any] = []
    for number, (group, place) in enumerate(places):
        requests.append(_line(ELB, "RequestCount", place, stat="Sum", id=f"r{number}", visible=False))
        label, colour = f"requests a second, {group.name}", colours[number % 2]
        requests.append([{"expression": f"r{number}/PERIOD(r{number})", "label": label, "color": colour, "id": f"s{number}"}])
    yield _chart(subject, "Requests", requests, marks=True)
    yield _errors(subject, places, whole)
    lines = [
        _line(ELB, "TargetResponseTime", whole, stat=percentile, label=percentile, color=colour)
        for percentile, colour in zip(PERCENTILES, (GOOD, WARN, BAD), strict=True)
    ]
    yield _chart(subject, "Time to answer, in seconds", lines, limits=_limits(subject.file, "latency"), marks=True)
    lines = []
    for group, place in places:
        lines.append(_line(ELB, "HealthyHostCount", place, stat="Minimum", label=f"healthy, {group.name}", color=GOOD))
        lines.append(_line(ELB, "UnHealthyHostCount", place, stat="Maximum", label=f"unhealthy, {group.name}", color=BAD))
    yield _chart(subject, "Healthy and unhealthy targets", lines)
    scaling = subject.file.scaling
    if scaling is not None and scaling.requests_per_task is not None:
        lines = [
            _line(ELB, "RequestCountPerTarget", place, stat="Sum", label=f"requests a task, {group.name}")
            for group, place in places
        ]
        target = _limit("scaling keeps it here", float(scaling.requests_per_task))
        yield _chart(subject, "Requests a task and minute", lines, limits=[target])


def _errors(subject: Subject, places: Sequence[tuple[Group, Any]], whole: Any) -> Body:
    """The share of 5xx, as the alarm reckons it, and the counts of what it is made of."""
    counts = [_line(ELB, "HTTPCode_ELB_5XX_Count", whole, stat="Sum", id="own", label="5xx of the load balancer", color=WARN)]
    counts[0][-1]["yAxis"] = "right"
    targets, requests = [], []
    for number, (group, place) in enumerate(places):
        failed = _line(
            ELB, "HTTPCode_Target_5XX_Count", place, stat="Sum", id=f"t{number}", label=f"5xx, {group.name}", color=BAD
        )
        failed[-1]["yAxis"] = "right"
        asked = _line(ELB, "RequestCount", place, stat="Sum", id=f"r{number}", visible=False)
        counts += [failed, asked]
        targets.append(f"FILL(t{number},0)")
        requests.append(f"FILL(r{number},0)")
    if places:
        share = f"100*({'+'.join(targets)}+FILL(own,0))/({'+'.join(requests)})"
        counts.insert(0, [{"expression": share, "label": "5xx, percent of requests", "id": "share", "color": OTHER}])
    return _chart(subject, "Errors", counts, limits=_limits(subject.file, "5xx"), marks=True)


def _limits(file: ServiceFile, kind: str) -> list[Body]:
    """Where the file's own alarm of a kind goes off."""
    for alarm in file.deploy.rollback.alarms:
        if not isinstance(alarm, OwnAlarm) or alarm.short_name != kind:
            continue
        if alarm.error_rate is not None:
            return [_limit("takes a release back", alarm.error_rate.above, BAD)]
        assert alarm.latency is not None
        [(statistic, limit)] = alarm.latency.limits.items()
        return [_limit(f"{statistic} takes a release back", limit.total_seconds(), BAD)]
    return []


# Charts of the tasks.


def _of_tasks(subject: Subject) -> Iterator[Body]:
    around, scaling = subject.around, subject.file.scaling
    place = (("ClusterName", around.cluster), ("ServiceName", around.service))
    for title, name, target in (
        ("CPU, percent of what is reserved", "CPUUtilization", scaling.cpu if scaling is not None else None),
        ("Memory, percent of what is reserved", "MemoryUtilization", scaling.memory if scaling is not None else None),
    ):
        lines = [
            _line(ECS, name, place, stat="Average", label="average", color=CALM),
            _line(ECS, name, place, stat="Maximum", label="busiest task", color=OTHER),
        ]
        limits = [_limit("scaling keeps it here", float(target))] if target is not None else []
        yield _chart(subject, title, lines, limits=limits)
    if around.has_insights:
        lines = [
            _line(INSIGHTS, name, place, stat="Average", label=label, color=colour) for name, label, colour in TASK_COUNTS
        ]
        yield _chart(subject, "Tasks", lines, limits=_bounds(subject.file), marks=True)


def _bounds(file: ServiceFile) -> list[Body]:
    if isinstance(file.count, int):
        return []
    return [_limit("fewest", float(file.count.min)), _limit("most", float(file.count.max))]


def _followed(subject: Subject, one: ScalingMetric) -> Body:
    line = _line(one.namespace, one.metric, tuple(one.dimensions.items()), stat=one.statistic, label=one.name)
    return _chart(subject, f"{one.name}: {one.metric}", [line], limits=[_limit("scaling keeps it here", one.target)])


# Pieces.


def _line(namespace: str, name: str, dimensions: Sequence[tuple[str, str]], **options: Any) -> list[Any]:
    place = [part for pair in dimensions for part in pair]
    return [namespace, name, *place, options]


def _chart(subject: Subject, title: str, lines: Sequence[Any], *, limits: Sequence[Body] = (), marks: bool = False) -> Body:
    annotations: Body = {}
    if limits:
        annotations["horizontal"] = list(limits)
    if marks and subject.around.deployments:
        annotations["vertical"] = [_mark(one) for one in subject.around.deployments[-MARKS_MAX:]]
    return {
        "title": title,
        "region": subject.region,
        "view": "timeSeries",
        "stacked": False,
        "period": MINUTE,
        "yAxis": {"left": {"min": 0}},
        "metrics": list(lines),
        **({"annotations": annotations} if annotations else {}),
    }


def _limit(label: str, value: float, colour: str = WARN) -> Body:
    return {"label": label, "value": value, "color": colour}


def _mark(one: DeploymentMark) -> Body:
    """A line where a deployment began."""
    label = f"{one.version} {one.status.lower().replace('_', ' ')}"
    return {"label": label, "value": f"{one.started_at:%Y-%m-%dT%H:%M:%SZ}", "color": VERDICT_COLOURS.get(one.status, BAD)}


def _log(subject: Subject, top: int) -> Body:
    query = (
        f"SOURCE '{subject.file.log_group}' | fields @timestamp, @logStream, @message"
        f" | filter @message like {FAULTS} | sort @timestamp desc | limit 50"
    )
    properties = {"title": "Last errors that the tasks wrote", "region": subject.region, "view": "table", "query": query}
    return {"type": "log", "x": 0, "y": top, "width": COLUMNS, "height": HEIGHT, "properties": properties}


# What CloudWatch has.


def written(body: Mapping[str, Any]) -> str:
    """A body as it is printed and compared."""
    return json.dumps(body, indent=2) + "\n"


def known_body(aws: Aws, name: str) -> str | None:
    """The dashboard that is there, written like ours; None where there is none."""
    try:
        text = str(aws.cloudwatch.get_dashboard(DashboardName=name)["DashboardBody"])
    except Exception as error:
        if error_code(error) in {"ResourceNotFound", "DashboardNotFoundError"}:
            return None
        raise
    try:
        return written(json.loads(text))
    except ValueError:
        return text


def put(aws: Aws, name: str, body: Mapping[str, Any]) -> list[str]:
    """Put it, whole; what CloudWatch remarks on."""
    answer = aws.cloudwatch.put_dashboard(DashboardName=name, DashboardBody=json.dumps(body))
    return [f"{one.get('DataPath', '')}: {one.get('Message', '')}" for one in answer.get("DashboardValidationMessages") or ()]


def changes(name: str, before: str | None, after: str) -> list[str]:
    """As a unified diff; nothing where both are the same."""
    if before is None:
        return [f"+++ {name} (new)", *(f"+{line}" for line in after.splitlines())]
    return list(
        difflib.unified_diff(before.splitlines(), after.splitlines(), f"{name} (CloudWatch)", f"{name} (file)", lineterm="")
    )


def owning_stack(aws: Aws, name: str) -> str | None:
    """The CloudFormation stack that has made the dashboard; None where none has, or where stacks may not be seen."""
    try:
        found = aws.cloudformation.describe_stack_resources(PhysicalResourceId=name)["StackResources"]
    except Exception as error:
        if error_code(error) in {"ValidationError", "AccessDenied", "AccessDeniedException"}:
            return None
        raise
    owner = next((one for one in found if one.get("ResourceType") == "AWS::CloudWatch::Dashboard"), None)
    return str(owner["StackName"]) if owner is not None else None
