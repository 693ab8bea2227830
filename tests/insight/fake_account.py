"""An account that answers the few calls that insight makes, from what a test says is there."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from ninelives.deploy.aws import Aws
from ninelives.deploy.reading import parse_service_file
from ninelives.deploy.service_file import ServiceFile
from ninelives.insight.series import Metric

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
ARN = "arn:aws:elasticloadbalancing:eu-west-1:1"
FILE: ServiceFile = parse_service_file("service: cats\nimage: .\nport: 4567\ncluster: c\n")


class CloudWatch:
    """``known``: the points of each metric, as ``Metric.written`` names it. Counts its calls."""

    def __init__(self, known: Mapping[str, Mapping[datetime, float]], page: int = 10_000) -> None:
        self.known, self.page, self.calls = known, page, 0
        self.alarms: list[dict[str, Any]] = []
        self.history: list[dict[str, Any]] = []
        self.dashboards: dict[str, str] = {}

    def get_metric_data(
        self,
        *,
        MetricDataQueries: Sequence[Mapping[str, Any]],  # noqa: N803 (boto3's spelling)
        StartTime: datetime,  # noqa: N803
        EndTime: datetime,  # noqa: N803
        ScanBy: str,  # noqa: N803
        NextToken: str = "0",  # noqa: N803
    ) -> Any:
        assert ScanBy == "TimestampAscending"
        assert len(MetricDataQueries) <= 500
        self.calls += 1
        skipped, is_more, results = int(NextToken), False, []
        for query in MetricDataQueries:
            asked = query["MetricStat"]["Metric"]
            metric = Metric(
                namespace=asked["Namespace"],
                name=asked["MetricName"],
                dimensions=tuple((one["Name"], one["Value"]) for one in asked["Dimensions"]),
                statistic=query["MetricStat"]["Stat"],
            )
            points = [(at, value) for at, value in self.known.get(metric.written, {}).items() if StartTime <= at < EndTime]
            part = sorted(points)[skipped : skipped + self.page]
            is_more |= skipped + self.page < len(points)
            results.append({"Id": query["Id"], "Timestamps": [at for at, _ in part], "Values": [value for _, value in part]})
        return {"MetricDataResults": results, **({"NextToken": str(skipped + self.page)} if is_more else {})}

    def describe_alarms(self, **_: Any) -> Any:
        return {"MetricAlarms": self.alarms}

    def describe_alarm_history(self, **request: Any) -> Any:
        return {"AlarmHistoryItems": [one for one in self.history if one["AlarmName"] == request["AlarmName"]]}


class Elb:
    """A load balancer and its target groups, by name."""

    class exceptions:  # noqa: N801 (boto3's spelling)
        pass

    def __init__(self, groups: Sequence[str] = ("cats",)) -> None:
        self.groups = groups

    def describe_load_balancers(self, **_: Any) -> Any:
        return {"LoadBalancers": [{"LoadBalancerArn": f"{ARN}:loadbalancer/app/cats/1"}]}

    def describe_target_groups(self, *, Names: Sequence[str]) -> Any:  # noqa: N803 (boto3's spelling)
        if Names[0] not in self.groups:
            raise NotThereError
        return {"TargetGroups": [{"TargetGroupArn": f"{ARN}:targetgroup/{Names[0]}/2"}]}


class NotThereError(Exception):
    response: Any = {"Error": {"Code": "TargetGroupNotFound"}}  # noqa: RUF012 (as botocore has it)


class Ecs:
    """A cluster with a service that was never deployed anew."""

    class exceptions:  # noqa: N801 (boto3's spelling)
        class ClusterNotFoundException(Exception):
            pass

    def __init__(self, *, insights: str = "disabled") -> None:
        self.insights = insights

    def describe_services(self, **_: Any) -> Any:
        return {"services": [{"status": "ACTIVE"}]}

    def list_service_deployments(self, **_: Any) -> Any:
        return {"serviceDeployments": []}

    def describe_clusters(self, **_: Any) -> Any:
        return {"clusters": [{"settings": [{"name": "containerInsights", "value": self.insights}]}]}


def account(cloudwatch: CloudWatch, *, groups: Sequence[str] = ("cats",), insights: str = "disabled") -> Aws:
    clients: dict[str, Any] = {"cloudwatch": cloudwatch, "elbv2": Elb(groups), "ecs": Ecs(insights=insights)}
    return Aws(clients.__getitem__, region="eu-west-1", is_local=False)


def minutes(*values: float | None, start: datetime = NOON - 5 * MINUTE) -> dict[datetime, float]:
    """A value a minute; None where there is no data point."""
    return {start + number * MINUTE: value for number, value in enumerate(values) if value is not None}
