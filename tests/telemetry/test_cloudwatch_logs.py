"""Lines reach CloudWatch Logs in order, in bounded calls, and a failing call stops nothing."""

import asyncio
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from ninelives.model.errors import ApiError
from ninelives.region.ports import LogLine
from ninelives.telemetry import logs
from ninelives.telemetry.logs import CloudWatchLogs

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)


class FakeLogs:
    """CloudWatch Logs as far as a writer sees it."""

    def __init__(self) -> None:
        self.groups: set[str] = set()
        self.streams: dict[tuple[str, str], list[str]] = {}
        self.calls: list[str] = []

    async def call(self, service: str, operation: str, parameters: Mapping[str, Any]) -> Mapping[str, Any]:
        assert service == "logs"
        self.calls.append(operation)
        group = parameters["logGroupName"]
        if operation == "CreateLogGroup":
            if group in self.groups:
                raise ApiError("ResourceAlreadyExistsException", "The specified log group already exists")
            self.groups.add(group)
            return {}
        if group not in self.groups:
            raise ApiError("ResourceNotFoundException", "The specified log group does not exist.")
        stream = self.streams.setdefault((group, parameters["logStreamName"]), [])
        stream.extend(event["message"] for event in parameters.get("logEvents", ()))
        return {}


def lines(*messages: str) -> list[LogLine]:
    return [
        LogLine(task_arn="t", container_name="web", timestamp=NOW + timedelta(milliseconds=number), message=message)
        for number, message in enumerate(messages)
    ]


def test_lines_arrive_in_order_and_the_group_is_made_where_the_options_say_so() -> None:
    async def scenario() -> FakeLogs:
        fake = FakeLogs()
        sink = CloudWatchLogs(fake.call)
        sink.write("/ecs/cats", "web/web/1", lines("one", "", "two"), create_group=True)
        sink.write("/ecs/cats", "web/web/1", lines("three"), create_group=True)
        await sink.flush()
        sink.write("/ecs/cats", "web/web/1", lines("four"), create_group=True)
        await sink.close()
        return fake

    fake = asyncio.run(scenario())

    assert sorted(["one", "two", "three", "four"]) == sorted(fake.streams["/ecs/cats", "web/web/1"])
    assert ["CreateLogGroup", "CreateLogStream", "PutLogEvents", "PutLogEvents"] == fake.calls


def test_a_missing_group_loses_its_own_lines_only() -> None:
    async def scenario() -> FakeLogs:
        fake = FakeLogs()
        sink = CloudWatchLogs(fake.call)
        sink.write("/missing", "s", lines("lost"), create_group=False)
        sink.write("/ecs/cats", "s", lines("kept"), create_group=True)
        await sink.close()
        return fake

    assert {("/ecs/cats", "s"): ["kept"]} == asyncio.run(scenario()).streams


def test_no_call_carries_more_than_the_limit() -> None:
    async def scenario() -> FakeLogs:
        fake = FakeLogs()
        sink = CloudWatchLogs(fake.call)
        sink.write("/ecs/cats", "s", lines(*(str(number) for number in range(logs.EVENTS_MAX * 2 + 1))), create_group=True)
        await sink.close()
        return fake

    fake = asyncio.run(scenario())

    assert 3 == fake.calls.count("PutLogEvents")
    assert logs.EVENTS_MAX * 2 + 1 == len(fake.streams["/ecs/cats", "s"])


def test_a_flood_is_bounded_and_drops_the_oldest() -> None:
    async def scenario() -> FakeLogs:
        fake = FakeLogs()
        sink = CloudWatchLogs(fake.call)
        sink.write("/g", "s", lines(*(str(number) for number in range(logs.LINES_WAITING_MAX + 10))), create_group=True)
        await sink.close()
        return fake

    kept = asyncio.run(scenario()).streams["/g", "s"]

    assert (logs.LINES_WAITING_MAX, "10") == (len(kept), kept[0])


class SlowLogs(FakeLogs):
    """Takes its time for each call, and tells when one has begun."""

    def __init__(self) -> None:
        super().__init__()
        self.begun = asyncio.Event()

    async def call(self, service: str, operation: str, parameters: Mapping[str, Any]) -> Mapping[str, Any]:
        self.begun.set()
        await asyncio.sleep(0.01)
        return await super().call(service, operation, parameters)


def test_closing_in_the_middle_of_a_call_loses_no_line_and_writes_none_twice() -> None:
    async def run() -> dict[tuple[str, str], list[str]]:
        slow = SlowLogs()
        sink = CloudWatchLogs(slow.call)
        sink.write("cats", "web/1", lines("a", "b"), create_group=True)
        await slow.begun.wait()
        sink.write("cats", "web/1", lines("c"), create_group=True)
        await sink.close()
        return slow.streams

    assert {("cats", "web/1"): ["a", "b", "c"]} == asyncio.run(run())
