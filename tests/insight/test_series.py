"""Metrics are read in as few calls as CloudWatch allows, and named as people write them."""

from datetime import timedelta

import pytest
from fake_account import MINUTE, NOON, CloudWatch, account, minutes

from ninelives.insight.series import Metric, Window, read_metric, read_series, window

SPAN = Window(start=NOON - 5 * MINUTE, end=NOON, period=60)


def test_five_hundred_metrics_are_one_call_and_each_is_asked_for_once() -> None:
    cloudwatch = CloudWatch({"A/m499:Sum": minutes(1, 2)})
    metrics = [Metric(namespace="A", name=f"m{number}", statistic="Sum") for number in range(500)]

    found = read_series(account(cloudwatch), [*metrics, *metrics], SPAN)

    assert cloudwatch.calls == 1
    assert found[metrics[499]].values == (1, 2)
    assert found[metrics[0]].values == ()

    read_series(account(cloudwatch), [*metrics, Metric(namespace="A", name="more")], SPAN)
    assert cloudwatch.calls == 3


def test_what_comes_in_pages_is_put_together() -> None:
    cloudwatch = CloudWatch({"A/b:p99": minutes(1, None, 3, 4, 5)}, page=2)

    found = read_series(account(cloudwatch), [read_metric("A/b:p99")], SPAN)

    assert found[read_metric("A/b:p99")].values == (1, 3, 4, 5)
    assert cloudwatch.calls == 2


@pytest.mark.parametrize("written", ["Cats/Purrs:Average", "AWS/SQS/Age{QueueName=a}:Maximum", "A/b{C=d,E=f g}:p99.9"])
def test_a_metric_is_written_as_it_is_read(written: str) -> None:
    assert written == read_metric(written).written


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("Purrs", "expected Namespace/Name"),
        ("A/b{c}", "expected dimensions"),
        ("A/b{=d}", "expected dimensions"),
        ("A/b:mean", "expected a statistic"),
        ("A/b:p99999", "expected a statistic"),
        ("A/b{c=d", "expected Namespace/Name"),
    ],
)
def test_a_metric_that_cannot_be_read_is_told_with_what_was_expected(text: str, why: str) -> None:
    with pytest.raises(ValueError, match=why):
        read_metric(text)


@pytest.mark.parametrize(
    ("since", "scale_shortest", "period"),
    [
        (timedelta(hours=1), 60, 60),
        (timedelta(hours=24), 60, 900),
        (timedelta(minutes=10), 5, 5),
        (timedelta(days=16), 60, 21600),
        (timedelta(days=70), 60, 86400),
    ],
)
def test_the_period_is_the_shortest_that_fits_and_that_is_kept(since: timedelta, scale_shortest: int, period: int) -> None:
    assert period == window(NOON, since, period=None, points=120, shortest=scale_shortest).period


def test_a_period_that_has_not_ended_is_left_out_lest_it_shows_half_a_count() -> None:
    at = NOON + timedelta(seconds=30)

    assert NOON == window(at, timedelta(hours=1), period=60, points=100).end
    assert NOON - MINUTE == window(NOON, timedelta(hours=1), period=60, points=100).end
