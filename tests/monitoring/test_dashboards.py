"""What is wrong with the bodies of dashboards, by a table."""

from typing import Any

import pytest

from ninelives.monitoring import findings


def metric(**properties: Any) -> dict[str, Any]:
    return {"type": "metric", "x": 0, "y": 0, "width": 12, "height": 6, "properties": {"region": "eu-west-1", **properties}}


GOOD = [
    metric(metrics=[["AWS/ECS", "CPUUtilization", "ClusterName", "live", {"stat": "p99"}], [{"expression": "m1 * 2"}]]),
    metric(annotations={"alarms": ["arn:aws:cloudwatch:eu-west-1:123456789012:alarm:5xx"]}, view="timeSeries"),
    metric(metrics=[[".", "MemoryUtilization", ".", "."]], view="singleValue"),
    {"type": "log", "properties": {"region": "eu-west-1", "query": "SOURCE 'a' | fields @message"}},
    {"type": "alarm", "properties": {"alarms": []}},
    {"type": "text", "properties": {"markdown": "# Cats"}},
]


def test_good_widgets_are_good() -> None:
    assert findings({"start": "-PT3H", "widgets": GOOD}) == []


@pytest.mark.parametrize(
    ("widget", "path", "message"),
    [
        ("text", "", "Should be object"),
        ({}, "", "Should have required property 'type'"),
        ({"type": "chart"}, "/type", "Should be one of alarm, explorer, log, metric, text"),
        ({"type": []}, "/type", "Should be one of"),
        ({"type": "text"}, "", "Should have required property 'properties'"),
        ({"type": "log", "properties": {"region": "r"}}, "/properties", "Should have required property 'query'"),
        ({"type": "alarm", "properties": {"alarms": "5xx"}}, "/properties/alarms", "Should be array"),
        ({"type": "text", "properties": {"markdown": 7}}, "/properties/markdown", "Should be string"),
        (metric(), "/properties", "Should have required property 'metrics'"),
        (metric(metrics={}), "/properties/metrics", "Should be array"),
        (metric(metrics=["m"]), "/properties/metrics/0", "Should be array"),
        (metric(metrics=[[]]), "/properties/metrics/0", "Should NOT have fewer than 2 items"),
        (metric(metrics=[["a", "b", "c"]]), "/properties/metrics/0", "A metric is"),
        (metric(metrics=[["a", 2]]), "/properties/metrics/0/1", "Should be string"),
        (metric(metrics=[], view="cake"), "/properties/view", "Should be one of"),
        (metric(metrics=[], view=[]), "/properties/view", "Should be one of"),
        ({**GOOD[0], "x": 24}, "/x", "Should be <= 23"),
        ({**GOOD[0], "width": 0}, "/width", "Should be >= 1"),
        ({**GOOD[0], "height": "6"}, "/height", "Should be integer"),
    ],
)
def test_what_is_wrong_is_told_with_its_place(widget: Any, path: str, message: str) -> None:
    found = [one for one in findings({"widgets": [GOOD[5], widget]}) if one.is_error]

    assert [one.path for one in found] == [f"/widgets/1{path}"]
    assert found[0].message.startswith(message)


def test_a_body_without_widgets_or_with_too_many_is_refused() -> None:
    assert [one.message for one in findings({})] == ["Should have required property 'widgets'"]
    assert [one.path for one in findings({"widgets": {}})] == ["/widgets"]
    assert [one.path for one in findings({"widgets": [GOOD[5]] * 501})] == ["/widgets"]


def test_what_is_only_odd_is_a_warning() -> None:
    odd = {**GOOD[0], "x": 20, "colour": "blue"}

    assert {(one.path, one.is_error) for one in findings({"widgets": [odd]})} == {
        ("/widgets/0/width", False),
        ("/widgets/0/colour", False),
    }
