"""What a real application answers through Envoy becomes metrics, and alarms on them see it."""

import json
import threading
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from live_region import RegionUnderTest, eventually, started

pytestmark = [pytest.mark.live, pytest.mark.timeout(240)]

TIME_SCALE = 30
"""A minute is two seconds."""


@pytest.fixture(scope="module")
def region() -> Iterator[RegionUnderTest]:
    with started("host", time_scale=TIME_SCALE) as region:
        exit_code, result = region.deploy("1.0.0")
        assert exit_code == 0, result
        yield region


def dimensions(region: RegionUnderTest) -> list[dict[str, str]]:
    (balancer,) = region.client("elbv2").describe_load_balancers()["LoadBalancers"]
    return [{"Name": "LoadBalancer", "Value": balancer["LoadBalancerArn"].partition(":loadbalancer/")[2]}]


def ask(region: RegionUnderTest, path: str) -> int:
    try:
        with urllib.request.urlopen(region.url() + path, timeout=10) as response:
            status: int = response.status
            return status
    except urllib.error.HTTPError as error:
        return error.code


@contextmanager
def asked_again_and_again(region: RegionUnderTest, path: str) -> Iterator[None]:
    stop = threading.Event()
    url = region.url() + path

    def ask_on() -> None:
        while not stop.wait(0.1):
            try:
                urllib.request.urlopen(url, timeout=10).close()
            except urllib.error.HTTPError:
                continue

    asking = threading.Thread(target=ask_on)
    asking.start()
    try:
        yield
    finally:
        stop.set()
        asking.join()


def state(region: RegionUnderTest, name: str) -> str:
    (alarm,) = region.client("cloudwatch").describe_alarms(AlarmNames=[name])["MetricAlarms"]
    return str(alarm["StateValue"])


def test_every_answer_is_counted_once_under_its_code(region: RegionUnderTest) -> None:
    client = region.client("cloudwatch")
    start = datetime.now(UTC)  # noqa: TID251
    for path, times in (("/status?code=404", 3), ("/status?code=503", 2), ("/", 4)):
        for _ in range(times):
            ask(region, path)

    def sums() -> dict[str, float]:
        names = ("RequestCount", "HTTPCode_Target_2XX_Count", "HTTPCode_Target_4XX_Count", "HTTPCode_Target_5XX_Count",
                 "HTTPCode_ELB_5XX_Count")  # fmt: skip
        found = {}
        for name in names:
            points = client.get_metric_statistics(
                Namespace="AWS/ApplicationELB", MetricName=name, Dimensions=dimensions(region), Period=3600,
                StartTime=start - timedelta(seconds=2), EndTime=start + timedelta(minutes=5), Statistics=["Sum"],
            )["Datapoints"]  # fmt: skip
            found[name] = sum(point["Sum"] for point in points)
        return found

    eventually(lambda: sums()["RequestCount"] >= 9, what="the requests' metrics")
    found = sums()
    assert (found["HTTPCode_Target_4XX_Count"], found["HTTPCode_Target_5XX_Count"]) == (3, 2)
    assert found["HTTPCode_Target_2XX_Count"] == found["RequestCount"] - 5
    assert found["HTTPCode_ELB_5XX_Count"] == 0


def test_the_metrics_in_the_terminal_are_those_of_the_load_balancer(region: RegionUnderTest) -> None:
    for _ in range(6):
        ask(region, "/status?code=500")

    def told() -> dict[str, Any] | None:
        done = region.command("metrics", "--since", "1m", "--period", "1s", "--json")
        assert done.returncode == 0, done.stderr
        panels = {panel["name"]: panel for panel in json.loads(done.stdout)["panels"]}
        failed = [one for one in panels["answers"]["series"] if one["label"] == "5xx"]
        return panels if failed and sum(point["value"] for point in failed[0]["points"]) >= 6 else None

    panels = eventually(told, what="the answers with 5xx")
    assert max(point["value"] for point in panels["errors"]["series"][0]["points"]) > 0
    assert panels["hosts"]["series"][0]["points"][-1]["value"] == 2
    assert "Container Insights is off" in panels["tasks"]["no_data"]
    table = region.command("metrics", "--since", "2m", "--period", "1s").stdout.splitlines()
    assert "requests.all" in table[0].split()
    assert len({len(line) for line in table}) == 1


def test_a_dashboard_of_the_file_is_taken_and_then_the_same(region: RegionUnderTest) -> None:
    put = region.command("dashboard", "--apply")

    assert put.returncode == 0, put.stderr
    assert "CloudWatch remarks" not in put.stderr
    same = region.command("dashboard", "--diff")
    assert (same.returncode, same.stdout) == (0, "")
    assert region.command("dashboard", "--diff", "--metric", "Cats/Purrs").returncode == 2
    assert region.client("cloudwatch").list_dashboards()["DashboardEntries"][0]["DashboardName"].endswith("-service")


def put_alarm(region: RegionUnderTest, name: str, **members: Any) -> None:
    region.client("cloudwatch").put_metric_alarm(
        AlarmName=name,
        EvaluationPeriods=1,
        DatapointsToAlarm=1,
        ComparisonOperator="GreaterThanThreshold",
        TreatMissingData="notBreaching",
        **members,
    )


def on(region: RegionUnderTest, name: str, **members: Any) -> dict[str, Any]:
    return {
        "Namespace": "AWS/ApplicationELB", "MetricName": name, "Dimensions": dimensions(region), "Period": 60, **members
    }  # fmt: skip


def test_5xx_of_the_application_bring_an_alarm_to_alarm_and_their_end_brings_it_back(region: RegionUnderTest) -> None:
    put_alarm(region, "5xx", Threshold=1, **on(region, "HTTPCode_Target_5XX_Count", Statistic="Sum"))
    eventually(lambda: state(region, "5xx") == "OK", what="an alarm without 5xx")
    with asked_again_and_again(region, "/status?code=500"):
        eventually(lambda: state(region, "5xx") == "ALARM", what="the alarm")
    (alarm,) = region.client("cloudwatch").describe_alarms(AlarmNames=["5xx"])["MetricAlarms"]
    assert alarm["StateReason"].startswith("Threshold Crossed: 1 out of the last 1 datapoints [")
    eventually(lambda: state(region, "5xx") == "OK", what="the end of the alarm")


def test_slow_answers_are_seen_by_an_alarm_on_p99(region: RegionUnderTest) -> None:
    put_alarm(region, "slow", Threshold=0.4, **on(region, "TargetResponseTime", ExtendedStatistic="p99"))
    with asked_again_and_again(region, "/slow?seconds=0.5"):
        eventually(lambda: state(region, "slow") == "ALARM", what="the alarm")


def test_targets_and_connections_are_told(region: RegionUnderTest) -> None:
    client = region.client("cloudwatch")
    (group,) = region.client("elbv2").describe_target_groups()["TargetGroups"]
    both = [*dimensions(region), {"Name": "TargetGroup", "Value": group["TargetGroupArn"].rpartition(":")[2]}]

    def newest(name: str, statistic: str, under: list[dict[str, str]]) -> float | None:
        now = datetime.now(UTC)  # noqa: TID251
        points = client.get_metric_statistics(
            Namespace="AWS/ApplicationELB", MetricName=name, Dimensions=under, Period=1,
            StartTime=now - timedelta(seconds=20), EndTime=now, Statistics=[statistic],
        )["Datapoints"]  # fmt: skip
        return max(points, key=lambda point: point["Timestamp"])[statistic] if points else None

    assert newest("HealthyHostCount", "Minimum", both) == 2
    assert newest("UnHealthyHostCount", "Maximum", both) == 0
    with asked_again_and_again(region, "/"):
        eventually(lambda: newest("NewConnectionCount", "Sum", dimensions(region)), what="new connections")
        eventually(lambda: newest("ActiveConnectionCount", "Sum", dimensions(region)), what="active connections")


def test_a_service_tells_what_it_uses(region: RegionUnderTest) -> None:
    client = region.client("cloudwatch")

    def datapoint() -> dict[str, Any] | None:
        now = datetime.now(UTC)  # noqa: TID251
        under = [{"Name": "ClusterName", "Value": "live"}, {"Name": "ServiceName", "Value": "behaves"}]
        found: list[dict[str, Any]] = client.get_metric_statistics(
            Namespace="AWS/ECS", MetricName="MemoryUtilization", Dimensions=under, Period=3600,
            StartTime=now - timedelta(hours=1), EndTime=now, Statistics=["Minimum", "Maximum"],
        )["Datapoints"]  # fmt: skip
        return found[-1] if found else None

    used = eventually(datapoint, what="the service's memory")
    assert 0 < used["Minimum"] <= used["Maximum"] < 100


def test_a_change_of_state_is_an_event(region: RegionUnderTest) -> None:
    sqs, events = region.client("sqs"), region.client("events")
    url = sqs.create_queue(QueueName="alarms")["QueueUrl"]
    arn = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    pattern = {"source": ["aws.cloudwatch"], "detail": {"state": {"value": ["ALARM"]}, "alarmName": ["told"]}}
    events.put_rule(Name="alarms", EventPattern=json.dumps(pattern))
    events.put_targets(Rule="alarms", Targets=[{"Id": "queue", "Arn": arn}])
    put_alarm(region, "told", Threshold=1, **on(region, "HTTPCode_ELB_5XX_Count", Statistic="Sum"))
    region.client("cloudwatch").set_alarm_state(AlarmName="told", StateValue="ALARM", StateReason="a rehearsal")
    (message,) = eventually(lambda: sqs.receive_message(QueueUrl=url).get("Messages"), what="the event")
    event = json.loads(message["Body"])

    assert event["detail-type"] == "CloudWatch Alarm State Change"
    assert event["detail"]["state"]["reason"] == "a rehearsal"
    assert event["detail"]["configuration"]["metrics"][0]["metricStat"]["metric"]["name"] == "HTTPCode_ELB_5XX_Count"


def test_an_alarm_notifies_its_topic(region: RegionUnderTest) -> None:
    sqs, sns = region.client("sqs"), region.client("sns")
    topic = sns.create_topic(Name="on-call")["TopicArn"]
    url = sqs.create_queue(QueueName="on-call")["QueueUrl"]
    arn = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=arn)
    put_alarm(region, "paged", Threshold=1, AlarmActions=[topic], **on(region, "HTTPCode_ELB_5XX_Count", Statistic="Sum"))
    region.client("cloudwatch").set_alarm_state(AlarmName="paged", StateValue="ALARM", StateReason="a rehearsal")
    (message,) = eventually(lambda: sqs.receive_message(QueueUrl=url).get("Messages"), what="the notification")
    notification = json.loads(json.loads(message["Body"])["Message"])

    assert (notification["AlarmName"], notification["NewStateValue"]) == ("paged", "ALARM")
