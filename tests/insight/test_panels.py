"""Panels say what the service did, and why they are empty where they are."""

from datetime import timedelta

from fake_account import FILE, NOON, CloudWatch, account, minutes

from ninelives.deploy.reading import parse_service_file
from ninelives.insight.panels import Asked, Panel, read_picture

BALANCER = "LoadBalancer=app/cats/1"
GROUP = f"{{{BALANCER},TargetGroup=targetgroup/cats/2}}"
OTHER = f"{{{BALANCER},TargetGroup=targetgroup/cats-alternate/2}}"
ELB = "AWS/ApplicationELB"
SINCE = Asked(since=timedelta(minutes=5))


def panels(cloudwatch: CloudWatch, *, groups: tuple[str, ...] = ("cats",), insights: str = "disabled") -> dict[str, Panel]:
    picture = read_picture(account(cloudwatch, groups=groups, insights=insights), FILE, SINCE, NOON + timedelta(seconds=5))
    return {panel.name: panel for panel in picture.panels}


def test_all_panels_take_one_call() -> None:
    cloudwatch = CloudWatch({})

    panels(cloudwatch, groups=("cats", "cats-alternate"), insights="enabled")

    assert cloudwatch.calls == 1


def test_requests_and_answers_are_a_second_and_errors_in_percent() -> None:
    found = panels(
        CloudWatch(
            {
                f"{ELB}/RequestCount{GROUP}:Sum": minutes(120, 600),
                f"{ELB}/HTTPCode_Target_2XX_Count{GROUP}:Sum": minutes(120, 588),
                f"{ELB}/HTTPCode_Target_5XX_Count{GROUP}:Sum": minutes(None, 6),
                f"{ELB}/HTTPCode_ELB_5XX_Count{{{BALANCER}}}:Sum": minutes(None, 6, 9),
            }
        )
    )

    assert found["requests"].lines[0].series.values == (2, 10)
    assert [line.label for line in found["answers"].lines] == ["2xx", "5xx", "5xx of the load balancer"]
    assert found["errors"].lines[0].series.values == (0, 2, 100)


def test_while_two_groups_take_traffic_each_has_its_line() -> None:
    cloudwatch = CloudWatch(
        {
            f"{ELB}/RequestCount{GROUP}:Sum": minutes(60, 30),
            f"{ELB}/RequestCount{OTHER}:Sum": minutes(None, 30),
            f"{ELB}/TargetResponseTime{GROUP}:p99": minutes(0.1, 0.1),
            f"{ELB}/TargetResponseTime{OTHER}:p99": minutes(None, 0.2),
        }
    )

    found = panels(cloudwatch, groups=("cats", "cats-alternate"))

    assert [line.label for line in found["requests"].lines] == ["cats", "cats-alternate"]
    assert [line.label for line in found["response_time"].lines][-2:] == ["p99 of cats", "p99 of cats-alternate"]
    assert found["response_time"].lines[-1].series.values == (200,)


def test_a_panel_without_data_says_why() -> None:
    found = panels(CloudWatch({}))

    assert found["requests"].no_data == "no requests in this time"
    assert "Container Insights is off" in (found["tasks"].no_data or "")
    assert "whole minute" in (found["cpu"].no_data or "")
    assert panels(CloudWatch({}), groups=())["hosts"].no_data == "no target group of the service is there"
    assert panels(CloudWatch({}), insights="enhanced")["tasks"].no_data == "Container Insights has told nothing yet"


def test_alarms_are_told_with_their_history_oldest_first() -> None:
    cloudwatch = CloudWatch({})
    cloudwatch.alarms = [{"AlarmName": "cats-5xx", "StateValue": "ALARM", "StateReason": "crossed"}]
    cloudwatch.history = [
        {"AlarmName": "cats-5xx", "Timestamp": NOON, "HistorySummary": "Alarm updated from OK to ALARM"},
        {
            "AlarmName": "cats-5xx",
            "Timestamp": NOON - timedelta(minutes=4),
            "HistorySummary": "",
            "HistoryData": '{"newState": {"stateValue": "OK", "stateReason": "fine"}}',
        },
    ]

    picture = read_picture(account(cloudwatch), FILE, SINCE, NOON)

    [alarm] = picture.surroundings.alarms
    assert (alarm.name, alarm.state) == ("cats-5xx", "ALARM")
    assert [(change.to, change.reason) for change in alarm.history] == [("OK", "fine"), ("ALARM", "")]


def test_an_alarm_that_the_file_names_and_that_is_not_there_is_told_as_missing() -> None:
    file = parse_service_file(
        "service: cats\nimage: .\nport: 4567\ncluster: c\ndeploy: {rollback: {alarms: [{5xx: {above: 1%}}, other]}}\n"
    )

    alarms = read_picture(account(CloudWatch({})), file, SINCE, NOON).surroundings.alarms

    assert [(one.name, one.state) for one in alarms] == [("cats-5xx", None), ("other", None)]
