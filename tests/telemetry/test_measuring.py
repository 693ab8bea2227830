"""What cannot be measured holds up nothing else, and a minute is told of once."""

import asyncio
from collections.abc import Collection, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, cast

from ninelives.model.metrics import Metric
from ninelives.model.timing import Timing
from ninelives.region.measurements import ClusterFacts, Insights, RunningTask, ServiceFacts, TargetGroupFacts
from ninelives.region.ports import ConnectionCounts, TaskUsage
from ninelives.telemetry import Measuring, MetricStore, measuring, open_metrics

AT = datetime(2026, 11, 27, 3, 0, 50, tzinfo=UTC)
BALANCER, GROUP = "app/cats/1", "targetgroup/cats/2"


class Region:
    """As much of a region as is measured."""

    timing = Timing()

    def __init__(self) -> None:
        self.at = AT
        self.data_plane = self
        self.is_deaf = False

    def now(self) -> datetime:
        return self.at

    def subscribe_requests(self, observed: object) -> None: ...

    async def connections(self) -> Mapping[str, ConnectionCounts]:
        if self.is_deaf:
            raise OSError("the proxy's admin interface does not answer")
        return {f"{BALANCER}/3": ConnectionCounts(active=4, opened=4)}

    async def usage(self, task_arns: Collection[str]) -> Mapping[str, TaskUsage]:
        used = TaskUsage(cpu=timedelta(seconds=(self.at - AT).total_seconds() / 8), memory_bytes=1 << 20)
        return dict.fromkeys(task_arns, used)


def test_a_proxy_that_is_away_stops_nothing_but_its_own_metrics(monkeypatch: Any) -> None:
    task = RunningTask(arn="t", family="cats", cpu_units=256, memory_mib=4)
    service = ServiceFacts(cluster="c", service="s", desired=1, running=1, pending=0, deployments=1, tasks=(task,))
    cluster = ClusterFacts(cluster="c", insights=Insights.DISABLED, services=(service,))
    group = TargetGroupFacts(load_balancer=BALANCER, target_group=GROUP, registered=1, healthy={"a": 1}, unhealthy={})
    monkeypatch.setattr(measuring, "cluster_facts", lambda _: [cluster])
    monkeypatch.setattr(measuring, "target_group_facts", lambda _: [group])
    monkeypatch.setattr(measuring, "zones_of_load_balancers", lambda _: {BALANCER: "a"})
    monkeypatch.setattr(measuring, "known_target_groups", lambda _: {GROUP})
    region, store = Region(), MetricStore(open_metrics(None), timing=Timing())
    under_test = Measuring(cast("Any", region), cast("Any", region), store)

    async def live() -> None:
        for second in range(0, 200, 10):
            region.is_deaf = second > 90
            region.at = AT + timedelta(seconds=second)
            await under_test.measure()

    asyncio.run(live())

    def told(namespace: str, name: str, **place: str) -> list[tuple[int, float]]:
        samples = store.read(Metric.of(namespace, name, place), AT - timedelta(hours=1), AT + timedelta(hours=1))
        return [(sample.start.minute, sample.distribution.average) for sample in samples]

    assert told("AWS/ECS", "CPUUtilization", ClusterName="c", ServiceName="s") == [(1, 50), (2, 50), (3, 50)]
    assert told("AWS/ApplicationELB", "ActiveConnectionCount", LoadBalancer=BALANCER) == [(0, 4), (1, 4)]
    healthy = told("AWS/ApplicationELB", "HealthyHostCount", LoadBalancer=BALANCER, TargetGroup=GROUP)
    assert healthy == [(minute, 1) for minute in range(5)]
