"""CloudWatch over a running door: boto3 in each of its protocols, and the AWS CLI."""

import asyncio
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from unittest.mock import Mock

import pytest
from botocore.exceptions import ClientError
from botocore.model import ServiceModel
from running_door import PLACE, OpenDoor, RunningDoor

from ninelives.api import cloudwatch
from ninelives.api.call import Call, Operations
from ninelives.api.service_model import load_service
from ninelives.model.timing import Timing
from ninelives.telemetry import ActionKind, CloudWatch, Firing, invocation

PROTOCOLS = ("smithy-rpc-v2-cbor", "json", "query")
OPERATIONS = tuple(cloudwatch.operations(Mock()))
MINUTE = timedelta(minutes=1)


class CloudWatchWorld:
    """CloudWatch on a door's own thread, with a clock that can be set forward."""

    def __init__(self, path: Path | None = None, *, time_scale: float = 1.0) -> None:
        self._path = path
        self._timing = Timing(time_scale=time_scale)
        self._handlers: Operations | None = None
        self.ahead = timedelta()
        self.published: list[Mapping[str, Any]] = []
        self.changes: list[str] = []
        self.firings: list[Firing] = []
        self.invoked: list[Mapping[str, Any]] = []

    def now(self) -> datetime:
        return datetime.now(UTC) + self.ahead  # noqa: TID251 - boto3 signs with the real clock

    @property
    def operations(self) -> Operations:
        return {name: self._through(name) for name in OPERATIONS}

    def _through(self, name: str) -> Callable[[Call], Any]:
        def answer(call: Call) -> Any:
            return self._made()[name](call)

        return answer

    def _made(self) -> Operations:
        """Made at the first call, on the thread that makes all the others."""
        if self._handlers is None:
            watch = CloudWatch(self._path, place=PLACE, now=self.now, timing=self._timing, call=self._call)
            self.alarms = watch.alarms
            watch.actions.carry_out(ActionKind("autoscaling", "scalingPolicy:"), self._scale, repeats=True)
            watch.actions.carry_out(ActionKind("lambda", "function:"), self._invoke)
            self.alarms.watch(lambda alarm, before: self.changes.append(f"{alarm.name} {before.value}->{alarm.state.value}"))
            self._handlers = cloudwatch.operations(watch)
        return self._handlers

    async def _invoke(self, firing: Firing) -> None:
        self.invoked.append(invocation(firing.alarm, firing.before, PLACE))

    async def _scale(self, firing: Firing) -> None:
        self.firings.append(firing)
        if "broken" in firing.arn:
            raise RuntimeError("No policy of that name")

    async def _call(self, service: str, operation: str, parameters: Mapping[str, Any]) -> Mapping[str, Any]:
        if "missing" in parameters["TopicArn"]:
            raise RuntimeError("Topic does not exist")
        self.published.append({"call": f"{service}:{operation}", **parameters})
        return {}

    def evaluate(self, door: RunningDoor, *, after: timedelta = timedelta()) -> None:
        """Let time pass, and the alarms look."""
        self.ahead += after

        async def now() -> None:
            self._made()
            self.alarms.evaluate()
            await asyncio.sleep(0)  # actions
            await asyncio.sleep(0)

        asyncio.run_coroutine_threadsafe(now(), door.loop).result(10)


@pytest.fixture
def world() -> CloudWatchWorld:
    return CloudWatchWorld()


@pytest.fixture
def door(open_door: OpenDoor, world: CloudWatchWorld) -> RunningDoor:
    return open_door({"cloudwatch": world.operations})


@pytest.fixture
def client(door: RunningDoor) -> Any:
    return door.client("cloudwatch")


def now() -> datetime:
    return datetime.now(UTC)  # noqa: TID251


def an_alarm(**members: Any) -> dict[str, Any]:
    return {
        "AlarmName": "errors",
        "Namespace": "Cats",
        "MetricName": "Errors",
        "Statistic": "Sum",
        "Period": 60,
        "EvaluationPeriods": 1,
        "Threshold": 1.0,
        "ComparisonOperator": "GreaterThanThreshold",
        "TreatMissingData": "notBreaching",
        **members,
    }


def the_alarm(client: Any, name: str = "errors") -> dict[str, Any]:
    (found,) = client.describe_alarms(AlarmNames=[name])["MetricAlarms"]
    return dict(found)


SPOKEN = {"smithy-rpc-v2-cbor": "application/cbor", "json": "application/x-amz-json-1.0", "query": "application/x-www-form"}


def a_client(door: RunningDoor, protocol: str, monkeypatch: pytest.MonkeyPatch) -> Any:
    """A client that speaks ``protocol``, whichever of them botocore prefers today."""
    monkeypatch.setattr(ServiceModel, "resolved_protocol", property(lambda _: protocol))
    client = door.client("cloudwatch")

    def check(request: Any, **_: Any) -> None:
        spoken = request.headers["Content-Type"]
        assert (spoken if isinstance(spoken, str) else spoken.decode()).startswith(SPOKEN[protocol])

    client.meta.events.register("before-send.cloudwatch", check)
    return client


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_metrics_and_alarms_in_every_protocol(door: RunningDoor, protocol: str, monkeypatch: pytest.MonkeyPatch) -> None:
    client = a_client(door, protocol, monkeypatch)
    at = now()
    client.put_metric_data(
        Namespace="Cats",
        MetricData=[
            {"MetricName": "Errors", "Timestamp": at, "Value": 3.0, "Unit": "Count",
             "Dimensions": [{"Name": "Service", "Value": "cats"}]},
        ],
    )  # fmt: skip
    client.put_metric_alarm(**an_alarm(Dimensions=[{"Name": "Service", "Value": "cats"}]))
    (metric,) = client.list_metrics(Namespace="Cats")["Metrics"]
    (datapoint,) = client.get_metric_statistics(
        Namespace="Cats", MetricName="Errors", Dimensions=metric["Dimensions"], StartTime=at - MINUTE, EndTime=at + MINUTE,
        Period=60, Statistics=["Sum", "SampleCount"], ExtendedStatistics=["p99"],
    )["Datapoints"]  # fmt: skip

    assert (datapoint["Sum"], datapoint["SampleCount"], datapoint["Unit"]) == (3.0, 1.0, "Count")
    assert datapoint["ExtendedStatistics"] == {"p99": 3.0}
    assert datapoint["Timestamp"] == at.replace(second=0, microsecond=0)
    assert the_alarm(client)["StateValue"] == "INSUFFICIENT_DATA"
    with pytest.raises(ClientError) as failure:
        client.set_alarm_state(AlarmName="nobody", StateValue="ALARM", StateReason="test")
    assert failure.value.response["Error"]["Code"] == "ResourceNotFound"
    assert failure.value.response["ResponseMetadata"]["HTTPStatusCode"] == 404
    with pytest.raises(ClientError, match="ValidationError"):
        client.put_metric_alarm(**an_alarm(EvaluationPeriods=2, DatapointsToAlarm=3))


def test_an_alarm_is_evaluated_on_its_period(world: CloudWatchWorld, door: RunningDoor, client: Any) -> None:
    client.put_metric_alarm(**an_alarm(DatapointsToAlarm=1))
    assert the_alarm(client)["StateReason"] == "Unchecked: Initial alarm creation"
    world.evaluate(door)
    assert the_alarm(client)["StateValue"] == "OK"

    client.put_metric_data(Namespace="Cats", MetricData=[{"MetricName": "Errors", "Values": [1.0], "Counts": [5.0]}])
    world.evaluate(door, after=MINUTE + timedelta(seconds=2))
    alarm = the_alarm(client)

    assert alarm["StateValue"] == "ALARM"
    assert alarm["StateReason"].startswith("Threshold Crossed: 1 out of the last 1 datapoints [5.0 (")
    assert json.loads(alarm["StateReasonData"])["recentDatapoints"] == [5.0]
    world.evaluate(door, after=4 * MINUTE)
    assert the_alarm(client)["StateValue"] == "OK"
    assert world.changes == ["errors INSUFFICIENT_DATA->OK", "errors OK->ALARM", "errors ALARM->OK"]
    history = client.describe_alarm_history(AlarmName="errors", ScanBy="TimestampAscending")["AlarmHistoryItems"]
    assert [item["HistorySummary"] for item in history] == [
        'Alarm "errors" created',
        "Alarm updated from INSUFFICIENT_DATA to OK",
        "Alarm updated from OK to ALARM",
        "Alarm updated from ALARM to OK",
    ]


def test_an_alarm_on_an_error_rate(world: CloudWatchWorld, door: RunningDoor, client: Any) -> None:
    def of(id_: str, name: str) -> dict[str, Any]:
        metric = {"Namespace": "Cats", "MetricName": name}
        return {"Id": id_, "MetricStat": {"Metric": metric, "Period": 60, "Stat": "Sum"}, "ReturnData": False}

    client.put_metric_alarm(
        AlarmName="rate",
        EvaluationPeriods=1,
        Threshold=5.0,
        ComparisonOperator="GreaterThanThreshold",
        Metrics=[of("errors", "Errors"), of("requests", "Requests"),
                 {"Id": "rate", "Expression": "100 * FILL(errors, 0) / requests", "ReturnData": True}],
    )  # fmt: skip
    client.put_metric_data(
        Namespace="Cats", MetricData=[{"MetricName": "Errors", "Value": 6.0}, {"MetricName": "Requests", "Value": 100.0}]
    )
    world.evaluate(door, after=MINUTE + timedelta(seconds=2))

    assert "Threshold Crossed: 1 datapoint [6.0 (" in the_alarm(client, "rate")["StateReason"]
    assert [query["Id"] for query in the_alarm(client, "rate")["Metrics"]] == ["errors", "requests", "rate"]


def test_an_alarm_on_a_percentile_ignores_few_samples_where_it_is_told_to(
    world: CloudWatchWorld, door: RunningDoor, client: Any
) -> None:
    latency = {"MetricName": "Latency", "ComparisonOperator": "GreaterThanThreshold", "Threshold": 0.5}
    alarm = an_alarm(**latency, ExtendedStatistic="p99")
    del alarm["Statistic"]
    client.put_metric_alarm(**alarm)
    client.put_metric_alarm(**{**alarm, "AlarmName": "careful", "EvaluateLowSampleCountPercentile": "ignore"})
    client.put_metric_data(
        Namespace="Cats", MetricData=[{"MetricName": "Latency", "Values": [0.1, 2.0], "Counts": [97.0, 3.0]}]
    )
    world.evaluate(door, after=MINUTE + timedelta(seconds=2))

    assert "[2.0 (" in the_alarm(client)["StateReason"]
    assert the_alarm(client)["ExtendedStatistic"] == "p99"
    assert the_alarm(client, "careful")["StateValue"] == "INSUFFICIENT_DATA"


def test_a_state_that_is_set_holds_until_the_next_evaluation(world: CloudWatchWorld, door: RunningDoor, client: Any) -> None:
    client.put_metric_alarm(**an_alarm())
    world.evaluate(door)
    client.set_alarm_state(AlarmName="errors", StateValue="ALARM", StateReason="a rehearsal", StateReasonData='{"by": "hand"}')
    alarm = the_alarm(client)

    assert (alarm["StateValue"], alarm["StateReason"], alarm["StateReasonData"]) == ("ALARM", "a rehearsal", '{"by": "hand"}')
    world.evaluate(door, after=MINUTE + timedelta(seconds=2))
    assert the_alarm(client)["StateValue"] == "OK"
    with pytest.raises(ClientError, match="InvalidFormat"):
        client.set_alarm_state(AlarmName="errors", StateValue="OK", StateReason="x", StateReasonData="{")


def test_actions_are_carried_out_at_a_change_of_state(world: CloudWatchWorld, client: Any) -> None:
    topic, missing = (f"arn:aws:sns:eu-west-1:111122223333:{name}" for name in ("alarms", "missing"))
    other = "arn:aws:swf:eu-west-1:111122223333:action/x"
    client.put_metric_alarm(**an_alarm(AlarmActions=[topic, missing, other]))
    client.set_alarm_state(AlarmName="errors", StateValue="ALARM", StateReason="a rehearsal")
    client.describe_alarms()  # the actions run on the same loop
    actions = client.describe_alarm_history(AlarmName="errors", HistoryItemType="Action")["AlarmHistoryItems"]
    (sent,) = world.published
    message = json.loads(sent["Message"])

    assert (sent["call"], sent["TopicArn"]) == ("sns:Publish", topic)
    assert (message["NewStateValue"], message["OldStateValue"]) == ("ALARM", "INSUFFICIENT_DATA")
    assert message["Trigger"]["Statistic"] == "SUM"
    assert {item["HistorySummary"] for item in actions} == {
        f"Successfully executed action {topic}",
        f"Failed to execute action {missing}",
        f"Failed to execute action {other}",
    }
    client.disable_alarm_actions(AlarmNames=["errors"])
    assert the_alarm(client)["ActionsEnabled"] is False
    client.set_alarm_state(AlarmName="errors", StateValue="OK", StateReason="over")
    client.set_alarm_state(AlarmName="errors", StateValue="ALARM", StateReason="again")
    client.describe_alarms()
    assert len(world.published) == 1


def test_a_search_finds_the_series_that_a_dashboard_wants(client: Any) -> None:
    for place, value in (("cats", 5), ("dogs", 7)):
        dimensions = [{"Name": "Service", "Value": place}]
        datum = {"MetricName": "Errors", "Dimensions": dimensions, "Value": value, "Timestamp": now() - MINUTE}
        client.put_metric_data(Namespace="Pets", MetricData=[datum, {**datum, "MetricName": "Calls"}])

    def asked(expression: str, label: str | None = None) -> dict[str, list[float]]:
        query = {"Id": "e", "Expression": expression, **({} if label is None else {"Label": label})}
        answer = client.get_metric_data(
            MetricDataQueries=[query], StartTime=now() - 10 * MINUTE, EndTime=now(), LabelOptions={"Timezone": "+0100"}
        )
        return {one["Label"]: one["Values"] for one in answer["MetricDataResults"]}

    search = """SEARCH('{Pets,Service} MetricName="Errors"', 'Sum', 60)"""
    assert asked(search) == {"cats": [5], "dogs": [7]}
    assert asked(search, "${PROP('Dim.Service')}: ${MAX}") == {"cats: 5": [5], "dogs: 7": [7]}
    assert asked(f"SUM({search})", "all") == {"all": [12]}
    assert asked("SEARCH('{Pets,Service} NOT Errors NOT Calls', 'Sum', 60)") == {}
    with pytest.raises(ClientError, match="dynamic value"):
        asked(search, "${HIGHEST}")
    with pytest.raises(ClientError, match="SEARCH is not supported in alarms"):
        client.put_metric_alarm(
            AlarmName="searching", EvaluationPeriods=1, ComparisonOperator="GreaterThanThreshold", Threshold=1,
            Metrics=[{"Id": "e", "Expression": f"SUM({search})"}],
        )  # fmt: skip


def test_old_data_is_told_by_long_periods_only(world: CloudWatchWorld, client: Any) -> None:
    at = now().replace(minute=0, second=0, microsecond=0) - timedelta(hours=1)
    client.put_metric_data(Namespace="Cats", MetricData=[{"MetricName": "Old", "Value": 1, "Timestamp": at}])
    told = []
    for days in (0, 1, 20, 70):
        world.ahead = timedelta(days=days)
        told.append(
            [
                len(client.get_metric_statistics(
                    Namespace="Cats", MetricName="Old", StartTime=at, EndTime=at + MINUTE, Period=period, Statistics=["Sum"]
                )["Datapoints"])
                for period in (1, 60, 300, 3600)
            ]
        )  # fmt: skip

    assert told == [[1, 1, 1, 1], [0, 1, 1, 1], [0, 0, 1, 1], [0, 0, 0, 1]]


POLICY = "arn:aws:autoscaling:eu-west-1:111122223333:scalingPolicy:6d8972f3:resource/ecs/service/c/s:policyName/out"


def test_a_scaling_policy_is_called_once_a_minute_for_as_long_as_the_alarm_lasts(
    door: RunningDoor, world: CloudWatchWorld, client: Any
) -> None:
    broken = POLICY.replace("out", "broken")
    client.put_metric_data(Namespace="Cats", MetricData=[{"MetricName": "Errors", "Value": 7, "Timestamp": now() - MINUTE}])
    client.put_metric_alarm(**an_alarm(AlarmActions=[POLICY, broken], TreatMissingData="ignore"))
    world.evaluate(door)
    world.evaluate(door, after=timedelta(seconds=30))  # too early to call it again
    world.evaluate(door, after=timedelta(seconds=31))
    summaries = [one["HistorySummary"] for one in client.describe_alarm_history(HistoryItemType="Action")["AlarmHistoryItems"]]
    called = [(one.is_repeated, one.value) for one in world.firings if one.arn == POLICY]

    assert called == [(False, 7.0), (True, 7.0)]
    assert summaries.count(f"Successfully executed action {POLICY}") == 1
    assert summaries.count(f"Failed to execute action {broken}") == 2
    client.disable_alarm_actions(AlarmNames=["errors"])
    world.evaluate(door, after=2 * MINUTE)
    assert len(world.firings) == 4


def test_a_function_is_called_once_with_the_alarm_and_its_states(world: CloudWatchWorld, client: Any) -> None:
    function = "arn:aws:lambda:eu-west-1:111122223333:function:page"
    client.put_metric_alarm(**an_alarm(AlarmActions=[function]))
    client.set_alarm_state(AlarmName="errors", StateValue="ALARM", StateReason="a rehearsal")
    client.describe_alarms()
    (told,) = world.invoked
    data = told["alarmData"]

    assert (told["source"], told["accountId"], told["region"]) == ("aws.cloudwatch", PLACE.account, PLACE.region)
    assert told["alarmArn"] == the_alarm(client)["AlarmArn"]
    assert (data["alarmName"], data["state"]["value"], data["state"]["reason"]) == ("errors", "ALARM", "a rehearsal")
    assert data["previousState"]["value"] == "INSUFFICIENT_DATA"
    assert data["configuration"]["metrics"][0]["metricStat"]["metric"]["name"] == "Errors"


def test_a_composite_alarm_does_not_scale(client: Any) -> None:
    client.put_metric_alarm(**an_alarm())
    with pytest.raises(ClientError, match="scaling"):
        client.put_composite_alarm(AlarmName="both", AlarmRule="ALARM(errors)", AlarmActions=[POLICY])


def test_a_composite_alarm_follows_its_children(world: CloudWatchWorld, client: Any) -> None:
    client.put_metric_alarm(**an_alarm())
    client.put_composite_alarm(AlarmName="both", AlarmRule="ALARM(errors) AND NOT OK(errors)")
    with pytest.raises(ClientError, match="do not exist"):
        client.put_composite_alarm(AlarmName="none", AlarmRule="ALARM(nobody)")
    with pytest.raises(ClientError, match="AlarmRule is not valid"):
        client.put_composite_alarm(AlarmName="none", AlarmRule="ALARM(errors")
    client.set_alarm_state(AlarmName="errors", StateValue="ALARM", StateReason="a rehearsal")
    (both,) = client.describe_alarms(AlarmTypes=["CompositeAlarm"])["CompositeAlarms"]

    assert both["StateValue"] == "ALARM"
    assert both["StateReason"].startswith("arn:aws:cloudwatch:eu-west-1:111122223333:alarm:errors transitioned to ALARM at ")
    assert [one["AlarmName"] for one in client.describe_alarms(ChildrenOfAlarmName="both")["MetricAlarms"]] == ["errors"]
    client.put_composite_alarm(AlarmName="above", AlarmRule="ALARM(both)")
    of_child, of_both, above = (world.alarms.facts(name) for name in ("errors", "both", "above"))
    assert of_child is not None
    assert of_both is not None
    assert above is not None
    assert of_child.span == of_both.span == above.span == timedelta(minutes=2, seconds=2)
    assert above.state == "ALARM"
    client.delete_alarms(AlarmNames=["above"])
    with pytest.raises(ClientError, match="ResourceConflict"):
        client.delete_alarms(AlarmNames=["errors"])
    client.delete_alarms(AlarmNames=["errors", "both"])
    assert client.describe_alarms(AlarmTypes=["MetricAlarm", "CompositeAlarm"])["MetricAlarms"] == []


def test_a_time_scale_shortens_periods(open_door: OpenDoor) -> None:
    world = CloudWatchWorld(time_scale=60)
    door = open_door({"cloudwatch": world.operations})
    client = door.client("cloudwatch")
    client.put_metric_alarm(**an_alarm())
    client.put_metric_data(Namespace="Cats", MetricData=[{"MetricName": "Errors", "Value": 5.0}])
    world.evaluate(door, after=timedelta(seconds=2.5))

    assert the_alarm(client)["StateValue"] == "ALARM"


def test_get_metric_data_answers_metrics_and_expressions(client: Any) -> None:
    at = now().replace(second=10, microsecond=0) - 3 * MINUTE
    for number, value in enumerate((1.0, 2.0, 4.0)):
        client.put_metric_data(
            Namespace="Cats", MetricData=[{"MetricName": "Errors", "Timestamp": at + number * MINUTE, "Value": value}]
        )
    queries = [
        {"Id": "m1", "MetricStat": {"Metric": {"Namespace": "Cats", "MetricName": "Errors"}, "Period": 60, "Stat": "Sum"}},
        {"Id": "e1", "Expression": "RUNNING_SUM(m1)", "Label": "so far"},
    ]
    asked = {"MetricDataQueries": queries, "StartTime": at - MINUTE, "EndTime": at + 4 * MINUTE}
    m1, e1 = client.get_metric_data(**asked)["MetricDataResults"]
    first = client.get_metric_data(**asked, MaxDatapoints=4, ScanBy="TimestampAscending")
    second = client.get_metric_data(**asked, MaxDatapoints=4, ScanBy="TimestampAscending", NextToken=first["NextToken"])

    assert (m1["Label"], m1["Values"], m1["StatusCode"]) == ("Errors", [4.0, 2.0, 1.0], "Complete")
    assert (e1["Label"], e1["Values"]) == ("so far", [7.0, 3.0, 1.0])
    assert [first["MetricDataResults"][0]["StatusCode"], *first["MetricDataResults"][0]["Values"]] == ["PartialData", 1.0, 2.0]
    assert second["MetricDataResults"][0]["Values"] == [4.0]
    assert "NextToken" not in second
    with pytest.raises(ClientError, match="Error in expression 'e1'"):
        client.get_metric_data(**{**asked, "MetricDataQueries": [queries[0], {"Id": "e1", "Expression": "m1 +"}]})


def test_a_thousand_metrics_come_compressed_in_one_request(client: Any) -> None:
    compressed: list[Any] = []

    def look(request: Any, **_: Any) -> None:
        compressed.append(request.headers.get("Content-Encoding"))

    client.meta.events.register("before-send.cloudwatch", look)
    data = [{"MetricName": f"m{number:04}", "Value": float(number)} for number in range(1000)]
    client.put_metric_data(Namespace="Cats", MetricData=data)
    pages = client.get_paginator("list_metrics").paginate(Namespace="Cats")

    assert [metric["MetricName"] for page in pages for metric in page["Metrics"]] == [datum["MetricName"] for datum in data]
    assert compressed[0] in {"gzip", b"gzip"}


def test_more_alarms_than_there_may_be_are_refused(client: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cloudwatch.alarms, "ALARMS_MAX", 1)
    client.put_metric_alarm(**an_alarm())
    client.put_metric_alarm(**an_alarm(Threshold=2.0))
    with pytest.raises(ClientError, match="LimitExceeded"):
        client.put_metric_alarm(**an_alarm(AlarmName="another"))


def test_high_resolution_data_keeps_its_seconds(client: Any) -> None:
    at = now().replace(microsecond=0) - timedelta(seconds=20)
    for number in range(3):
        client.put_metric_data(
            Namespace="Cats",
            MetricData=[
                {"MetricName": "M", "Timestamp": at + timedelta(seconds=number), "Value": 1.0, "StorageResolution": 1}
            ],
        )
    found = client.get_metric_statistics(
        Namespace="Cats", MetricName="M", StartTime=at, EndTime=at + timedelta(seconds=5), Period=1, Statistics=["Sum"]
    )

    assert [at + timedelta(seconds=number) for number in range(3)] == [one["Timestamp"] for one in found["Datapoints"]]


@pytest.mark.parametrize(
    ("datum", "code"),
    [
        ({"Value": 1.0, "StatisticValues": dict.fromkeys(("SampleCount", "Sum", "Minimum", "Maximum"), 1.0)},
         "InvalidParameterCombination"),
        ({"Value": 1.0, "Timestamp": datetime(2020, 1, 1, tzinfo=UTC)}, "InvalidParameterValue"),
        ({"Values": [1.0, 2.0], "Counts": [1.0]}, "InvalidParameterValue"),
        ({}, "InvalidParameterCombination"),
        ({"Value": 1.0, "StorageResolution": 7}, "InvalidParameterValue"),
        ({"Value": 1.0, "Dimensions": [{"Name": "a", "Value": "1"}, {"Name": "a", "Value": "2"}]}, "InvalidParameterValue"),
    ],
)  # fmt: skip
def test_data_that_cloudwatch_does_not_take_is_refused(client: Any, datum: dict[str, Any], code: str) -> None:
    with pytest.raises(ClientError) as failure:
        client.put_metric_data(Namespace="Cats", MetricData=[{"MetricName": "M", "Value": 1.0}, {"MetricName": "M", **datum}])

    assert failure.value.response["Error"]["Code"] == code
    assert client.list_metrics()["Metrics"] == [], "all of it or nothing"


@pytest.mark.parametrize(
    ("members", "said"),
    [
        ({"Period": 15}, "Period"),
        ({"Period": 86400, "EvaluationPeriods": 8}, "seven days"),
        ({"Period": 600, "EvaluationPeriods": 145}, "a day"),
        ({"TreatMissingData": "never"}, "treatMissingData"),
        ({"ExtendedStatistic": "p99"}, "Exactly one"),
        ({"ComparisonOperator": "GreaterThanUpperThreshold"}, "anomaly"),
        ({"ThresholdMetricId": "t"}, "does not implement"),
        ({"AlarmActions": ["me"]}, "Invalid arn"),
        ({"Metrics": [{"Id": "a", "Expression": "1"}]}, "mutually exclusive"),
    ],
)
def test_an_alarm_that_cloudwatch_does_not_take_is_refused(client: Any, members: dict[str, Any], said: str) -> None:
    with pytest.raises(ClientError, match=said) as failure:
        client.put_metric_alarm(**an_alarm(**members))

    assert failure.value.response["Error"]["Code"] == "ValidationError"
    assert client.describe_alarms()["MetricAlarms"] == []


def test_alarms_are_found_by_name_prefix_state_and_metric_in_pages(client: Any) -> None:
    for number in range(5):
        client.put_metric_alarm(**an_alarm(AlarmName=f"a{number}"))
    client.set_alarm_state(AlarmName="a3", StateValue="ALARM", StateReason="test")
    pages = client.get_paginator("describe_alarms").paginate(AlarmNamePrefix="a", PaginationConfig={"PageSize": 2})

    assert [alarm["AlarmName"] for page in pages for alarm in page["MetricAlarms"]] == ["a0", "a1", "a2", "a3", "a4"]
    assert [one["AlarmName"] for one in client.describe_alarms(StateValue="ALARM")["MetricAlarms"]] == ["a3"]
    assert len(client.describe_alarms_for_metric(Namespace="Cats", MetricName="Errors", Period=60)["MetricAlarms"]) == 5
    assert client.describe_alarms_for_metric(Namespace="Cats", MetricName="Errors", Period=300)["MetricAlarms"] == []
    assert len(client.describe_alarm_history(HistoryItemType="ConfigurationUpdate")["AlarmHistoryItems"]) == 5


def test_tags_of_alarms(client: Any) -> None:
    client.put_metric_alarm(**an_alarm(Tags=[{"Key": "team", "Value": "cats"}]))
    arn = the_alarm(client)["AlarmArn"]
    client.tag_resource(ResourceARN=arn, Tags=[{"Key": "stage", "Value": "prod"}])
    client.untag_resource(ResourceARN=arn, TagKeys=["team"])

    assert client.list_tags_for_resource(ResourceARN=arn)["Tags"] == [{"Key": "stage", "Value": "prod"}]
    with pytest.raises(ClientError, match="ResourceNotFoundException"):
        client.list_tags_for_resource(ResourceARN=f"{arn}x")


def test_what_is_wrong_with_a_dashboard_is_told_place_by_place(client: Any) -> None:
    metric = {
        "type": "metric",
        "properties": {"region": "eu-west-1", "metrics": [["AWS/ECS", "CPUUtilization"], ["AWS/ECS", 7]]},
    }
    with pytest.raises(ClientError, match="2 validation errors") as caught:
        client.put_dashboard(DashboardName="cats", DashboardBody=json.dumps({"widgets": [{"type": "text"}, metric]}))
    assert "/widgets/1/properties/metrics/1/1" in str(caught.value)
    assert client.list_dashboards()["DashboardEntries"] == []
    wide = {"type": "text", "x": 20, "y": 0, "width": 8, "height": 2, "properties": {"markdown": "Cats"}}
    told = client.put_dashboard(DashboardName="cats", DashboardBody=json.dumps({"widgets": [wide]}))

    assert [one["DataPath"] for one in told["DashboardValidationMessages"]] == ["/widgets/0/width"]


def test_dashboards_are_kept(client: Any) -> None:
    client.put_dashboard(DashboardName="cats", DashboardBody='{"widgets": []}')
    (entry,) = client.list_dashboards(DashboardNamePrefix="c")["DashboardEntries"]

    assert (entry["DashboardName"], entry["Size"]) == ("cats", 15)
    assert client.get_dashboard(DashboardName="cats")["DashboardBody"] == '{"widgets": []}'
    with pytest.raises(ClientError, match="InvalidParameterInput"):
        client.put_dashboard(DashboardName="cats", DashboardBody="[")
    with pytest.raises(ClientError, match="ResourceNotFound"):
        client.delete_dashboards(DashboardNames=["cats", "dogs"])
    client.delete_dashboards(DashboardNames=["cats"])
    assert client.list_dashboards()["DashboardEntries"] == []


def test_everything_outlives_a_restart(open_door: OpenDoor, tmp_path: Path) -> None:
    path = tmp_path / "cloudwatch.sqlite"
    door = open_door({"cloudwatch": CloudWatchWorld(path).operations})
    client = door.client("cloudwatch")
    queries = [{"Id": "m", "MetricStat": {"Metric": {"Namespace": "N", "MetricName": "M"}, "Period": 60, "Stat": "p90"}}]
    client.put_metric_alarm(**an_alarm(AlarmActions=["arn:aws:sns:eu-west-1:111122223333:t"], DatapointsToAlarm=1))
    client.put_metric_alarm(
        AlarmName="math", Metrics=queries, Threshold=1, EvaluationPeriods=1, ComparisonOperator="LessThanThreshold"
    )
    client.put_composite_alarm(AlarmName="composite", AlarmRule="ALARM(math)")
    client.set_alarm_state(AlarmName="errors", StateValue="ALARM", StateReason="test")
    client.put_dashboard(DashboardName="cats", DashboardBody='{"widgets": []}')
    client.put_metric_data(Namespace="Cats", MetricData=[{"MetricName": "Errors", "Values": [1.0, 2.0]}])
    asked: list[Callable[[Any], Any]] = [
        lambda one: one.describe_alarms(AlarmTypes=["MetricAlarm", "CompositeAlarm"]),
        lambda one: one.describe_alarm_history(),
        lambda one: one.get_dashboard(DashboardName="cats"),
        lambda one: one.list_metrics(),
        lambda one: one.get_metric_statistics(
            Namespace="Cats", MetricName="Errors", StartTime=now() - 5 * MINUTE, EndTime=now() + MINUTE, Period=3600,
            Statistics=["Sum", "Maximum"], ExtendedStatistics=["p10"],
        ),
    ]  # fmt: skip

    def answers(one: Any) -> list[Any]:
        found = [question(one) for question in asked]
        for answer in found:
            answer.pop("ResponseMetadata")
        return found

    before = answers(client)
    door.stop()
    again = open_door({"cloudwatch": CloudWatchWorld(path).operations})

    assert before == answers(again.client("cloudwatch"))


def test_silence_while_there_was_no_control_plane_says_nothing(open_door: OpenDoor, tmp_path: Path) -> None:
    path = tmp_path / "cloudwatch.sqlite"
    world = CloudWatchWorld(path)
    door = open_door({"cloudwatch": world.operations})
    client = door.client("cloudwatch")
    client.put_metric_alarm(
        **an_alarm(TreatMissingData="breaching", ComparisonOperator="LessThanThreshold", EvaluationPeriods=2)
    )
    client.put_metric_data(Namespace="Cats", MetricData=[{"MetricName": "Errors", "Value": 5.0}])
    world.evaluate(door, after=MINUTE + timedelta(seconds=2))
    assert the_alarm(client)["StateValue"] == "OK"
    door.stop()

    later = CloudWatchWorld(path)
    later.ahead = timedelta(hours=1)
    again = open_door({"cloudwatch": later.operations})
    later.evaluate(again)
    assert the_alarm(again.client("cloudwatch"))["StateValue"] == "OK", "nobody was there to hear anything"
    later.evaluate(again, after=4 * MINUTE)
    assert the_alarm(again.client("cloudwatch"))["StateValue"] == "ALARM"


def aws(program: str, door: RunningDoor, *arguments: str) -> Any:
    environment = {
        **{name: value for name, value in os.environ.items() if not name.startswith("AWS_")},
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
        "AWS_DEFAULT_REGION": PLACE.region,
        "AWS_EC2_METADATA_DISABLED": "true",
    }
    done = subprocess.run(
        [program, "--endpoint-url", door.url, "--output", "json", "cloudwatch", *arguments],
        env=environment, capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout) if done.stdout.strip() else None


CLIS = [path for path in (str(Path(sys.executable).with_name("aws")), shutil.which("aws", path="/usr/bin")) if path]


@pytest.mark.parametrize("program", CLIS)
def test_the_aws_cli_puts_an_alarm_and_sets_its_state(program: str, door: RunningDoor) -> None:
    put = [
        "put-metric-alarm",
        "--alarm-name",
        "errors",
        "--namespace",
        "Cats",
        "--metric-name",
        "Errors",
        "--statistic",
        "Sum",
    ]
    aws(program, door, *put, "--period", "60", "--evaluation-periods", "1", "--threshold", "1",
        "--comparison-operator", "GreaterThanThreshold")  # fmt: skip
    aws(program, door, "set-alarm-state", "--alarm-name", "errors", "--state-value", "ALARM", "--state-reason", "test")
    (alarm,) = aws(program, door, "describe-alarms", "--alarm-names", "errors")["MetricAlarms"]

    assert (alarm["StateValue"], alarm["Threshold"]) == ("ALARM", 1.0)


def test_every_operation_is_one_of_cloudwatchs() -> None:
    assert set(OPERATIONS) <= load_service("cloudwatch").operation_names


def test_what_is_not_served_is_refused(client: Any) -> None:
    with pytest.raises(ClientError, match="does not implement cloudwatch:PutAnomalyDetector"):
        client.put_anomaly_detector(Namespace="N", MetricName="M", Stat="Average")
