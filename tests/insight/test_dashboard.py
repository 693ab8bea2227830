"""A dashboard from the service file: good by CloudWatch's rules, beside the limits that the file sets."""

import json
from datetime import timedelta
from typing import Any

import pytest
from botocore.exceptions import ClientError
from fake_account import NOON, CloudWatch, account

from ninelives.deploy.aws import Aws
from ninelives.deploy.reading import parse_service_file
from ninelives.insight.dashboard import Subject, changes, dashboard_body, known_body, owning_stack, put, written
from ninelives.insight.panels import Asked, read_picture
from ninelives.insight.series import read_metric
from ninelives.insight.surroundings import Alarm, DeploymentMark, Group, Surroundings
from ninelives.monitoring.dashboards import findings

FILE = """\
service: cats
image: .
port: 4567
cluster: c
count: {min: 2, max: 10}
deploy: {strategy: blue-green, rollback: {alarms: [{5xx: {above: 1%}}, {latency: {p99: 2s}}]}}
scaling:
  cpu: 60%
  memory: 70%
  requests_per_task: 1000
  metrics: [{name: queue, namespace: Cats, metric: Waiting, dimensions: {Room: hall}, target: 5}]
"""


def subject(text: str = FILE, **around: Any) -> Subject:
    known: dict[str, Any] = {
        "cluster": "c",
        "service": "cats",
        "load_balancer": "app/cats/1",
        "groups": tuple(Group(name=name, dimension=f"targetgroup/{name}/2") for name in ("cats", "cats-alternate")),
        "has_insights": True,
        "time_scale": 1.0,
        "alarms": (Alarm(name="cats-5xx", state="OK", arn="arn:aws:cloudwatch:eu-west-1:1:alarm:cats-5xx"),),
        "deployments": (DeploymentMark(version="2.0.1", status="SUCCESSFUL", started_at=NOON, ended_at=None),),
    }
    return Subject(file=parse_service_file(text), around=Surroundings(**{**known, **around}), region="eu-west-1")


def charts(body: dict[str, Any]) -> dict[str, Any]:
    return {widget["properties"]["title"]: widget["properties"] for widget in body["widgets"]}


@pytest.mark.parametrize(
    "around",
    [
        {},
        {"load_balancer": None, "groups": (), "alarms": (), "deployments": (), "has_insights": None},
        {"groups": ()},
        {"has_insights": False},
    ],
    ids=["everything there", "nothing there", "no target group", "no Container Insights"],
)
def test_cloudwatch_has_nothing_to_remark_on(around: dict[str, Any]) -> None:
    body = dashboard_body(subject(**around))

    assert [] == findings(body)
    assert body == json.loads(written(body))


def test_no_two_widgets_lie_on_each_other() -> None:
    taken = [
        (x, y)
        for widget in dashboard_body(subject())["widgets"]
        for x in range(widget["x"], widget["x"] + widget["width"])
        for y in range(widget["y"], widget["y"] + widget["height"])
    ]

    assert len(taken) == len(set(taken))


def test_limits_of_alarms_and_targets_of_scaling_are_lines() -> None:
    lines = {
        title: [one["value"] for one in chart.get("annotations", {}).get("horizontal", ())]
        for title, chart in charts(dashboard_body(subject())).items()
    }

    assert lines["Errors"] == [1.0]
    assert lines["Time to answer, in seconds"] == [2.0]
    assert lines["CPU, percent of what is reserved"] == [60.0]
    assert lines["Memory, percent of what is reserved"] == [70.0]
    assert lines["Requests a task and minute"] == [1000.0]
    assert lines["Tasks"] == [2.0, 10.0]
    assert lines["queue: Waiting"] == [5.0]


def test_deployments_are_marked_where_their_effect_would_show() -> None:
    marked = {
        title for title, chart in charts(dashboard_body(subject())).items() if "vertical" in chart.get("annotations", {})
    }

    assert marked == {"Requests", "Errors", "Time to answer, in seconds", "Tasks"}


def test_the_share_of_errors_is_reckoned_from_metrics_that_are_there() -> None:
    errors = charts(dashboard_body(subject()))["Errors"]

    [share] = [one[0]["expression"] for one in errors["metrics"] if isinstance(one[0], dict)]
    names = {one[-1]["id"] for one in errors["metrics"] if not isinstance(one[0], dict)}
    assert share == "100*(FILL(t0,0)+FILL(t1,0)+FILL(own,0))/(FILL(r0,0)+FILL(r1,0))"
    assert names == {"own", "t0", "t1", "r0", "r1"}


def test_a_file_that_sets_no_limits_has_no_lines() -> None:
    body = dashboard_body(subject("service: cats\nimage: .\nport: 4567\n"))

    assert [] == [title for title, chart in charts(body).items() if "horizontal" in chart.get("annotations", {})]


class Dashboards:
    def __init__(self) -> None:
        self.kept: dict[str, str] = {}

    def get_dashboard(self, *, DashboardName: str) -> Any:  # noqa: N803 (boto3's spelling)
        if DashboardName not in self.kept:
            raise ClientError({"Error": {"Code": "ResourceNotFound", "Message": "no"}}, "GetDashboard")
        return {"DashboardBody": self.kept[DashboardName]}

    def put_dashboard(self, *, DashboardName: str, DashboardBody: str) -> Any:  # noqa: N803 (boto3's spelling)
        self.kept[DashboardName] = DashboardBody
        return {"DashboardValidationMessages": [{"DataPath": "/widgets/0", "Message": "hm"}]}


class Stacks:
    def describe_stack_resources(self, *, PhysicalResourceId: str) -> Any:  # noqa: N803 (boto3's spelling)
        if PhysicalResourceId != "cats-eu-west-1":
            raise ClientError({"Error": {"Code": "ValidationError", "Message": "no"}}, "DescribeStackResources")
        return {"StackResources": [{"ResourceType": "AWS::CloudWatch::Dashboard", "StackName": "ninelives-cats"}]}


def test_what_was_put_is_no_change_any_more() -> None:
    kept = Dashboards()
    clients: dict[str, Any] = {"cloudwatch": kept, "cloudformation": Stacks()}
    aws = Aws(clients.__getitem__, region="eu-west-1", is_local=False)
    body = dashboard_body(subject())

    assert changes("d", known_body(aws, "d"), written(body))[0] == "+++ d (new)"
    assert put(aws, "d", body) == ["/widgets/0: hm"]
    assert [] == changes("d", known_body(aws, "d"), written(body))
    other = dashboard_body(subject(has_insights=False))
    assert any(
        line.startswith("-") and "DesiredTaskCount" in line for line in changes("d", known_body(aws, "d"), written(other))
    )


def test_a_dashboard_of_a_stack_is_known_as_such() -> None:
    aws = Aws(lambda _: Stacks(), region="eu-west-1", is_local=False)

    assert owning_stack(aws, "cats-eu-west-1") == "ninelives-cats"
    assert owning_stack(aws, "cats-mine") is None


def test_metrics_that_scaling_follows_are_shown_in_the_terminal_too() -> None:
    cloudwatch = CloudWatch({"Cats/Waiting{Room=hall}:Average": {NOON - timedelta(minutes=1): 4.0}})
    asked = Asked(since=timedelta(minutes=5), custom=(read_metric("Cats/Other"),))

    panels = read_picture(account(cloudwatch), parse_service_file(FILE), asked, NOON + timedelta(seconds=5)).panels

    assert [panel.name for panel in panels][-2:] == ["Cats/Waiting{Room=hall}:Average", "Cats/Other:Average"]
    assert panels[-2].lines[0].series.values == (4.0,)
