"""The traffic of a release as CloudWatch counted it, where no probe did: in whole periods, and a little late."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from ninelives.deploy.aws import Aws
from ninelives.deploy.front_door import find_load_balancer
from ninelives.deploy.observation import see_service
from ninelives.deploy.release_record import Bin, Quantiles, Traffic
from ninelives.deploy.service_file import ServiceFile
from ninelives.insight.panels import ELB, PERCENTILES
from ninelives.insight.series import Metric, Window, by_instant, read_series, shortest_period
from ninelives.insight.surroundings import (
    Group,
    dimension_of,
    groups_of,
    see_deployments,
    versions_of_groups,
)

BINS_MAX = 240
BEFORE_PERIODS = 6
"""How many periods before the release are looked at."""
LATE = (
    "CloudWatch tells of whole periods, and of the last ones some minutes later: the release's end may be missing or low. "
    "Requests are counted from the period in which the release began; 5xx of the load balancer itself are those of all that "
    "it serves. Percentiles are those of the worst period."
)


def counted_traffic(aws: Aws, file: ServiceFile, began_at: datetime, ended_at: datetime) -> Traffic | str:
    """What CloudWatch has of the service's target groups around a release, or why it has nothing."""
    balancer = find_load_balancer(aws, file.load_balancer_name)
    if balancer is None:
        return "the load balancer that the service file names is not there"
    service = see_service(aws, file.cluster_name, file.service)
    versions = versions_of_groups(aws, see_deployments(aws, file))
    groups = tuple(groups_of(aws, file, versions, service))
    span = _span(began_at, ended_at, shortest_period(service.time_scale if service is not None else 1.0))
    return traffic_of(aws, dimension_of(str(balancer["LoadBalancerArn"])), groups, span, began_at, ended_at)


def _span(began_at: datetime, ended_at: datetime, shortest: int) -> Window:
    whole = (ended_at - began_at).total_seconds()
    period = shortest * max(1, -(-int(whole / BINS_MAX) // shortest))
    start = began_at.timestamp() // period * period - BEFORE_PERIODS * period
    end = -(-ended_at.timestamp() // period) * period
    return Window(
        start=datetime.fromtimestamp(start, tz=began_at.tzinfo),
        end=datetime.fromtimestamp(end, tz=began_at.tzinfo),
        period=period,
    )


@dataclass(frozen=True, slots=True)
class _Counted:
    """What CloudWatch answered, by instant; of each group."""

    requests: Mapping[Group, Mapping[datetime, float]]
    failed: Mapping[Group, Mapping[datetime, float]]
    own_failed: Mapping[datetime, float]
    latency: Mapping[str, Mapping[datetime, float]]

    @property
    def busy(self) -> list[Group]:
        return [group for group, counts in self.requests.items() if counts]

    @property
    def instants(self) -> list[datetime]:
        return sorted({*self.own_failed, *(instant for counts in self.requests.values() for instant in counts)})


def traffic_of(
    aws: Aws, balancer: str, groups: Sequence[Group], span: Window, began_at: datetime, ended_at: datetime
) -> Traffic | str:
    """Good answers are those that are no 5xx."""
    counted = _read(aws, balancer, groups, span)
    if not counted.busy and not counted.own_failed:
        return "CloudWatch has counted no request around the release (yet)"
    bins = [_bin(counted, instant) for instant in counted.instants]
    length = timedelta(seconds=span.period)
    since = [one for one in bins if one.at + length > began_at]
    lost = sum(one.lost for one in since)
    names = sorted({name for one in since for name in one.answers})
    return Traffic(
        source="cloudwatch",
        began_at=span.start,
        ended_at=span.end,
        bin_s=span.period,
        total=lost + sum(sum(one.answers.values()) for one in since),
        lost=lost,
        answers={name: sum(one.answers.get(name, 0) for one in since) for name in names},
        phases=_phases(bins, length, began_at, ended_at),
        bins=tuple(bins),
        note=LATE,
    )


def _read(aws: Aws, balancer: str, groups: Sequence[Group], span: Window) -> _Counted:
    def metric(name: str, statistic: str, group: Group | None = None) -> Metric:
        place = [("LoadBalancer", balancer), *([("TargetGroup", group.dimension)] if group is not None else [])]
        return Metric(namespace=ELB, name=name, dimensions=tuple(place), statistic=statistic)

    latency = {name: metric("TargetResponseTime", name) for name in (*PERCENTILES, "Maximum", "SampleCount")}
    requests = {one: metric("RequestCount", "Sum", one) for one in groups}
    failed = {one: metric("HTTPCode_Target_5XX_Count", "Sum", one) for one in groups}
    own = metric("HTTPCode_ELB_5XX_Count", "Sum")
    found = read_series(aws, [*latency.values(), *requests.values(), *failed.values(), own], span)
    return _Counted(
        requests={group: by_instant(found[one]) for group, one in requests.items()},
        failed={group: by_instant(found[one]) for group, one in failed.items()},
        own_failed=by_instant(found[own]),
        latency={name: by_instant(found[one]) for name, one in latency.items()},
    )


def _bin(counted: _Counted, instant: datetime) -> Bin:
    answers: dict[str, int] = {}
    for group in counted.busy:
        good = counted.requests[group].get(instant, 0.0) - counted.failed[group].get(instant, 0.0)
        if good > 0:
            answers[_name(group, counted.busy)] = int(good)
    failed = sum(counts.get(instant, 0.0) for counts in counted.failed.values())
    percentiles = {name: _ms(counted.latency[name].get(instant)) for name in PERCENTILES}
    return Bin(
        at=instant,
        answers=answers,
        lost=int(failed + counted.own_failed.get(instant, 0.0)),
        latency=Quantiles(
            count=int(counted.latency["SampleCount"].get(instant, 0)),
            **percentiles,
            max=_ms(counted.latency["Maximum"].get(instant)),
        ),
    )


def _name(group: Group, busy: Sequence[Group]) -> str:
    return group.label if len(busy) > 1 or group.version is not None else "all versions"


def _ms(seconds: float | None) -> float | None:
    return None if seconds is None else round(1000 * seconds, 3)


def _phases(bins: Sequence[Bin], length: timedelta, began_at: datetime, ended_at: datetime) -> dict[str, Quantiles]:
    """A period belongs to the release as soon as they touch."""
    before = [one for one in bins if one.at + length <= began_at]
    after = [one for one in bins if one.at >= ended_at]
    during = [one for one in bins if one not in before and one not in after]
    return {"before": _worst(before), "during": _worst(during), "after": _worst(after)}


def _worst(bins: Sequence[Bin]) -> Quantiles:
    def worst(name: str) -> float | None:
        return max((value for one in bins if (value := getattr(one.latency, name)) is not None), default=None)

    return Quantiles(
        count=sum(one.latency.count for one in bins), p50=worst("p50"), p90=worst("p90"), p99=worst("p99"), max=worst("max")
    )
