"""What the page shows of a service, for what the API answers."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import orjson
import pytest
from page_facts import GROUPS, HEAD, NOW, RULE, deployment, facts, rule, service, target, task, task_definition

from ninelives.console.facts import Bake
from ninelives.console.snapshot import overview_view, releases_view, service_view
from ninelives.deploy.history import PastRelease

PAUSE = {"hookId": "pause-1", "targetType": "PAUSE", "status": "AWAITING_ACTION", "timeoutAction": "ROLLBACK"}


def past(version: str, number: str, status: str = "SUCCESSFUL", **members: Any) -> PastRelease:
    known: dict[str, Any] = {
        "arn": f"{HEAD}service-deployment/shop/cats/sd{number}",
        "version": version,
        "status": status,
        "task_definition": task_definition(number),
        "revision": number,
        "created_at": NOW,
        "finished_at": NOW,
        "cause": None,
    }
    return PastRelease(**(known | members))


def test_a_release_in_the_middle_tells_versions_traffic_and_tasks() -> None:
    view = service_view(facts())

    assert ("deploying", "1.0.0", "http://127.0.0.2:8080") == (view["state"], view["version"], view["url"])
    release = view["release"]
    assert ("1.0.0", "2.0.1", True, "CANARY") == (
        release["from_version"], release["version"], release["under_way"], release["strategy"],
    )  # fmt: skip
    assert [("new", "2.0.1", 20.0, GROUPS["2"]), ("old", "1.0.0", 80.0, GROUPS["1"])] == [
        (one["role"], one["version"], one["weight"], one["group"]) for one in view["revisions"]
    ]
    assert [["checking"], ["healthy"]] == [[one["state"] for one in lane["tasks"]] for lane in view["revisions"]]
    assert ["has reached a steady state."] == [event["text"] for event in view["events"]]


def test_all_that_is_shown_is_json() -> None:
    view = service_view(facts(bake=Bake(length=timedelta(minutes=10), ends_at=NOW), past=[past("1.0.0", "1")]))

    assert orjson.loads(orjson.dumps(view))["release"]["bake"] == {"s": 600.0, "ends_at": "2026-11-27T12:00:00+00:00"}


STARTED = {"lastStatus": "RUNNING", "healthStatus": "UNKNOWN"}


@pytest.mark.parametrize(
    ("members", "health", "state"),
    [
        ({"lastStatus": "PROVISIONING"}, None, "starting"),
        ({"lastStatus": "PENDING"}, None, "starting"),
        (STARTED, None, "checking"),
        (STARTED, "initial", "checking"),
        (STARTED, "healthy", "healthy"),
        (STARTED, "unhealthy", "unhealthy"),
        (STARTED, "draining", "draining"),
        ({**STARTED, "healthStatus": "UNHEALTHY"}, "healthy", "unhealthy"),
        ({"lastStatus": "DEACTIVATING"}, "draining", "draining"),
        ({"lastStatus": "STOPPING"}, None, "stopping"),
        ({"lastStatus": "STOPPED", "stopCode": "ServiceSchedulerInitiated"}, None, "stopped"),
        ({"lastStatus": "STOPPED", "stopCode": "EssentialContainerExited"}, None, "failed"),
        ({"lastStatus": "STOPPED", "stoppedReason": "Task failed ELB health checks in (target-group …)"}, None, "failed"),
    ],
)
def test_a_tasks_state_is_one_word(members: dict[str, Any], health: str | None, state: str) -> None:
    targets = {GROUPS["2"]: [target(1002, health)] if health is not None else []}

    view = service_view(facts(tasks=[task("new", "2", 1002, **members)], targets=targets))

    assert state == view["revisions"][0]["tasks"][0]["state"]


def test_without_a_load_balancer_a_task_that_runs_is_running() -> None:
    view = service_view(facts(tasks=[task("new", "2", 1002)], targets={}))

    assert "running" == view["revisions"][0]["tasks"][0]["state"]


def test_a_failed_task_says_why() -> None:
    ended = task(
        "new", "2", 1002, lastStatus="STOPPED", stopCode="EssentialContainerExited",
        stoppedReason="Essential container in task exited",
        containers=[{"name": "cats", "exitCode": 137, "reason": "OutOfMemoryError: Container killed due to memory usage"}],
    )  # fmt: skip

    shown = service_view(facts(tasks=[ended]))["revisions"][0]["tasks"][0]

    assert "Essential container in task exited; OutOfMemoryError: Container killed due to memory usage" == shown["reason"]
    assert "cats 137" == shown["exits"]


@pytest.mark.parametrize(
    ("members", "stages"),
    [
        (
            {"status": "PENDING", "lifecycleStage": None},
            "SCALE_UP next, PRODUCTION_TRAFFIC_SHIFT next, BAKE_TIME next, CLEAN_UP next",
        ),
        ({"lifecycleStage": "SCALE_UP"}, "SCALE_UP now, PRODUCTION_TRAFFIC_SHIFT next, BAKE_TIME next, CLEAN_UP next"),
        ({}, "SCALE_UP done, PRODUCTION_TRAFFIC_SHIFT now, BAKE_TIME next, CLEAN_UP next"),
        ({"status": "SUCCESSFUL"}, "SCALE_UP done, PRODUCTION_TRAFFIC_SHIFT done, BAKE_TIME done, CLEAN_UP done"),
        ({"deploymentConfiguration": {}, "lifecycleStage": None}, "SCALE_UP now"),
        ({"deploymentConfiguration": {"bakeTimeInMinutes": 5}, "lifecycleStage": "BAKE_TIME"}, "SCALE_UP done, BAKE_TIME now"),
    ],
)  # fmt: skip
def test_stages_are_those_that_this_release_goes_through(members: dict[str, Any], stages: str) -> None:
    view = service_view(facts(deployment=deployment(**members)))

    assert stages == ", ".join(f"{one['stage']} {one['state']}" for one in view["release"]["stages"])


def test_a_stage_where_somebody_is_asked_is_shown_with_who_it_is() -> None:
    hooks = [
        {"lifecycleStages": ["POST_SCALE_UP"], "hookTargetArn": "arn:aws:lambda:eu-west-1:1:function:smoke"},
        {"lifecycleStages": ["POST_SCALE_UP", "PRE_PRODUCTION_TRAFFIC_SHIFT"], "targetType": "PAUSE"},
    ]
    configuration = {**deployment()["deploymentConfiguration"], "lifecycleHooks": hooks}

    view = service_view(facts(deployment=deployment(deploymentConfiguration=configuration)))

    assert {"POST_SCALE_UP": ["smoke", "pause"], "PRE_PRODUCTION_TRAFFIC_SHIFT": ["pause"]} == {
        one["stage"]: one["hooks"] for one in view["release"]["stages"] if one["hooks"]
    }


@pytest.mark.parametrize(
    ("members", "state", "may"),
    [
        ({}, "deploying", {"abort"}),
        ({"lifecycleHookDetails": [PAUSE]}, "paused", {"abort", "promote"}),
        ({"status": "ROLLBACK_IN_PROGRESS"}, "rolling_back", set()),
        ({"status": "STOP_REQUESTED"}, "rolling_back", set()),
        ({"status": "SUCCESSFUL"}, "steady", {"rollback"}),
        ({"status": "ROLLBACK_SUCCESSFUL"}, "steady", {"rollback"}),
    ],
)
def test_what_may_be_decided_is_what_ecs_can_do_now(members: dict[str, Any], state: str, may: set[str]) -> None:
    view = service_view(facts(deployment=deployment(**members), past=[past("2.0.1", "2"), past("1.0.0", "1")]))

    assert state == view["state"]
    assert may == {name for name in ("promote", "abort", "rollback") if view["actions"][name]}


def test_nothing_goes_back_where_no_other_version_was_proven() -> None:
    failed = past("1.0.0", "1", "ROLLBACK_SUCCESSFUL")

    view = service_view(facts(deployment=deployment(status="SUCCESSFUL"), past=[past("2.0.1", "2"), failed]))

    assert view["actions"]["rollback"] is None


@pytest.mark.parametrize(
    ("members", "state"),
    [
        ({}, "steady"),
        ({"runningCount": 1}, "short"),
        ({"status": "DRAINING"}, "draining"),
        ({"deployments": [{"status": "PRIMARY", "rolloutState": "FAILED"}]}, "failed"),
        ({"deployments": [{"status": "PRIMARY", "rolloutState": "IN_PROGRESS"}]}, "deploying"),
        (
            {
                "deployments": [
                    {"status": "PRIMARY", "rolloutState": "IN_PROGRESS", "rolloutStateReason": "… rolling back to …"}
                ]
            },
            "rolling_back",
        ),
    ],
)
def test_the_list_tells_each_services_state(members: dict[str, Any], state: str) -> None:
    assert [state] == [line["state"] for line in overview_view([service(**members)])]


def test_the_list_is_by_cluster_and_name_without_deleted_services() -> None:
    others = [
        service(serviceName=name, clusterArn=f"{HEAD}cluster/{cluster}")
        for cluster, name in (("b", "x"), ("a", "z"), ("a", "y"))
    ]

    lines = overview_view([*others, service(status="INACTIVE")])

    assert [("a", "y"), ("a", "z"), ("b", "x")] == [(line["cluster"], line["name"]) for line in lines]


def test_a_weight_is_a_share_of_the_whole() -> None:
    view = service_view(facts(rules={RULE: rule(3, 1)}))

    assert [25.0, 75.0] == [lane["weight"] for lane in view["revisions"]]


def test_an_old_revision_goes_from_the_page_with_its_last_task() -> None:
    done = facts(deployment=deployment(status="SUCCESSFUL"))
    assert ["2", "1"] == [lane["revision"] for lane in service_view(done)["revisions"]]

    ended = [task("old", "1", 1001, lastStatus="STOPPED", stopCode="ServiceSchedulerInitiated"), task("new", "2", 1002)]

    assert ["2"] == [lane["revision"] for lane in service_view(replace(done, tasks=ended))["revisions"]]


def test_a_service_without_a_release_is_shown_all_the_same() -> None:
    view = service_view(facts(deployment=None, tasks=[], targets={}, rules={}))

    assert (None, "steady", []) == (view["release"], view["state"], view["revisions"])


def test_an_alarm_that_took_the_release_back_is_marked() -> None:
    alarm = {
        "AlarmName": "cats-5xx", "StateValue": "ALARM", "StateReason": "Threshold Crossed", "Threshold": 2.0,
        "ComparisonOperator": "GreaterThanThreshold", "MetricName": "HTTPCode_Target_5XX_Count", "Statistic": "Sum",
    }  # fmt: skip
    taken = deployment(alarms={"status": "TRIGGERED", "alarmNames": ["cats-5xx"], "triggeredAlarmNames": ["cats-5xx"]})

    (shown,) = service_view(facts(alarms=[alarm], deployment=taken))["alarms"]

    assert ("ALARM", "above 2", True) == (shown["state"], shown["limit"], shown["triggered"])


def test_scaling_is_shown_with_its_bounds_and_what_is_suspended() -> None:
    bounds = {"MinCapacity": 2, "MaxCapacity": 9, "SuspendedState": {"DynamicScalingInSuspended": True}}
    activity = {"StartTime": NOW, "Description": "Setting desired count to 3.", "StatusCode": "Successful"}

    view = service_view(facts(scalable_target=bounds, scaling_activities=[activity]))

    assert (2, 9, True, False) == tuple(view["scaling"][name] for name in ("min", "max", "in_suspended", "out_suspended"))
    assert ["Setting desired count to 3."] == [one["text"] for one in view["scaling"]["activities"]]


def test_history_has_the_proofs_that_are_kept() -> None:
    releases = [past("2.0.1", "2"), past("1.0.0", "1")]

    shown = releases_view(
        releases, {releases[0].arn: {"requests": {"lost": 0}}}, {releases[1].arn: "report/1"}, task_definition("2")
    )

    assert [("2.0.1", True, {"requests": {"lost": 0}}, None), ("1.0.0", False, None, "report/1")] == [
        (one["version"], one["is_live"], one["proof"], one["report"]) for one in shown
    ]
