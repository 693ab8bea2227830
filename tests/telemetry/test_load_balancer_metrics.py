"""What load balancers' requests, connections and targets count for, by tables."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from ninelives.model.metrics import Metric
from ninelives.model.timing import Timing
from ninelives.monitoring import merged
from ninelives.region.measurements import TargetGroupFacts
from ninelives.region.ports import ConnectionCounts
from ninelives.telemetry import MetricStore, open_metrics
from ninelives.telemetry.load_balancer_metrics import NAMESPACE, TOLD, LoadBalancerMetrics

AT = datetime(2026, 11, 27, 3, 0, 5, tzinfo=UTC)
BALANCER, GROUP = "app/cats/50dc6c495c0c9188", "targetgroup/cats/6d0ecf831eec9f09"


class World:
    def __init__(self) -> None:
        self.store = MetricStore(open_metrics(None), timing=Timing())
        self.facts = [
            TargetGroupFacts(
                load_balancer=BALANCER, target_group=GROUP, registered=3, healthy={"a": 1, "b": 1}, unhealthy={"b": 1}
            )
        ]
        rules = {f"{BALANCER}/f2f7dc8efc522ab2": [1, 10, 20]}
        self.metrics = LoadBalancerMetrics(
            self.store, target_groups=lambda: self.facts, zones=lambda: {BALANCER: "a"}, rules=lambda: rules
        )

    def told(self) -> dict[str, float]:
        """The sum of each metric, under the load balancer alone where it has that, else under its group too."""
        found = {}
        for name, told in TOLD.items():
            place = {"LoadBalancer": BALANCER, "TargetGroup": GROUP}
            chosen = next(one for one in told.dimensions if "AvailabilityZone" not in one)
            total = self.of(name, {one: place[one] for one in chosen})
            if total is not None:
                found[name] = total
        return found

    def of(self, name: str, place: Mapping[str, str], end: timedelta = timedelta(minutes=5)) -> float | None:
        samples = self.store.read(Metric.of(NAMESPACE, name, place), AT - timedelta(minutes=5), AT + end)
        whole = merged(sample.distribution for sample in samples)
        return None if whole is None else whole.sum


@pytest.fixture
def world() -> World:
    return World()


def entry(**members: Any) -> dict[str, Any]:
    return {
        "listener": f"{BALANCER}/f2f7dc8efc522ab2",
        "time": "2026-11-27T03:00:05.123456Z",
        "target": "127.0.0.1:8080",
        "target_group_arn": f"arn:aws:elasticloadbalancing:eu-west-1:123456789012:{GROUP}",
        "elb_status_code": 200,
        "response_code_details": "via_upstream",
        "target_processing_us": 2000,
        "received_bytes": 100,
        "sent_bytes": 400,
        "actions_executed": "forward",
        **members,
    }


ALWAYS = {"ProcessedBytes": 500.0}
REACHED = {**ALWAYS, "RequestCount": 1.0, "RequestCountPerTarget": 0.5}
ANSWERED = {**REACHED, "TargetResponseTime": 0.002}
NO_TARGET = {"target": None, "target_processing_us": None}


@pytest.mark.parametrize(
    ("members", "expected"),
    [
        ({}, {**ANSWERED, "HTTPCode_Target_2XX_Count": 1}),
        ({"elb_status_code": 503}, {**ANSWERED, "HTTPCode_Target_5XX_Count": 1}),
        ({"elb_status_code": 404}, {**ANSWERED, "HTTPCode_Target_4XX_Count": 1}),
        ({"elb_status_code": 101}, ANSWERED),
        (
            {"content_type": "application/grpc+proto", "matched_rule_priority": "10"},
            {**ANSWERED, "HTTPCode_Target_2XX_Count": 1, "GrpcRequestCount": 1, "RuleEvaluations": 2},
        ),
        ({"matched_rule_priority": "0"}, {**ANSWERED, "HTTPCode_Target_2XX_Count": 1, "RuleEvaluations": 3}),
        (
            {"response_code_details": "upstream_reset_after_response_started{connection_termination}"},
            {**ANSWERED, "HTTPCode_Target_2XX_Count": 1},
        ),
        (
            {"elb_status_code": 502, "response_code_details": "upstream_reset_before_response_started{connection_termination}",
             "target_processing_us": None},
            {**REACHED, "HTTPCode_ELB_5XX_Count": 1, "HTTPCode_ELB_502_Count": 1},
        ),
        (
            {"elb_status_code": 503, "response_code_details": "no_healthy_upstream", **NO_TARGET},
            {**ALWAYS, "HTTPCode_ELB_5XX_Count": 1, "HTTPCode_ELB_503_Count": 1},
        ),
        (
            {"elb_status_code": 504, "response_code_details": "response_timeout", "target_processing_us": None},
            {**REACHED, "HTTPCode_ELB_5XX_Count": 1, "HTTPCode_ELB_504_Count": 1},
        ),
        (
            {"elb_status_code": 0, "response_code_details": "downstream_remote_disconnect", "target_processing_us": None},
            {**REACHED, "HTTPCode_ELB_4XX_Count": 1},
        ),
        (
            {"elb_status_code": 301, "response_code_details": "direct_response", "target_group_arn": None,
             "actions_executed": "redirect", **NO_TARGET},
            {**ALWAYS, "HTTPCode_ELB_3XX_Count": 1, "HTTP_Redirect_Count": 1},
        ),
        (
            {"elb_status_code": 200, "response_code_details": "direct_response", "target_group_arn": None,
             "actions_executed": "fixed-response", **NO_TARGET},
            {**ALWAYS, "HTTP_Fixed_Response_Count": 1},
        ),
    ],
)  # fmt: skip
def test_what_a_request_counts_for(world: World, members: dict[str, Any], expected: dict[str, float]) -> None:
    world.metrics.observe([entry(**members)])

    assert pytest.approx(expected) == world.told()


def test_a_request_counts_under_each_combination_of_dimensions(world: World) -> None:
    world.metrics.observe([entry(), entry(), entry(listener="app/gone/1/2")])
    places = [
        set(dict(metric.dimensions))
        for metric in world.store.metrics(since=AT - timedelta(hours=1))
        if metric.name == "RequestCount"
    ]

    assert sorted(map(sorted, TOLD["RequestCount"].dimensions)) == sorted(map(sorted, places))
    assert world.of("RequestCount", {"LoadBalancer": BALANCER, "AvailabilityZone": "a"}) == 2


def test_a_request_counts_in_the_minute_in_which_it_ended(world: World) -> None:
    world.metrics.observe([entry(), entry(time="2026-11-27T02:59:59.999999Z")])
    samples = list(
        world.store.read(Metric.of(NAMESPACE, "RequestCount", {"LoadBalancer": BALANCER}), AT - timedelta(hours=1), AT)
    )

    assert [sample.start.minute for sample in samples] == [59, 0]


def test_targets_are_told_by_zone(world: World) -> None:
    world.metrics.sample_targets(AT)
    place = {"LoadBalancer": BALANCER, "TargetGroup": GROUP}

    assert (world.of("HealthyHostCount", place), world.of("UnHealthyHostCount", place)) == (2, 1)
    assert world.of("HealthyHostCount", {**place, "AvailabilityZone": "b"}) == 1
    assert world.of("UnHealthyHostCount", {**place, "AvailabilityZone": "a"}) == 0
    states = {"HealthyStateRouting": 1, "UnhealthyStateRouting": 0}
    assert states == {name: world.of(name, place) for name in states}
    world.facts = [replace(world.facts[0], fails_open=True)]
    world.metrics.sample_targets(AT)
    states = {"HealthyStateRouting": 1, "UnhealthyStateRouting": 1}
    assert states == {name: world.of(name, {**place, "AvailabilityZone": "a"}) for name in states}


def test_connections_are_told_by_what_has_come_since(world: World) -> None:
    listener, cluster = f"{BALANCER}/f2f7dc8efc522ab2", GROUP.removeprefix("targetgroup/")

    def sample(*, active: int, opened: int, failed: int) -> None:
        counts = {
            listener: ConnectionCounts(active=active, opened=opened),
            cluster: ConnectionCounts(active=active, opened=opened, failed=failed),
            "other/1": ConnectionCounts(active=50, opened=500),
        }
        world.metrics.sample_connections(AT, counts)

    sample(active=1, opened=100, failed=7)
    assert world.told() == {"ActiveConnectionCount": 2.0}, "what came before is nobody's"
    sample(active=0, opened=103, failed=9)
    assert world.told() == {"ActiveConnectionCount": 2.0, "NewConnectionCount": 6.0, "TargetConnectionErrorCount": 2.0}
    sample(active=0, opened=2, failed=0)
    assert world.told()["NewConnectionCount"] == 10.0, "the proxy has begun anew"


def test_handshakes_that_fail_and_requests_to_any_target_are_told(world: World) -> None:
    listener, cluster = f"{BALANCER}/f2f7dc8efc522ab2", GROUP.removeprefix("targetgroup/")
    world.metrics.sample_connections(AT, {listener: ConnectionCounts(), cluster: ConnectionCounts()})
    counts = {listener: ConnectionCounts(tls_failed=2), cluster: ConnectionCounts(tls_failed=3, failed_open=4)}
    world.metrics.sample_connections(AT, counts)

    assert world.told() == {
        "ClientTLSNegotiationErrorCount": 2,
        "TargetTLSNegotiationErrorCount": 3,
        "UnhealthyRoutingRequestCount": 4,
    }
