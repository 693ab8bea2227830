"""Totals grow, by the names of what there is."""

from datetime import UTC, datetime

from ninelives.model.timing import Timing
from ninelives.telemetry import MetricStore, Totals, open_metrics
from ninelives.telemetry.load_balancer_metrics import LoadBalancerMetrics
from ninelives.telemetry.totals import OPERATIONS_MAX, OTHER, Histogram

BALANCER, GROUP = "app/cats/50dc6c495c0c9188", "targetgroup/cats/6d0ecf831eec9f09"


def test_a_value_on_a_bound_is_not_above_it() -> None:
    seen = Histogram((1.0, 2.0))
    seen.add([1.0, 1.5, 2.0, 2.1])

    assert seen.buckets() == [("1.0", 1), ("2.0", 3), ("+Inf", 4)]
    assert seen.total == 6.6


def test_operations_that_callers_make_up_do_not_fill_the_memory() -> None:
    totals = Totals()
    for number in range(3 * OPERATIONS_MAX):
        totals.count_call("ecs", f"Made{number}", 400, 0.001)
    totals.count_call("ecs", "Made0", 200, 0.001)

    assert len(totals.calls) == OPERATIONS_MAX + 1
    assert totals.calls["ecs", "Made0"].by_status == {400: 1, 200: 1}
    assert totals.calls[OTHER, OTHER].by_status == {400: 2 * OPERATIONS_MAX}


def test_requests_add_up_over_readings_and_go_with_their_load_balancer_or_target_group() -> None:
    totals = Totals()
    metrics = LoadBalancerMetrics(
        MetricStore(open_metrics(None), timing=Timing()), target_groups=list, zones=lambda: {BALANCER: "a"}, totals=totals
    )
    at = datetime(2026, 11, 27, 3, 0, 5, tzinfo=UTC)
    entry = {
        "listener": f"{BALANCER}/f2f7dc8efc522ab2",
        "time": f"{at:%Y-%m-%dT%H:%M:%S}.123456Z",
        "target": "127.0.0.1:8080",
        "target_group_arn": f"arn:aws:elasticloadbalancing:eu-west-1:123456789012:{GROUP}",
        "elb_status_code": 200,
        "response_code_details": "via_upstream",
        "target_processing_us": 2000,
    }
    refused = {**entry, "target": None, "target_group_arn": None, "response_code_details": "direct_response"}
    for _ in range(3):
        metrics.observe([entry, entry, refused])
    of_group = totals.requests[BALANCER, GROUP]

    assert of_group.counts["HTTPCode_Target_2XX_Count"] == of_group.counts["RequestCount"] == 6
    assert of_group.response_times.buckets()[-1] == ("+Inf", 6)
    totals.forget_requests(but_of={BALANCER}, and_to=())
    assert list(totals.requests) == [(BALANCER, None)]
    totals.forget_requests(but_of=(), and_to={GROUP})
    assert not totals.requests
