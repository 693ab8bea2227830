"""The embedded metric format: what is valid becomes metrics, what is not becomes none, and an ordinary line costs nothing."""

import json
from typing import Any

import pytest

from ninelives.monitoring.embedded_metrics import UNITS, EmbeddedInvalid, embedded_metrics

NOW = 1_795_780_000_000


def event(directive: dict[str, Any] | None = None, **members: Any) -> str:
    default = {"Namespace": "Cats", "Dimensions": [["path"]], "Metrics": [{"Name": "ms", "Unit": "Milliseconds"}]}
    metadata = {"Timestamp": NOW, "CloudWatchMetrics": [{**default, **(directive or {})}]}
    return json.dumps({"_aws": metadata, "path": "/", "ms": 12, **members})


def test_each_set_of_dimensions_makes_a_metric() -> None:
    found = embedded_metrics(event({"Dimensions": [["path"], ["path", "version"], []]}, version="2.0.1"))

    assert [one.metric.dimensions for one in found] == [(("path", "/"),), (("path", "/"), ("version", "2.0.1")), ()]
    assert {(one.metric.namespace, one.metric.name, one.values, one.unit, one.at_ms) for one in found} == {
        ("Cats", "ms", (12.0,), "Milliseconds", NOW)
    }


def test_values_may_be_many_and_kept_by_the_second() -> None:
    (found,) = embedded_metrics(event({"Metrics": [{"Name": "ms", "StorageResolution": 1}]}, ms=[1, 2.5, 1]))

    assert (found.values, found.unit, found.by_the_second) == ((1.0, 2.5, 1.0), "None", True)


@pytest.mark.parametrize(
    "message", ["plain", '{"_aws": 1}', 'says "_aws"', '{"_aws": {"Timestamp": 1}}', "[1]", event(ms=12)[:-1]]
)
def test_an_ordinary_line_has_none(message: str) -> None:
    assert embedded_metrics(message) == ()


def test_a_metric_that_the_event_does_not_have_is_left_out() -> None:
    assert embedded_metrics(event({"Metrics": [{"Name": "none"}]})) == ()


@pytest.mark.parametrize(
    ("message", "why"),
    [
        (event({"Namespace": ""}), "Namespace must have from 1"),
        (event({"Dimensions": [["none"]]}), "the dimension none has no text"),
        (event(path=7), "the dimension path has no text"),
        (event({"Dimensions": [[str(number) for number in range(31)]]}), "Dimensions must be 30"),
        (event({"Dimensions": "path"}), "Dimensions must be a list"),
        (event({"Metrics": [{"Unit": "Count"}]}), "Name must be a text"),
        (event({"Metrics": [{"Name": "ms", "Unit": "Parsecs"}]}), "Parsecs is no unit"),
        (event({"Metrics": [{"Name": "ms", "StorageResolution": 5}]}), "StorageResolution must be 1 or 60"),
        (event({"Metrics": [{"Name": "ms", "Unit": []}]}), "is no unit"),
        (event({"Metrics": [{"Name": "ms", "StorageResolution": []}]}), "StorageResolution must be 1 or 60"),
        (event(ms=10**400), "ms is no number"),
        (event(ms=2.0**361), "ms is no number"),
        (event({"Dimensions": [[]] * 1001}), "metrics and their sets of Dimensions must be 1000"),
        (event(ms="12"), "ms is no number"),
        (event(ms=[1] * 101), "ms must have 100 values"),
        (event({"Metrics": [{"Name": str(number)} for number in range(101)]}), "Metrics must be 100"),
        (json.dumps({"_aws": {"CloudWatchMetrics": [], "Timestamp": "now"}}), "Timestamp must be"),
    ],
)
def test_what_breaks_the_format_makes_none(message: str, why: str) -> None:
    with pytest.raises(EmbeddedInvalid, match=why):
        embedded_metrics(message)


def test_units_are_cloudwatchs() -> None:
    from ninelives.api.service_model import load_service

    assert set(load_service("cloudwatch").shape("StandardUnit").traits["enum"]) == UNITS
