"""What is shown of a service: panels of series, each with its unit, or the reason why it has none."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from ninelives.deploy.aws import Aws
from ninelives.deploy.service_file import ServiceFile
from ninelives.insight.series import (
    Metric,
    Series,
    Window,
    by_instant,
    read_series,
    scaled,
    shortest_period,
    total,
    window,
)
from ninelives.insight.surroundings import Group, Surroundings, survey

ELB, ECS, INSIGHTS = "AWS/ApplicationELB", "AWS/ECS", "ECS/ContainerInsights"
PERCENTILES = ("p50", "p90", "p99")
CODES = ("2XX", "3XX", "4XX", "5XX")
Found = Mapping[Metric, Series]


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """A series with what it is called and how it is to be seen."""

    label: str
    series: Series
    tone: str
    """Of ``plain``, ``good``, ``warn``, ``bad``, ``other``, ``faint``: what it means, not a colour."""
    metric: Metric | None = None
    """None for what was reckoned from several."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Panel:
    """``no_data`` is why there is nothing to see; None where there is something."""

    name: str
    title: str
    unit: str
    lines: tuple[Line, ...]
    no_data: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Picture:
    """A service's metrics over a time."""

    surroundings: Surroundings
    window: Window
    panels: tuple[Panel, ...]

    @property
    def is_empty(self) -> bool:
        """Whether nothing at all is known."""
        return all(panel.no_data is not None for panel in self.panels)


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What is to be seen. ``period`` None: as fits ``points``."""

    since: timedelta
    period: int | None = None
    points: int = 160
    custom: tuple[Metric, ...] = ()


def read_picture(aws: Aws, file: ServiceFile, asked: Asked, now: datetime) -> Picture:
    """Look at the surroundings and read all panels."""
    around = survey(aws, file, now - asked.since)
    shortest = shortest_period(around.time_scale)
    span = window(now, asked.since, period=asked.period, points=asked.points, shortest=shortest)
    custom = tuple(dict.fromkeys([*followed_metrics(file), *asked.custom]))
    found = read_series(aws, metrics_of(around, custom), span)
    return Picture(surroundings=around, window=span, panels=panels_of(around, found, span, custom))


def followed_metrics(file: ServiceFile) -> tuple[Metric, ...]:
    """Metrics of one's own that the file names: those that scaling follows."""
    return tuple(
        Metric(
            namespace=one.namespace,
            name=one.metric,
            dimensions=tuple(sorted(one.dimensions.items())),
            statistic=one.statistic,
        )
        for one in (file.scaling.metrics if file.scaling is not None else ())
    )


def metrics_of(around: Surroundings, custom: Sequence[Metric] = ()) -> list[Metric]:
    """Everything that the panels are made of."""
    wanted = [_of_service(ECS, name, statistic, around) for name, statistic in UTILIZATION]
    if around.has_insights:
        wanted += [_of_service(INSIGHTS, name, "Average", around) for name in TASK_COUNTS]
    if around.load_balancer is not None:
        wanted += [_of_balancer(name, "Sum", around) for name in ("HTTPCode_ELB_4XX_Count", "HTTPCode_ELB_5XX_Count")]
        for group in around.groups:
            wanted += [_of_group(name, statistic, around, group) for name, statistic in OF_A_GROUP]
        wanted += [_of_balancer("TargetResponseTime", percentile, around) for percentile in PERCENTILES]
    return [*wanted, *custom]


UTILIZATION = (
    ("CPUUtilization", "Average"),
    ("CPUUtilization", "Maximum"),
    ("MemoryUtilization", "Average"),
    ("MemoryUtilization", "Maximum"),
)
TASK_COUNTS = ("DesiredTaskCount", "RunningTaskCount", "PendingTaskCount")
OF_A_GROUP = (
    ("RequestCount", "Sum"),
    *((f"HTTPCode_Target_{code}_Count", "Sum") for code in CODES),
    *(("TargetResponseTime", percentile) for percentile in PERCENTILES),
    ("TargetResponseTime", "SampleCount"),
    ("HealthyHostCount", "Minimum"),
    ("UnHealthyHostCount", "Maximum"),
)


def _of_service(namespace: str, name: str, statistic: str, around: Surroundings) -> Metric:
    place = (("ClusterName", around.cluster), ("ServiceName", around.service))
    return Metric(namespace=namespace, name=name, dimensions=place, statistic=statistic)


def _of_balancer(name: str, statistic: str, around: Surroundings) -> Metric:
    assert around.load_balancer is not None
    return Metric(namespace=ELB, name=name, dimensions=(("LoadBalancer", around.load_balancer),), statistic=statistic)


def _of_group(name: str, statistic: str, around: Surroundings, group: Group) -> Metric:
    assert around.load_balancer is not None
    place = (("LoadBalancer", around.load_balancer), ("TargetGroup", group.dimension))
    return Metric(namespace=ELB, name=name, dimensions=place, statistic=statistic)


def panels_of(around: Surroundings, found: Found, span: Window, custom: Sequence[Metric] = ()) -> tuple[Panel, ...]:
    """All panels, in the order in which they are looked at."""
    return (
        _requests(around, found, span),
        _answers(around, found, span),
        _errors(around, found),
        _response_time(around, found),
        _hosts(around, found),
        _tasks(around, found),
        _utilization("cpu", "CPU", "CPUUtilization", around, found),
        _utilization("memory", "Memory", "MemoryUtilization", around, found),
        *(_custom(metric, found) for metric in custom),
    )


# Reasons.


def _why_no_requests(around: Surroundings) -> str:
    if around.load_balancer is None:
        return "the load balancer that the service file names is not there"
    if not around.groups:
        return "no target group of the service is there"
    return "no requests in this time"


def _why_no_usage(around: Surroundings) -> str:
    if around.has_insights is None:
        return f"there is no cluster {around.cluster}"
    return "no task ran for a whole minute in this time (CloudWatch tells of whole minutes)"


# Panels.


def _requests(around: Surroundings, found: Found, span: Window) -> Panel:
    """Where two groups take traffic, one line each: that is a release that shifts it."""
    a_second = 1 / span.period
    by_group = {group: scaled(found[_of_group("RequestCount", "Sum", around, group)], a_second) for group in _groups(around)}
    busy = {group: series for group, series in by_group.items() if series.points}
    lines = [Line(label="all", series=total(list(by_group.values())), tone="plain")]
    if len(busy) > 1:
        tones = ("other", "good")
        lines = [
            Line(label=group.label, series=series, tone=tone, metric=_of_group("RequestCount", "Sum", around, group))
            for (group, series), tone in zip(busy.items(), tones, strict=False)
        ]
    return _panel("requests", "Requests", "a second", lines, _why_no_requests(around))


def _answers(around: Surroundings, found: Found, span: Window) -> Panel:
    a_second = 1 / span.period
    tones = {"2XX": "good", "3XX": "faint", "4XX": "warn", "5XX": "bad"}
    lines = [
        Line(
            label=code.lower(),
            series=scaled(
                total([found[_of_group(f"HTTPCode_Target_{code}_Count", "Sum", around, one)] for one in _groups(around)]),
                a_second,
            ),
            tone=tones[code],
        )
        for code in CODES
    ]
    if around.load_balancer is not None:
        own = scaled(found[_of_balancer("HTTPCode_ELB_5XX_Count", "Sum", around)], a_second)
        lines.append(Line(label="5xx of the load balancer", series=own, tone="bad"))
    return _panel("answers", "Answers", "a second", _seen(lines), _why_no_requests(around))


def _errors(around: Surroundings, found: Found) -> Panel:
    requests = total([found[_of_group("RequestCount", "Sum", around, one)] for one in _groups(around)])
    targets = total([found[_of_group("HTTPCode_Target_5XX_Count", "Sum", around, one)] for one in _groups(around)])
    own = Series() if around.load_balancer is None else found[_of_balancer("HTTPCode_ELB_5XX_Count", "Sum", around)]
    line = Line(label="5xx", series=error_rate(requests, targets, own), tone="bad")
    return _panel("errors", "Errors", "% of requests", [line], _why_no_requests(around))


def error_rate(requests: Series, of_targets: Series, of_balancer: Series) -> Series:
    """5xx answers in percent of requests. A request for which no target was chosen is counted as an answer only.

    >>> from datetime import UTC
    >>> noon = datetime(2026, 1, 1, 12, tzinfo=UTC)
    >>> error_rate(Series(((noon, 200.0),)), Series(((noon, 1.0),)), Series()).values
    (0.5,)
    >>> error_rate(Series(), Series(), Series(((noon, 3.0),))).values
    (100.0,)
    """
    asked, ours, own = map(by_instant, (requests, of_targets, of_balancer))
    points = []
    for instant in sorted({*asked, *own}):
        failed = ours.get(instant, 0.0) + own.get(instant, 0.0)
        points.append((instant, 100 * failed / max(asked.get(instant, 0.0), failed, 1.0)))
    return Series(tuple(points))


def _response_time(around: Surroundings, found: Found) -> Panel:
    """Of the whole load balancer: percentiles of two groups cannot be put together."""
    tones = {"p50": "plain", "p90": "other", "p99": "warn"}
    lines = []
    if around.load_balancer is not None:
        for percentile in PERCENTILES:
            metric = _of_balancer("TargetResponseTime", percentile, around)
            lines.append(Line(label=percentile, series=scaled(found[metric], 1000), tone=tones[percentile], metric=metric))
    busy = [one for one in _groups(around) if found[_of_group("TargetResponseTime", "p99", around, one)].points]
    if len(busy) > 1:
        for group in busy:
            metric = _of_group("TargetResponseTime", "p99", around, group)
            lines.append(Line(label=f"p99 of {group.label}", series=scaled(found[metric], 1000), tone="other", metric=metric))
    return _panel("response_time", "Response time", "ms", lines, _why_no_requests(around))


def _hosts(around: Surroundings, found: Found) -> Panel:
    lines = []
    groups = [one for one in _groups(around) if found[_of_group("HealthyHostCount", "Minimum", around, one)].points]
    for group in groups:
        of = f" {group.label}" if len(groups) > 1 else ""
        for word, name, statistic, tone in (
            ("healthy", "HealthyHostCount", "Minimum", "good"),
            ("unhealthy", "UnHealthyHostCount", "Maximum", "bad"),
        ):
            metric = _of_group(name, statistic, around, group)
            lines.append(Line(label=f"{word}{of}", series=found[metric], tone=tone, metric=metric))
    why = _why_no_requests(around) if around.load_balancer is None or not around.groups else "no target was registered"
    return _panel("hosts", "Targets", "", lines, why)


def _tasks(around: Surroundings, found: Found) -> Panel:
    if around.has_insights:
        tones = {"DesiredTaskCount": "faint", "RunningTaskCount": "good", "PendingTaskCount": "warn"}
        lines = []
        for name, tone in tones.items():
            metric = _of_service(INSIGHTS, name, "Average", around)
            lines.append(Line(label=name.removesuffix("TaskCount").lower(), series=found[metric], tone=tone, metric=metric))
        return _panel("tasks", "Tasks", "", lines, "Container Insights has told nothing yet")
    why = f"there is no cluster {around.cluster}"
    if around.has_insights is not None:
        setting = f"--cluster {around.cluster} --settings name=containerInsights,value=enabled"
        why = f"Container Insights is off for the cluster; `aws ecs update-cluster-settings {setting}` turns it on"
    return _panel("tasks", "Tasks", "", (), why)


def _utilization(name: str, title: str, metric_name: str, around: Surroundings, found: Found) -> Panel:
    lines = []
    for statistic, label, tone in (("Average", "average", "plain"), ("Maximum", "busiest task", "faint")):
        metric = _of_service(ECS, metric_name, statistic, around)
        lines.append(Line(label=label, series=found[metric], tone=tone, metric=metric))
    return _panel(name, title, "% of what is reserved", lines, _why_no_usage(around))


def _custom(metric: Metric, found: Found) -> Panel:
    line = Line(label=metric.statistic, series=found[metric], tone="plain", metric=metric)
    return _panel(
        metric.written,
        metric.written.rpartition(":")[0],
        metric.statistic,
        [line],
        "CloudWatch has no data point of it in this time; `aws cloudwatch list-metrics` lists names and dimensions",
    )


def _groups(around: Surroundings) -> tuple[Group, ...]:
    return around.groups if around.load_balancer is not None else ()


def _seen(lines: Sequence[Line]) -> list[Line]:
    return [one for one in lines if one.series.points]


def _panel(name: str, title: str, unit: str, lines: Sequence[Line], why_not: str) -> Panel:
    there = any(one.series.points for one in lines)
    return Panel(name=name, title=title, unit=unit, lines=tuple(lines), no_data=None if there else why_not)
