"""Log events become metrics: by filters with values, dimensions and defaults, and by what they say themselves."""

import asyncio
import json
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from ninelives.model.arns import Place
from ninelives.model.logs import MetricFilter, MetricTransformation
from ninelives.telemetry.logs import Batch, CloudWatchLogs, DerivedMetrics
from ninelives.telemetry.logs.derived_metrics import DataPoint

PLACE = Place(region="eu-west-1", account="123456789012")
NOW = datetime(2026, 11, 27, 12, 0, 30, tzinfo=UTC)
Told = dict[tuple[str, str, tuple[tuple[str, str], ...]], list[Any]]


def told(*minutes: Sequence[str], **transformation: Any) -> Told:
    """The sums that events, minute by minute, of a group with one filter for ``{ $.ms = * }`` make."""

    async def main() -> Told:
        found: Told = {}
        now = NOW

        def put(points: Sequence[DataPoint]) -> None:
            for one in points:
                key = (one.metric.namespace, one.metric.name, one.metric.dimensions)
                found.setdefault(key, []).append((one.distribution.sum, one.unit, one.at))

        logs = CloudWatchLogs(None, place=PLACE, now=lambda: now)
        derived = DerivedMetrics(put, minute=timedelta(minutes=1))
        logs.observe(derived.heard, tick=derived.tell_defaults)
        await logs.put(
            [Batch(group="g", stream="s", events=[(int(now.timestamp() * 1000), "x")], makes_stream=True, makes_group=True)]
        )
        made = MetricTransformation(**{"name": "ms", "namespace": "Cats", "value": "$.ms", **transformation})
        kept = MetricFilter(group="g", name="f", pattern="{ $.ms = * }", transformation=made, created_ms=0)
        await logs.write(lambda store: store.put_record(kept))
        for messages in minutes:
            if messages:
                at_ms = int(now.timestamp() * 1000)
                await logs.put([Batch(group="g", stream="s", events=[(at_ms, message) for message in messages])])
            await logs.tend()
            now += timedelta(minutes=1)
        await logs.tend()
        await logs.close()
        return found

    return asyncio.run(main())


def test_a_filter_takes_values_and_dimensions_from_its_events() -> None:
    found = told(
        ['{"ms": 3, "path": "/"}', '{"ms": 4, "path": "/"}', '{"ms": 5, "path": "/cats"}', '{"ms": 9}', "no"],
        dimensions={"Path": "$.path"},
        unit="Milliseconds",
    )

    assert found["Cats", "ms", (("Path", "/"),)] == [(7.0, "Milliseconds", NOW)]
    assert found["Cats", "ms", (("Path", "/cats"),)] == [(5.0, "Milliseconds", NOW)]
    assert ("Cats", "ms", ()) not in found


def test_a_constant_counts_events_and_what_is_no_number_does_not() -> None:
    assert told(['{"ms": 3}', '{"ms": "x"}'], value="1")["Cats", "ms", ()] == [(2.0, "None", NOW)]
    assert told(['{"ms": 3}', '{"ms": "x"}'])["Cats", "ms", ()] == [(3.0, "None", NOW)]


def test_a_minute_with_events_of_which_none_matches_has_the_default_value() -> None:
    minute = NOW.replace(second=0) + timedelta(minutes=1)
    found = told(['{"ms": 3}', "no"], ["no", "no"], [], ['{"ms": 4}'], default=0.0)

    assert found["Cats", "ms", ()] == [(3.0, "None", NOW), (0.0, "None", minute), (4.0, "None", NOW + timedelta(minutes=3))]


def test_what_an_event_says_of_itself_is_told_and_what_arrives_is_counted() -> None:
    at_ms = int(NOW.timestamp() * 1000)
    directive = {"Namespace": "Own", "Dimensions": [[]], "Metrics": [{"Name": "cats", "Unit": "Count"}]}
    good = json.dumps({"_aws": {"Timestamp": at_ms, "CloudWatchMetrics": [directive]}, "cats": [1, 2]})
    old = json.dumps({"_aws": {"Timestamp": at_ms - 15 * 86_400_000, "CloudWatchMetrics": [directive]}, "cats": 5})
    bad = json.dumps({"_aws": {"Timestamp": at_ms, "CloudWatchMetrics": [directive]}, "cats": "many"})
    found = told([good, old, bad])
    in_group = (("LogGroupName", "g"),)

    assert found["Own", "cats", ()] == [(3.0, "Count", NOW)]
    assert found["AWS/Logs", "EMFValidationErrors", in_group] == [(1.0, "None", NOW)]
    assert [one[0] for one in found["AWS/Logs", "IncomingLogEvents", in_group]] == [1.0, 3.0]
    assert found["AWS/Logs", "IncomingBytes", in_group][1][0] == len(good) + len(old) + len(bad) + 3 * 26
