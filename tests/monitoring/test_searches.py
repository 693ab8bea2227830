"""Which metrics a SEARCH finds, and what dynamic labels say; by tables."""

from datetime import UTC, datetime, timedelta, timezone

import pytest

from ninelives.model.metrics import Metric
from ninelives.monitoring import LabelInvalid, Labelled, check_label, found_by, read_zone, written_label
from ninelives.monitoring.searches import SearchInvalid, read_search

LB, TG, AZ = "app/cats/50dc", "targetgroup/cats-blue/6d0e", "eu-west-1a"
ELB, ECS, MINE = "AWS/ApplicationELB", "AWS/ECS", "My Shop/Orders"
METRICS = {
    "requests": Metric.of(ELB, "RequestCount", {"LoadBalancer": LB}),
    "of-group": Metric.of(ELB, "RequestCount", {"LoadBalancer": LB, "TargetGroup": TG}),
    "5xx": Metric.of(ELB, "HTTPCode_Target_5XX_Count", {"LoadBalancer": LB, "TargetGroup": TG}),
    "in-zone": Metric.of(ELB, "RequestCount", {"LoadBalancer": LB, "AvailabilityZone": AZ}),
    "cpu": Metric.of(ECS, "CPUUtilization", {"ClusterName": "live", "ServiceName": "cats"}),
    "other-cpu": Metric.of(ECS, "CPUUtilization", {"ClusterName": "live", "ServiceName": "dogs"}),
    "orders": Metric.of(MINE, "Orders", {"Pay Method": "by card"}),
}


@pytest.mark.parametrize(
    ("search", "expected"),
    [
        ('{AWS/ApplicationELB,LoadBalancer} MetricName="RequestCount"', "requests"),
        ('{AWS/ApplicationELB,TargetGroup,LoadBalancer} MetricName="RequestCount"', "of-group"),
        ("{AWS/ApplicationELB, LoadBalancer, TargetGroup}", "of-group 5xx"),
        ('Namespace="AWS/ApplicationELB" RequestCount', "requests of-group in-zone"),
        ("{AWS/ECS,ClusterName,ServiceName} utilization cats", "cpu"),
        ('{AWS/ECS,ClusterName,ServiceName} MetricName="CPUUtilization" ServiceName=("cats")', None),
        ('{AWS/ECS,ClusterName,ServiceName} MetricName="CPUUtilization" ServiceName="dogs"', "other-cpu"),
        ("{AWS/ECS,ClusterName,ServiceName} (cats OR dogs)", "cpu other-cpu"),
        ("{AWS/ECS,ClusterName,ServiceName} NOT cats", "other-cpu"),
        ("{AWS/ECS,ClusterName,ServiceName} cats AND dogs", ""),
        ("CPUUTILIZATION", "cpu other-cpu"),
        ("target 5xx NOT cpu", "5xx"),
        ("cats-blue", "of-group 5xx"),
        ('"Cats-Blue"', ""),
        ('{"My Shop/Orders","Pay Method"}', "orders"),
        ('"Pay Method"="by card"', "orders"),
        ("{AWS/ECS,ClusterName}", ""),
    ],
)
def test_what_a_search_finds(search: str, expected: str | None) -> None:
    if expected is None:
        with pytest.raises(SearchInvalid):
            read_search(search)
        return
    names = {metric: name for name, metric in METRICS.items()}

    assert expected.split() == [names[metric] for metric in found_by(read_search(search), METRICS.values())]


@pytest.mark.parametrize(
    "search", ["", "{}", "(a", "a)", "a OR", "NOT", "AND a", "a" * 2000, "(" * 500 + "a", "NOT " * 250 + "a"]
)
def test_a_search_that_cannot_be_read_is_refused(search: str) -> None:
    with pytest.raises(SearchInvalid):
        read_search(search)


AT = datetime(2026, 11, 27, 3, 0, tzinfo=UTC)
ABOUT = Labelled(
    label="RequestCount",
    values={AT + timedelta(minutes=number): value for number, value in enumerate((4.0, 1.0, 10.5, 2.0))},
    properties={"MetricName": "RequestCount", "Dim.LoadBalancer": LB},
)


@pytest.mark.parametrize(
    ("label", "expected"),
    [
        ("plain", "plain"),
        ("${LABEL} [max: ${MAX}]", "RequestCount [max: 10.5]"),
        ("${MIN} ${AVG} ${SUM} ${DATAPOINT_COUNT}", "1 4.375 17.5 4"),
        ("${FIRST} ${LAST} ${FIRST_LAST_RANGE} ${MIN_MAX_RANGE}", "4 2 4 - 2 1 - 10.5"),
        ("${MAX_TIME}", "2026-11-27T04:32:00+01:30"),
        ("${MIN_MAX_TIME_RANGE}", "2026-11-27T04:31:00+01:30 - 2026-11-27T04:32:00+01:30"),
        ("${FIRST_TIME_RELATIVE} ${LAST_TIME_RELATIVE}", "1h ago 57m ago"),
        ("${PROP('Dim.LoadBalancer')} ${PROP('Stat')}", f"{LB} --"),
    ],
)
def test_what_a_dynamic_label_says(label: str, expected: str) -> None:
    check_label(label)
    zone = timezone(timedelta(hours=1, minutes=30))

    assert expected == written_label(label, ABOUT, now=AT + timedelta(hours=1), zone=zone)


def test_a_series_without_data_has_nothing_to_say() -> None:
    empty = Labelled(label="m", values={})

    assert written_label("${LABEL} ${MAX}", empty, now=AT, zone=read_zone(None)) == "m --"


def test_labels_and_zones_that_there_are_not_are_refused() -> None:
    for label in ("${MOST}", "${MAX}" * 7):
        with pytest.raises(LabelInvalid):
            check_label(label)
    for zone in ("CET", "+2400", "+9900", "+0060"):
        with pytest.raises(LabelInvalid, match="Timezone"):
            read_zone(zone)
    assert read_zone("-0700").utcoffset(None) == timedelta(hours=-7)
