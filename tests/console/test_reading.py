"""What is read of the API for the page: once where it cannot change, and the rest where a part is not allowed."""

from collections import Counter
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from botocore.exceptions import ClientError
from page_facts import GROUPS, RULE, a_revision, deployment, revision, rule, service, target, task, task_definition

from ninelives.console.reading import LINES_AT_MOST, LINES_READ, Reader
from ninelives.console.snapshot import service_view
from ninelives.deploy.aws import Aws
from ninelives.deploy.clock import WallClock
from ninelives.deploy.errors import NotFound

BALANCER = "arn:aws:elasticloadbalancing:eu-west-1:123456789012:loadbalancer/app/cats/cc"
CATS = ("shop", "cats")


class Account:
    """One service in the middle of a release; ``denied`` are operations that are not allowed."""

    def __init__(self, *denied: str) -> None:
        self.calls: Counter[str] = Counter()
        self.denied = denied
        self.services = [service(taskDefinition=task_definition("2"), currentServiceRevisions=[])]
        self.lines: list[dict[str, Any]] = []

    def client(self, name: str) -> Any:  # noqa: ARG002 (one account for all services)
        return self

    def __getattr__(self, operation: str) -> Any:
        answers: dict[str, Callable[[Any], Any]] = {
            "describe_services": lambda _: {"services": self.services},
            "list_service_deployments": lambda _: {
                "serviceDeployments": [{**deployment(), "targetServiceRevisionArn": revision("2")}]
            },
            "describe_service_deployments": lambda _: {"serviceDeployments": [deployment()]},
            "list_tasks": lambda asked: {"taskArns": ["old", "new"] if asked["desiredStatus"] == "RUNNING" else []},
            "describe_tasks": lambda _: {"tasks": [task("old", "1", 1001), task("new", "2", 1002)]},
            "describe_service_revisions": lambda asked: {
                "serviceRevisions": [a_revision(arn[-1]) for arn in asked["serviceRevisionArns"]]
            },
            "describe_task_definition": lambda asked: {
                "taskDefinition": {
                    "containerDefinitions": [
                        {
                            "name": "web",
                            "image": f"cats:{asked['taskDefinition'][-1]}.0",
                            "logConfiguration": {"options": {"awslogs-group": "/shop", "awslogs-stream-prefix": "cats"}},
                        }
                    ]
                },
                "tags": [],
            },
            "describe_target_health": lambda _: {"TargetHealthDescriptions": [target(1001, "healthy")]},
            "describe_rules": lambda _: {"Rules": [rule(80, 20)]},
            "describe_target_groups": lambda asked: {
                "TargetGroups": [{"LoadBalancerArns": [BALANCER] if asked["TargetGroupArns"] == [GROUPS["1"]] else []}]
            },
            "describe_listeners": lambda _: {
                "Listeners": [{"ListenerArn": RULE.replace("-rule", "").rpartition("/")[0], "Protocol": "HTTP", "Port": 80}]
            },
            "describe_load_balancers": lambda _: {"LoadBalancers": [{"DNSName": "cats.example"}]},
            "describe_tags": lambda _: {"TagDescriptions": []},
            "describe_scalable_targets": lambda _: {"ScalableTargets": []},
            "get_metric_data": lambda _: {"MetricDataResults": []},
            "filter_log_events": lambda asked: {
                "events": [one for one in self.lines if one["timestamp"] >= asked["startTime"]]
            },
        }
        if operation not in answers:
            raise AttributeError(operation)

        def call(**request: Any) -> Any:
            self.calls[operation] += 1
            if operation in self.denied:
                message = f"User: x is not authorized to perform: elasticloadbalancing:{operation}"
                raise ClientError({"Error": {"Code": "AccessDenied", "Message": message}}, operation)
            return answers[operation](request)

        return call


def reader(account: Account) -> Reader:
    return Reader(lambda: Aws(account.client, region="eu-west-1", is_local=False), WallClock())


def test_a_service_is_read_with_all_that_the_page_shows() -> None:
    facts = reader(Account()).service(CATS)

    assert ("1.0", "2.0") == (facts.versions[task_definition("1")], facts.versions[task_definition("2")])
    assert "http://cats.example" == facts.url
    assert {} == facts.troubles
    view = service_view(facts)
    assert [("2.0", 20.0), ("1.0", 80.0)] == [(lane["version"], lane["weight"]) for lane in view["revisions"]]


def test_what_cannot_change_and_what_seldom_does_is_not_asked_for_again() -> None:
    account = Account()
    known = reader(account)
    known.service(CATS)
    before = Counter(account.calls)

    known.service(CATS)

    assert {
        "describe_services": 1, "list_service_deployments": 1, "describe_service_deployments": 1, "list_tasks": 2,
        "describe_tasks": 1, "describe_target_health": 2, "describe_rules": 1,
    } == dict(account.calls - before)  # fmt: skip


def test_a_part_that_is_not_allowed_is_left_out_and_told() -> None:
    facts = reader(Account("describe_target_health")).service(CATS)

    assert {} == facts.targets
    assert "Allow elasticloadbalancing:describe_target_health to these credentials." in facts.troubles["targets"]
    assert "running" == service_view(facts)["revisions"][0]["tasks"][0]["state"]


def test_a_service_that_is_not_there_is_told() -> None:
    account = Account()
    account.services = []

    with pytest.raises(NotFound, match="There is no service cats in cluster shop"):
        reader(account).service(CATS)


def test_a_target_group_that_stands_by_is_measured_behind_the_others_load_balancer() -> None:
    charts = reader(Account()).charts(CATS, 900)

    assert set(GROUPS.values()) == set(charts["groups"])


def test_of_too_many_lines_the_last_are_shown() -> None:
    account = Account()
    account.lines = [
        {"eventId": str(number), "timestamp": number, "logStreamName": "cats/web/t1", "message": f"line {number}\n"}
        for number in range(LINES_AT_MOST + 5)
    ]

    read = reader(account).lines(CATS, datetime.fromtimestamp(0, tz=UTC))

    assert ("/shop", True, LINES_AT_MOST) == (read["group"], read["is_cut"], len(read["lines"]))
    assert ("line 5", "t1") == (read["lines"][0]["text"], read["lines"][0]["task"])


def test_of_more_lines_than_are_read_it_is_still_the_last_that_are_shown() -> None:
    account, now = Account(), WallClock().now()
    account.lines = [
        {
            "eventId": str(number),
            "timestamp": int((now - timedelta(seconds=(3 * LINES_READ - number) / 100)).timestamp() * 1000),
            "logStreamName": "cats/web/t1",
            "message": f"line {number}",
        }
        for number in range(3 * LINES_READ)
    ]

    read = reader(account).lines(CATS, now - timedelta(hours=1))

    assert f"line {3 * LINES_READ - 1}" == read["lines"][-1]["text"]
    assert (True, LINES_AT_MOST) == (read["is_cut"], len(read["lines"]))


def test_after_a_refusal_the_api_is_reached_anew() -> None:
    made: list[int] = []

    def connect() -> Aws:
        made.append(1)
        return Aws(Account().client, region="eu-west-1", is_local=False)

    known = Reader(connect, WallClock())
    assert known.aws is known.aws
    known.let_go()
    assert known.aws is not None

    assert 2 == len(made)
