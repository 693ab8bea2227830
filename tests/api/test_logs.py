"""CloudWatch Logs as boto3 sees it: groups, streams, events, pages, retention, tags, metric filters, AWS's own refusals."""

import asyncio
import base64
import gzip
import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from botocore.config import Config
from botocore.exceptions import ClientError
from running_door import PLACE, OpenDoor

from ninelives.api.authorization.known import RegionFacts
from ninelives.api.authorization.resources import candidates
from ninelives.api.logs import queries

GROUP = "/ecs/cats"


def now_ms() -> int:
    return int(time.time() * 1000)


@pytest.fixture
def logs(open_door: OpenDoor) -> Any:
    """A client of a region with one group that has one stream."""
    client = open_door().client("logs")
    client.create_log_group(logGroupName=GROUP)
    client.create_log_stream(logGroupName=GROUP, logStreamName="web/1")
    return client


def put(logs: Any, *messages: str, stream: str = "web/1", at: int | None = None) -> dict[str, Any]:
    """Each message is a millisecond later than the one before."""
    start = now_ms() if at is None else at
    events = [{"timestamp": start + number, "message": message} for number, message in enumerate(messages)]
    answer: dict[str, Any] = logs.put_log_events(logGroupName=GROUP, logStreamName=stream, logEvents=events)
    return answer


def read(logs: Any, **parameters: Any) -> list[str]:
    return [event["message"] for event in logs.filter_log_events(logGroupName=GROUP, **parameters)["events"]]


def refusal(call: Callable[[], Any]) -> tuple[str, str]:
    with pytest.raises(ClientError) as caught:
        call()
    error = caught.value.response["Error"]
    return error["Code"], error["Message"]


def test_a_group_is_made_described_changed_and_deleted(open_door: OpenDoor) -> None:
    logs = open_door().client("logs")
    logs.create_log_group(logGroupName=GROUP, tags={"team": "cats"}, logGroupClass="INFREQUENT_ACCESS")
    logs.put_retention_policy(logGroupName=GROUP, retentionInDays=30)
    arn = f"arn:aws:logs:eu-west-1:{PLACE.account}:log-group:{GROUP}"

    (group,) = logs.describe_log_groups(logGroupNamePrefix="/ecs")["logGroups"]
    assert (group["arn"], group["logGroupArn"], group["retentionInDays"]) == (f"{arn}:*", arn, 30)
    assert (group["logGroupClass"], group["storedBytes"], group["metricFilterCount"]) == ("INFREQUENT_ACCESS", 0, 0)
    assert logs.describe_log_groups(logGroupNamePattern="cat")["logGroups"] == [group]
    assert logs.describe_log_groups(logGroupNamePattern="CAT")["logGroups"] == []
    assert logs.describe_log_groups(logGroupNamePrefix="/dogs")["logGroups"] == []
    assert [one["logGroupName"] for one in logs.list_log_groups(logGroupNamePattern="dog|^/ecs")["logGroups"]] == [GROUP]
    logs.tag_resource(resourceArn=arn, tags={"stage": "test"})
    logs.untag_log_group(logGroupName=GROUP, tags=["team"])
    assert logs.list_tags_for_resource(resourceArn=arn)["tags"] == {"stage": "test"}
    logs.delete_retention_policy(logGroupName=GROUP)
    assert "retentionInDays" not in logs.describe_log_groups()["logGroups"][0]
    logs.put_log_group_deletion_protection(logGroupIdentifier=arn, deletionProtectionEnabled=True)
    assert refusal(lambda: logs.delete_log_group(logGroupName=GROUP))[0] == "ValidationException"
    logs.put_log_group_deletion_protection(logGroupIdentifier=arn, deletionProtectionEnabled=False)
    logs.delete_log_group(logGroupName=GROUP)
    assert logs.describe_log_groups()["logGroups"] == []


def test_refusals_are_in_awss_words(logs: Any) -> None:
    missing = ("ResourceNotFoundException", "The specified log group does not exist.")
    at = now_ms()

    def put_raw(*events: tuple[int, str], group: str = GROUP, stream: str = "web/1") -> Any:
        return logs.put_log_events(
            logGroupName=group,
            logStreamName=stream,
            logEvents=[{"timestamp": when, "message": message} for when, message in events],
        )

    assert refusal(lambda: logs.delete_log_group(logGroupName="none")) == missing
    told = refusal(lambda: logs.filter_log_events(logGroupName=GROUP, filterPattern="{ $.a = }"))[1]
    assert told.startswith("Invalid filter pattern: expected a value")
    assert refusal(lambda: logs.filter_log_events(logGroupName="none")) == missing
    assert refusal(lambda: put_raw((at, "x"), group="none")) == missing
    assert refusal(lambda: put_raw((at, "x"), stream="none")) == (
        "ResourceNotFoundException",
        "The specified log stream does not exist.",
    )
    assert refusal(lambda: logs.create_log_group(logGroupName=GROUP)) == (
        "ResourceAlreadyExistsException",
        "The specified log group already exists",
    )
    assert refusal(lambda: logs.create_log_stream(logGroupName=GROUP, logStreamName="web/1")) == (
        "ResourceAlreadyExistsException",
        "The specified log stream already exists",
    )
    assert refusal(lambda: put_raw((at, "x"), (at - 1, "y"))) == (
        "InvalidParameterException",
        "Log events in a single PutLogEvents request must be in chronological order.",
    )
    assert refusal(lambda: put_raw((at - 25 * 3_600_000, "x"), (at, "y"))) == (
        "InvalidParameterException",
        "The batch of log events in a single PutLogEvents request cannot span more than 24 hours.",
    )
    assert refusal(lambda: put_raw((at, "x" * 1_048_576))) == (
        "InvalidParameterException",
        "Upload too large: 1048602 bytes exceeds limit of 1048576",
    )
    assert (
        "Invalid retention value. Valid values are: [1, 3, 5, 7, 14"
        in refusal(lambda: logs.put_retention_policy(logGroupName=GROUP, retentionInDays=2))[1]
    )
    assert refusal(lambda: logs.create_log_group(logGroupName="no spaces"))[1] == (
        "1 validation error detected: Value 'no spaces' at 'logGroupName' failed to satisfy constraint: "
        "Member must satisfy regular expression pattern: [\\.\\-_/#A-Za-z0-9]+"
    )
    assert refusal(lambda: logs.filter_log_events(logGroupName=GROUP, filterPattern="{ $.a = "))[0] == (
        "InvalidParameterException"
    )
    assert refusal(
        lambda: logs.describe_log_streams(logGroupName=GROUP, orderBy="LastEventTime", logStreamNamePrefix="w")
    ) == ("InvalidParameterException", "Cannot order by LastEventTime with a logStreamNamePrefix.")
    assert refusal(lambda: logs.get_log_events(logGroupName=GROUP, logStreamName="web/1", nextToken="f/1")) == (
        "InvalidParameterException",
        "The specified nextToken is invalid.",
    )


def test_events_that_are_too_old_or_too_new_are_told_and_the_others_taken(logs: Any) -> None:
    day = 86_400_000
    at = now_ms()
    events = [
        {"timestamp": at - 15 * day, "message": "too old"},
        {"timestamp": at - day + 1000, "message": "good"},
        {"timestamp": at, "message": "good too"},
        {"timestamp": at + 3 * 3_600_000, "message": "too new"},
    ]
    answer = logs.put_log_events(logGroupName=GROUP, logStreamName="web/1", logEvents=events, sequenceToken="ignored")
    assert answer["rejectedLogEventsInfo"] == {"tooOldLogEventEndIndex": 1, "tooNewLogEventStartIndex": 3}
    assert read(logs) == ["good", "good too"]

    logs.put_retention_policy(logGroupName=GROUP, retentionInDays=1)
    answer = put(logs, "expired", at=at - day - 1000)
    assert answer["rejectedLogEventsInfo"] == {"expiredLogEventEndIndex": 1}
    assert "rejectedLogEventsInfo" not in put(logs, "kept")
    assert read(logs) == ["good", "good too", "kept"]


def test_a_stream_is_read_page_by_page_in_both_directions_and_its_ends_repeat_their_token(logs: Any) -> None:
    put(logs, *"abcdefg")

    def page(**parameters: Any) -> tuple[str, str, str]:
        answer = logs.get_log_events(logGroupName=GROUP, logStreamName="web/1", limit=3, **parameters)
        messages = "".join(event["message"] for event in answer["events"])
        return messages, answer["nextForwardToken"], answer["nextBackwardToken"]

    last, forward, backward = page()
    assert last == "efg"
    assert page(nextToken=forward)[:2] == ("", forward)
    middle, after_middle, before_middle = page(nextToken=backward)
    assert (middle, page(nextToken=before_middle)[0]) == ("bcd", "a")
    assert page(nextToken=after_middle)[0] == "efg"
    first, forward, backward = page(startFromHead=True)
    assert (first, page(nextToken=forward)[0]) == ("abc", "def")
    empty, forward, same = page(nextToken=backward)
    assert (empty, same, page(nextToken=forward)[0]) == ("", backward, "abc")
    end = page(nextToken=page(nextToken=page(startFromHead=True)[1])[1])[1]
    put(logs, "h")
    assert page(nextToken=end)[0] == "h"


def test_the_tail_of_an_empty_stream_begins_with_its_first_event(logs: Any) -> None:
    token = logs.get_log_events(logGroupName=GROUP, logStreamName="web/1")["nextForwardToken"]
    put(logs, "first")

    answer = logs.get_log_events(logGroupIdentifier=GROUP, logStreamName="web/1", nextToken=token)
    assert [event["message"] for event in answer["events"]] == ["first"]


def test_a_stretch_of_a_group_is_filtered_over_its_streams(logs: Any) -> None:
    for name in ("web/2", "db/1"):
        logs.create_log_stream(logGroupName=GROUP, logStreamName=name)
    at = now_ms() - 60_000
    put(logs, "GET / 200", "GET /cats 500", at=at)
    put(logs, "GET / 200", '{"status": 500}', stream="web/2", at=at + 100)
    put(logs, "SELECT", stream="db/1", at=at + 200)

    assert read(logs, filterPattern="GET -200") == ["GET /cats 500"]
    assert read(logs, filterPattern="{ $.status = 500 }") == ['{"status": 500}']
    assert read(logs, filterPattern="[verb, path, status=5*]") == ["GET /cats 500"]
    assert read(logs, logStreamNamePrefix="web/", startTime=at + 1, endTime=at + 100) == ["GET /cats 500", "GET / 200"]
    assert read(logs, logStreamNames=["db/1", "web/2"]) == ["GET / 200", '{"status": 500}', "SELECT"]
    assert read(logs, logStreamNamePrefix="none") == []
    assert read(logs, startFromHead=False, limit=2) == ["SELECT", '{"status": 500}']
    (event,) = logs.filter_log_events(logGroupName=GROUP, filterPattern="SELECT")["events"]
    assert (event["logStreamName"], event["timestamp"], len(event["eventId"])) == ("db/1", at + 200, 56)


def test_pages_of_a_filter_are_whole_for_a_paginator(logs: Any) -> None:
    at = now_ms() - 60_000
    for start in range(0, 5_000, 2_500):
        put(logs, *(f"{number} {'even' if number % 2 == 0 else 'odd'}" for number in range(start, start + 2_500)), at=at)
    pages = list(logs.get_paginator("filter_log_events").paginate(logGroupName=GROUP, filterPattern="even", limit=700))

    messages = [event["message"] for one in pages for event in one["events"]]
    assert all(len(one["events"]) <= 700 for one in pages)
    assert sorted(int(message.split()[0]) for message in messages) == list(range(0, 5_000, 2))


@pytest.mark.parametrize(
    "crafted", [f"arn:a:log-group:{GROUP}:x:y:other", f"arn:x:log-group:{GROUP}", f"arn:a:log-group:{GROUP}:b:c:log-group:x"]
)
def test_what_is_no_arn_of_a_group_names_none(logs: Any, crafted: str) -> None:
    """Where IAM is enforced, who may read another group could read this one by it."""
    code, _ = refusal(lambda: logs.filter_log_events(logGroupIdentifier=crafted))
    asked = candidates("logs", "FilterLogEvents", {"logGroupIdentifier": crafted}, PLACE, RegionFacts(None))

    assert code in {"ResourceNotFoundException", "InvalidParameterException"}
    assert {resource.partition(":log-group:")[2] for _, resource in asked} == {f"{crafted}:log-stream:"}


def test_times_without_end_are_times_too(logs: Any) -> None:
    put(logs, "one")
    end = 2**63 - 1
    query = logs.start_query(logGroupName=GROUP, startTime=0, endTime=end, queryString="fields @message")["queryId"]

    assert read(logs, endTime=end) == ["one"]
    assert len(logs.get_log_events(logGroupName=GROUP, logStreamName="web/1", endTime=end)["events"]) == 1
    assert ended(logs, query)["status"] == "Complete"


@pytest.mark.parametrize("value", [[2**70, 1], [1, -1], {}, "x", None])
def test_a_token_that_somebody_made_up_is_refused(logs: Any, value: Any) -> None:
    token = base64.urlsafe_b64encode(b"[" * 100_000 if value is None else json.dumps(value).encode()).decode()
    calls: list[Callable[[], Any]] = [
        lambda: logs.filter_log_events(logGroupName=GROUP, nextToken=token),
        lambda: logs.describe_log_streams(logGroupName=GROUP, nextToken=token),
        lambda: logs.get_log_record(logRecordPointer=token),
        lambda: logs.get_log_events(logGroupName=GROUP, logStreamName="web/1", nextToken=f"f/{0:015}{10**40}/s"),
        lambda: logs.describe_queries(nextToken="9" * 2_000),
    ]
    codes = [refusal(call)[0] for call in calls]

    assert codes == ["InvalidParameterException"] * len(calls)


def test_a_page_holds_no_more_than_a_megabyte(logs: Any) -> None:
    for _ in range(3):
        put(logs, "x" * 600_000)

    assert len(logs.filter_log_events(logGroupName=GROUP)["events"]) == 1
    assert len(logs.get_log_events(logGroupName=GROUP, logStreamName="web/1")["events"]) == 1
    pages = logs.get_paginator("filter_log_events").paginate(logGroupName=GROUP)
    assert sum(len(one["events"]) for one in pages) == 3


def test_streams_are_listed_by_name_and_by_their_last_event(logs: Any) -> None:
    at = now_ms() - 60_000
    for number in range(2, 6):
        logs.create_log_stream(logGroupName=GROUP, logStreamName=f"web/{number}")
    put(logs, "b", stream="web/3", at=at + 10)
    put(logs, "a", "z", stream="web/2", at=at)

    def names(**parameters: Any) -> list[str]:
        pages = logs.get_paginator("describe_log_streams").paginate(
            logGroupName=GROUP, PaginationConfig={"PageSize": 2}, **parameters
        )
        return [one["logStreamName"] for page in pages for one in page["logStreams"]]

    assert names() == [f"web/{number}" for number in range(1, 6)]
    assert names(logStreamNamePrefix="web/3") == ["web/3"]
    assert names(orderBy="LastEventTime", descending=True) == ["web/3", "web/2", "web/5", "web/4", "web/1"]
    (stream,) = logs.describe_log_streams(logGroupName=GROUP, logStreamNamePrefix="web/2")["logStreams"]
    assert (stream["firstEventTimestamp"], stream["lastEventTimestamp"], stream["storedBytes"]) == (at, at + 1, 0)
    assert stream["arn"].endswith(f":log-group:{GROUP}:log-stream:web/2")
    assert abs(stream["lastIngestionTime"] - now_ms()) < 60_000


def test_groups_are_listed_page_by_page(open_door: OpenDoor) -> None:
    logs = open_door().client("logs")
    for number in range(7):
        logs.create_log_group(logGroupName=f"g{number}")
    pages = list(logs.get_paginator("describe_log_groups").paginate(PaginationConfig={"PageSize": 3}))

    assert [len(page["logGroups"]) for page in pages] == [3, 3, 1]
    assert [one["logGroupName"] for page in pages for one in page["logGroups"]] == [f"g{number}" for number in range(7)]


def test_what_is_written_is_there_after_a_restart_and_moto_is_not_asked(open_door: OpenDoor, tmp_path: Path) -> None:
    door = open_door(directory=tmp_path)
    logs = door.client("logs")
    logs.create_log_group(logGroupName=GROUP)
    logs.create_log_stream(logGroupName=GROUP, logStreamName="web/1")
    put(logs, "GET /?a=1&Action=DeleteLogGroup&logStreamName=other&x=1")
    assert not door.moto.has_records_of("logs")
    door.stop()

    assert read(open_door(directory=tmp_path).client("logs")) == ["GET /?a=1&Action=DeleteLogGroup&logStreamName=other&x=1"]


def test_a_metric_filter_is_kept_tested_and_deleted_with_its_group(logs: Any) -> None:
    transformation = {"metricName": "Slow", "metricNamespace": "Cats", "metricValue": "$.ms", "unit": "Milliseconds"}
    logs.put_metric_filter(
        logGroupName=GROUP, filterName="slow", filterPattern="{ $.ms > 1000 }", metricTransformations=[transformation]
    )

    (found,) = logs.describe_metric_filters(logGroupName=GROUP, filterNamePrefix="s")["metricFilters"]
    assert (found["filterPattern"], found["metricTransformations"]) == ("{ $.ms > 1000 }", [transformation])
    assert logs.describe_metric_filters(metricName="Slow", metricNamespace="Cats")["metricFilters"] == [found]
    assert logs.describe_log_groups()["logGroups"][0]["metricFilterCount"] == 1
    tested = logs.test_metric_filter(filterPattern="[ip, status=5*]", logEventMessages=["1.2.3.4 200", "1.2.3.4 503"])
    assert tested["matches"] == [
        {"eventNumber": 2, "eventMessage": "1.2.3.4 503", "extractedValues": {"$ip": "1.2.3.4", "$status": "503"}}
    ]
    both = {**transformation, "defaultValue": 0.0, "dimensions": {"Path": "$.path"}}
    _, message = refusal(
        lambda: logs.put_metric_filter(
            logGroupName=GROUP, filterName="both", filterPattern="{ $.ms > 1 }", metricTransformations=[both]
        )
    )
    assert message == "Invalid metric transformation: dimensions and default value are mutually exclusive properties."
    logs.delete_metric_filter(logGroupName=GROUP, filterName="slow")
    assert refusal(lambda: logs.delete_metric_filter(logGroupName=GROUP, filterName="slow")) == (
        "ResourceNotFoundException",
        "The specified metric filter does not exist.",
    )


def test_the_fields_of_a_groups_events_are_told(logs: Any) -> None:
    put(logs, '{"status": 200, "request": {"path": "/"}}', "plain", at=now_ms() - 1000)

    fields = logs.get_log_group_fields(logGroupName=GROUP)["logGroupFields"]
    assert {one["name"]: one["percent"] for one in fields}["request.path"] == 50
    assert {"name": "@message", "percent": 100} in fields


def ended(logs: Any, query_id: str) -> dict[str, Any]:
    """The answer of a query once it has ended."""
    for _ in range(2_000):
        answer: dict[str, Any] = logs.get_query_results(queryId=query_id)
        if answer["status"] not in {"Scheduled", "Running"}:
            return answer
    return pytest.fail("the query does not end")


def test_a_query_runs_over_the_groups_and_the_time_that_it_names(logs: Any) -> None:
    logs.create_log_group(logGroupName="other")
    logs.create_log_stream(logGroupName="other", logStreamName="s")
    at = now_ms() - 600_000
    put(logs, *(f'{{"status": {200 + 300 * (number % 2)}}}' for number in range(5_000)), at=at)
    logs.put_log_events(logGroupName="other", logStreamName="s", logEvents=[{"timestamp": at, "message": '{"status": 500}'}])

    def ask(query: str, **where: Any) -> dict[str, Any]:
        started = logs.start_query(queryString=query, startTime=at // 1000, endTime=now_ms() // 1000, **where)
        return ended(logs, started["queryId"])

    answer = ask("filter status >= 500 | stats count(*) as errors by @log", logGroupNames=[GROUP, "other"])
    errors = {row[0]["value"]: row[1]["value"] for row in answer["results"]}
    assert (answer["status"], errors) == ("Complete", {f"{PLACE.account}:{GROUP}": "2500", f"{PLACE.account}:other": "1"})
    assert (answer["statistics"]["recordsScanned"], answer["statistics"]["recordsMatched"]) == (5_001, 2_501)
    (newest,) = ask("fields @timestamp, @message | limit 1", logGroupName=GROUP)["results"]
    fields = {one["field"]: one["value"] for one in newest}
    assert fields["@message"] == '{"status": 500}'
    record = logs.get_log_record(logRecordPointer=fields["@ptr"])["logRecord"]
    assert (record["@timestamp"], record["status"]) == (str(at + 4_999), "500")
    assert len(ask("fields @message", logGroupName=GROUP, limit=10)["results"]) == 10
    assert [one["status"] for one in logs.describe_queries(logGroupName=GROUP)["queries"]] == ["Complete"] * 3


def test_a_query_that_is_not_understood_says_where(logs: Any) -> None:
    with pytest.raises(ClientError) as caught:
        logs.start_query(logGroupName=GROUP, queryString="fields @message | nonsense", startTime=1, endTime=2)

    response: Any = caught.value.response
    assert response["Error"]["Code"] == "MalformedQueryException"
    assert response["queryCompileError"]["location"]["startCharOffset"] == 18
    code, message = refusal(lambda: logs.stop_query(queryId="none"))
    assert (code, message) == ("ResourceNotFoundException", "Query with queryId none does not exist.")


def test_results_are_kept_as_long_as_there_is_room(logs: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(queries, "RESULTS_MAX", 1_000)
    monkeypatch.setattr(queries, "UNDER_WAY_MAX", 1)
    put(logs, "x" * 600)

    def ask(text: str) -> str:
        started: str = logs.start_query(logGroupName=GROUP, startTime=0, endTime=now_ms(), queryString=text)["queryId"]
        assert ended(logs, started)["status"] == "Complete"
        return started

    first, small, last = ask("fields @message"), ask("stats count(*)"), ask("fields @message")
    kept: set[str] = set()
    for _ in range(100):  # they go just after the query has ended
        kept = {one["queryId"] for one in logs.describe_queries()["queries"]}
        if first not in kept:
            break

    assert kept == {small, last}
    assert refusal(lambda: logs.get_query_results(queryId=first))[0] == "ResourceNotFoundException"
    monkeypatch.setattr(queries, "UNDER_WAY_MAX", 0)
    assert refusal(lambda: ask("fields @message"))[0] == "LimitExceededException"


def test_definitions_of_queries_are_kept(logs: Any) -> None:
    made = logs.put_query_definition(name="errors", queryString="filter @message like /ERROR/", logGroupNames=[GROUP])
    (found,) = logs.describe_query_definitions(queryDefinitionNamePrefix="err")["queryDefinitions"]

    assert (found["queryDefinitionId"], found["logGroupNames"]) == (made["queryDefinitionId"], [GROUP])
    assert logs.delete_query_definition(queryDefinitionId=made["queryDefinitionId"])["success"]
    assert logs.describe_query_definitions()["queryDefinitions"] == []


def test_events_that_a_subscription_filter_fits_reach_its_function(open_door: OpenDoor) -> None:
    door = open_door()
    logs = door.client("logs")
    logs.create_log_group(logGroupName=GROUP)
    logs.create_log_stream(logGroupName=GROUP, logStreamName="web/1")
    function = f"arn:aws:lambda:eu-west-1:{PLACE.account}:function:known"
    logs.put_subscription_filter(
        logGroupName=GROUP,
        filterName="errors",
        filterPattern="ERROR",
        destinationArn=function,
        roleArn="arn:aws:iam::1:role/r",
    )
    put(logs, "ERROR one", "fine", "ERROR two")

    payload = asyncio.run_coroutine_threadsafe(door.called.get(), door.loop).result(10)
    told = json.loads(gzip.decompress(base64.b64decode(payload["awslogs"]["data"])))
    assert [event["message"] for event in told["logEvents"]] == ["ERROR one", "ERROR two"]
    assert (told["messageType"], told["owner"], told["logGroup"], told["logStream"], told["subscriptionFilters"]) == (
        "DATA_MESSAGE",
        PLACE.account,
        GROUP,
        "web/1",
        ["errors"],
    )
    (found,) = logs.describe_subscription_filters(logGroupName=GROUP)["subscriptionFilters"]
    assert (found["filterName"], found["destinationArn"], found["distribution"]) == ("errors", function, "ByLogStream")
    logs.delete_subscription_filter(logGroupName=GROUP, filterName="errors")
    assert logs.describe_subscription_filters(logGroupName=GROUP)["subscriptionFilters"] == []


@pytest.mark.parametrize(
    ("arn", "told"),
    [
        ("arn:aws:lambda:eu-west-1:111122223333:function:other", "`ninelives up --function other=URL` names a stand-in"),
        (
            "arn:aws:kinesis:eu-west-1:111122223333:stream/s",
            "Lambda functions that have a stand-in, not to arn:aws:kinesis",
        ),
    ],
)
def test_a_destination_that_is_not_here_is_refused(logs: Any, arn: str, told: str) -> None:
    code, message = refusal(
        lambda: logs.put_subscription_filter(logGroupName=GROUP, filterName="f", filterPattern="", destinationArn=arn)
    )

    assert code == "InvalidParameterException"
    assert told in message


def test_resource_policies_are_kept(logs: Any) -> None:
    logs.put_resource_policy(policyName="events", policyDocument='{"Version": "2012-10-17"}')

    assert [one["policyName"] for one in logs.describe_resource_policies()["resourcePolicies"]] == ["events"]
    logs.delete_resource_policy(policyName="events")
    assert logs.describe_resource_policies()["resourcePolicies"] == []


def test_what_is_not_there_is_refused_by_its_name(logs: Any) -> None:
    assert refusal(lambda: logs.create_export_task(logGroupName=GROUP, fromTime=1, to=2, destination="b")) == (
        "UnknownOperationException",
        "ninelives does not implement logs:CreateExportTask yet.",
    )


def test_a_live_tail_tells_what_comes_in(open_door: OpenDoor) -> None:
    door = open_door()
    logs = door.client("logs", config=Config(inject_host_prefix=False))
    logs.create_log_group(logGroupName=GROUP)
    logs.create_log_stream(logGroupName=GROUP, logStreamName="web/1")
    put(logs, "ERROR before")
    arn = f"arn:aws:logs:eu-west-1:{PLACE.account}:log-group:{GROUP}"
    stream = logs.start_live_tail(logGroupIdentifiers=[arn], logEventFilterPattern="ERROR")["responseStream"]
    events = iter(stream)
    assert next(events)["sessionStart"]["logGroupIdentifiers"] == [arn]
    put(door.client("logs"), "fine", "ERROR now")

    told = next(update for update in (next(events)["sessionUpdate"] for _ in range(10)) if update["sessionResults"])
    (event,) = told["sessionResults"]
    assert (event["message"], event["logStreamName"], event["logGroupIdentifier"]) == (
        "ERROR now",
        "web/1",
        f"{PLACE.account}:{GROUP}",
    )
    stream.close()
    assert not told["sessionMetadata"]["sampled"]
