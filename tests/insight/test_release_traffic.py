"""Traffic of a release as CloudWatch counted it: what came before the release is not laid at its door."""

from datetime import timedelta

from fake_account import MINUTE, NOON, CloudWatch, account, minutes

from ninelives.deploy.release_record import Traffic
from ninelives.insight.release_traffic import traffic_of
from ninelives.insight.series import Window
from ninelives.insight.surroundings import Group

BALANCER = "LoadBalancer=app/cats/1"
OLD = Group(name="cats", dimension="targetgroup/cats/2", version="1.0.0")
NEW = Group(name="cats-alternate", dimension="targetgroup/cats-alternate/2", version="2.0.1")
SPAN = Window(start=NOON - 5 * MINUTE, end=NOON, period=60)
BEGAN, ENDED = NOON - 3 * MINUTE + timedelta(seconds=10), NOON - 2 * MINUTE + timedelta(seconds=20)


def metric(name: str, group: Group, statistic: str = "Sum") -> str:
    return f"AWS/ApplicationELB/{name}{{{BALANCER},TargetGroup={group.dimension}}}:{statistic}"


def counted(**own: dict[object, float]) -> Traffic:
    known = {
        metric("RequestCount", OLD): minutes(60, 60, 30),
        metric("RequestCount", NEW): minutes(None, None, 30, 60, 60),
        metric("HTTPCode_Target_5XX_Count", OLD): minutes(7, None, None),
        metric("HTTPCode_Target_5XX_Count", NEW): minutes(None, None, 2, 1),
        f"AWS/ApplicationELB/HTTPCode_ELB_5XX_Count{{{BALANCER}}}:Sum": minutes(None, None, 1),
        f"AWS/ApplicationELB/TargetResponseTime{{{BALANCER}}}:p99": minutes(0.1, 0.2, 0.5, 0.3, 0.1),
        f"AWS/ApplicationELB/TargetResponseTime{{{BALANCER}}}:SampleCount": minutes(60, 60, 60, 60, 60),
        **own,
    }
    found = traffic_of(account(CloudWatch(known)), "app/cats/1", (OLD, NEW), SPAN, BEGAN, ENDED)  # type: ignore[arg-type]  # keys
    assert isinstance(found, Traffic)
    return found


def test_errors_from_the_beginning_of_the_release_on_are_counted_and_earlier_ones_shown_only() -> None:
    found = counted()

    assert found.source == "cloudwatch"
    assert [one.lost for one in found.bins] == [7, 0, 3, 1, 0]
    assert found.lost == 4
    assert found.total == (30 + 28 + 3) + (59 + 1) + 60


def test_each_version_has_its_answers_where_each_has_its_group() -> None:
    found = counted()

    assert found.bins[0].answers == {"1.0.0": 53}
    assert found.bins[2].answers == {"1.0.0": 30, "2.0.1": 28}
    assert found.answers == {"1.0.0": 30, "2.0.1": 28 + 59 + 60}
    assert found.total == found.lost + sum(found.answers.values())


def test_phases_have_their_worst_periods_percentiles_and_all_their_counts() -> None:
    found = counted()

    assert {name: one.p99 for name, one in found.phases.items()} == {"before": 200, "during": 500, "after": 100}
    assert {name: one.count for name, one in found.phases.items()} == {"before": 120, "during": 120, "after": 60}


def test_without_any_request_it_says_so() -> None:
    found = traffic_of(account(CloudWatch({})), "app/cats/1", (OLD,), SPAN, BEGAN, ENDED)

    assert found == "CloudWatch has counted no request around the release (yet)"
