"""What a release that shifts traffic asks of ECS and ELB, with moto as a second opinion on their records."""

from typing import Any

import pytest
from release_world import TEXT, World

from ninelives.deploy.errors import MissingPieces
from ninelives.deploy.front_door import weights_of
from ninelives.deploy.options import Options
from ninelives.deploy.release import deploy
from ninelives.deploy.reports import Act


def shifting(strategy: str, more: str = "", *, balancer: str = "port: 8080") -> str:
    text = TEXT.replace("{rollback: {failures: 2}}", f"{{strategy: {strategy}, {more}rollback: {{failures: 2}}}}")
    return text.replace("load_balancer: {port: 8080}", f"load_balancer: {{{balancer}}}")


def rules(world: World, port: int) -> list[dict[str, Any]]:
    elb = world.clients["elbv2"]
    [balancer] = elb.describe_load_balancers(Names=["cats"])["LoadBalancers"]
    listeners = elb.describe_listeners(LoadBalancerArn=balancer["LoadBalancerArn"])["Listeners"]
    [listener] = [one for one in listeners if one["Port"] == port]
    found: list[dict[str, Any]] = elb.describe_rules(ListenerArn=listener["ListenerArn"])["Rules"]
    return found


def group(world: World, name: str) -> str:
    return str(world.clients["elbv2"].describe_target_groups(Names=[name])["TargetGroups"][0]["TargetGroupArn"])


def weigh(world: World, rule: dict[str, Any], weights: dict[str, int]) -> None:
    """What ECS does at the end of a shift."""
    groups = [{"TargetGroupArn": arn, "Weight": weight} for arn, weight in weights.items()]
    action = {"Type": "forward", "ForwardConfig": {"TargetGroups": groups}}
    elb = world.clients["elbv2"]
    [balancer] = elb.describe_load_balancers(Names=["cats"])["LoadBalancers"]
    [listener] = elb.describe_listeners(LoadBalancerArn=balancer["LoadBalancerArn"])["Listeners"]
    assert rule["IsDefault"]
    elb.modify_listener(ListenerArn=listener["ListenerArn"], DefaultActions=[action])


@pytest.mark.parametrize(
    ("strategy", "more", "expected"),
    [
        ("blue-green", "bake: 2m, ", {"strategy": "BLUE_GREEN", "bakeTimeInMinutes": 2}),
        (
            "canary",
            "canary: {percent: 2.5%, bake: 3m}, ",
            {
                "strategy": "CANARY",
                "bakeTimeInMinutes": 5,
                "canaryConfiguration": {"canaryPercent": 2.5, "canaryBakeTimeInMinutes": 3},
            },
        ),
        (
            "linear",
            "linear: {step: 20%, bake: 1m}, bake: 0m, ",
            {
                "strategy": "LINEAR",
                "bakeTimeInMinutes": 0,
                "linearConfiguration": {"stepPercent": 20.0, "stepBakeTimeInMinutes": 1},
            },
        ),
    ],
)
def test_ecs_is_told_the_strategy_and_both_target_groups(
    world: World, strategy: str, more: str, expected: dict[str, Any]
) -> None:
    world.deploy("1.0.0", shifting(strategy, more))

    [(_, request)] = world.ecs.calls
    told = {"minimumHealthyPercent", "maximumPercent", "deploymentCircuitBreaker"}
    assert expected == {name: value for name, value in request["deploymentConfiguration"].items() if name not in told}
    [balancer] = request["loadBalancers"]
    [production] = rules(world, 8080)
    assert group(world, "cats") == balancer["targetGroupArn"]
    assert {
        "alternateTargetGroupArn": group(world, "cats-alternate"),
        "productionListenerRule": production["RuleArn"],
        "roleArn": "arn:aws:iam::123456789012:role/ecsInfrastructureRoleForLoadBalancers",
    } == balancer["advancedConfiguration"]
    assert {group(world, "cats"): 100, group(world, "cats-alternate"): 0} == weights_of(production)


def test_both_target_groups_have_the_files_health_check_and_delay(world: World) -> None:
    world.deploy("1.0.0", shifting("blue-green"))
    world.deploy("2.0.1", shifting("blue-green").replace("interval: 7s", "interval: 9s"))

    elb = world.clients["elbv2"]
    assert [9, 9] == [one["HealthCheckIntervalSeconds"] for one in elb.describe_target_groups()["TargetGroups"]]


def test_the_infrastructure_role_is_ecs_own_and_may_move_weights_only(world: World) -> None:
    world.deploy("1.0.0", shifting("blue-green"))

    iam, name = world.clients["iam"], "ecsInfrastructureRoleForLoadBalancers"
    [statement] = iam.get_role(RoleName=name)["Role"]["AssumeRolePolicyDocument"]["Statement"]
    [policy] = iam.list_role_policies(RoleName=name)["PolicyNames"]
    [allowed] = iam.get_role_policy(RoleName=name, PolicyName=policy)["PolicyDocument"]["Statement"]
    assert {"Service": "ecs.amazonaws.com"} == statement["Principal"]
    assert {"elasticloadbalancing"} == {action.split(":")[0] for action in allowed["Action"]}
    assert {"ModifyListener", "ModifyRule", "RegisterTargets"} <= {action.split(":")[1] for action in allowed["Action"]}


def test_a_second_release_leaves_the_weights_to_ecs(world: World) -> None:
    text = shifting("blue-green")
    world.deploy("1.0.0", text)
    [production] = rules(world, 8080)
    after_a_shift = {group(world, "cats"): 0, group(world, "cats-alternate"): 100}
    weigh(world, production, after_a_shift)

    world.deploy("2.0.1", text)

    assert after_a_shift == weights_of(rules(world, 8080)[0])
    assert not {"loadBalancers", "networkConfiguration"} & set(world.ecs.calls[-1][1])


def test_a_test_listener_on_a_port_is_a_listener_of_its_own(world: World) -> None:
    release = world.deploy("1.0.0", shifting("blue-green", balancer="port: 8080, test_listener: {port: 8081}"))

    [test] = rules(world, 8081)
    [balancer] = world.ecs.calls[0][1]["loadBalancers"]
    assert test["RuleArn"] == balancer["advancedConfiguration"]["testListenerRule"]
    assert {group(world, "cats"): 100, group(world, "cats-alternate"): 0} == weights_of(test)
    assert str(release.started.asked.test_url).endswith(":8081")


def test_a_test_listener_by_header_is_a_rule_before_the_public_one_and_never_taken_for_it(world: World) -> None:
    text = shifting("blue-green", balancer="port: 8080, test_listener: {header: X-Cats-Test}")
    world.deploy("1.0.0", text)
    world.deploy("2.0.1", text)

    test, production = rules(world, 8080)
    assert ("1", False, True) == (test["Priority"], test["IsDefault"], production["IsDefault"])
    assert {"HttpHeaderName": "X-Cats-Test", "Values": ["true"]} == test["Conditions"][0]["HttpHeaderConfig"]
    [balancer] = world.ecs.calls[0][1]["loadBalancers"]
    advanced = balancer["advancedConfiguration"]
    assert (production["RuleArn"], test["RuleArn"]) == (advanced["productionListenerRule"], advanced["testListenerRule"])
    assert 1 == len([text for text in world.said(Act.MADE) if "for test traffic" in text])


def test_a_rolling_service_becomes_one_that_shifts_with_one_update(world: World) -> None:
    world.deploy("1.0.0")

    world.deploy("2.0.1", shifting("canary"))

    call, request = world.ecs.calls[-1]
    assert ("UpdateService", 2, "CANARY") == (call, len(world.ecs.calls), request["deploymentConfiguration"]["strategy"])
    assert group(world, "cats-alternate") == request["loadBalancers"][0]["advancedConfiguration"]["alternateTargetGroupArn"]
    assert {group(world, "cats"): 100, group(world, "cats-alternate"): 0} == weights_of(rules(world, 8080)[0])


@pytest.mark.parametrize(("live", "told"), [("cats", False), ("cats-alternate", True)])
def test_a_service_that_shifted_rolls_in_the_group_where_the_traffic_is(world: World, live: str, told: bool) -> None:
    world.deploy("1.0.0", shifting("blue-green"))
    other = {"cats": "cats-alternate", "cats-alternate": "cats"}[live]
    weigh(world, rules(world, 8080)[0], {group(world, live): 100, group(world, other): 0})

    world.deploy("2.0.1")

    request = world.ecs.calls[-1][1]
    assert "ROLLING" == request["deploymentConfiguration"]["strategy"]
    [balancer] = request["loadBalancers"]
    assert (group(world, live), False) == (balancer["targetGroupArn"], "advancedConfiguration" in balancer)
    assert told == any("traffic is with target group cats-alternate" in text for text in world.said(Act.NOTE))


def test_hooks_are_told_in_ecs_words(world: World) -> None:
    hooks = (
        "hooks: [{stages: [POST_TEST_TRAFFIC_SHIFT], function: smoke, details: {path: /}, timeout: 10m}, "
        "{stages: [PRE_PRODUCTION_TRAFFIC_SHIFT], pause: true, timeout: 1h, on_timeout: continue}], "
    )

    world.deploy("1.0.0", shifting("blue-green", hooks))

    function, pause = world.ecs.calls[0][1]["deploymentConfiguration"]["lifecycleHooks"]
    assert {
        "targetType": "AWS_LAMBDA",
        "hookTargetArn": "arn:aws:lambda:eu-west-1:123456789012:function:smoke",
        "roleArn": "arn:aws:iam::123456789012:role/ecsLifecycleHookRole",
        "lifecycleStages": ["POST_TEST_TRAFFIC_SHIFT"],
        "hookDetails": {"path": "/"},
        "timeoutConfiguration": {"timeoutInMinutes": 10, "action": "ROLLBACK"},
    } == function
    assert {
        "targetType": "PAUSE",
        "lifecycleStages": ["PRE_PRODUCTION_TRAFFIC_SHIFT"],
        "timeoutConfiguration": {"timeoutInMinutes": 60, "action": "CONTINUE"},
    } == pause


def test_the_services_own_alarms_are_made_once_and_brought_to_what_the_file_says(world: World) -> None:
    def text(limit: str) -> str:
        return TEXT.replace(
            "{failures: 2}", f"{{alarms: [5xx: {{above: {limit}}}, latency: {{p99: 2s, evaluation_periods: 3}}]}}"
        )

    world.deploy("1.0.0", text("1%"))
    world.deploy("1.0.0", text("1%"))
    changed = len(world.said(Act.CHANGED))
    world.deploy("2.0.1", text("0.5%"))

    assert {"alarmNames": ["cats-5xx", "cats-latency"], "enable": True, "rollback": True} == (
        world.ecs.calls[-1][1]["deploymentConfiguration"]["alarms"]
    )
    found = world.client("cloudwatch").describe_alarms()["MetricAlarms"]
    errors, latency = sorted(found, key=lambda one: str(one["AlarmName"]))
    assert (0.5, "notBreaching") == (errors["Threshold"], errors["TreatMissingData"])
    [returned] = [one for one in errors["Metrics"] if one["ReturnData"]]
    assert "requests" in returned["Expression"]
    assert ("TargetResponseTime", "p99", 2.0, 60, 3) == (
        latency["MetricName"],
        latency["ExtendedStatistic"],
        latency["Threshold"],
        latency["Period"],
        latency["EvaluationPeriods"],
    )
    [dimension] = latency["Dimensions"]
    assert ("LoadBalancer", True) == (dimension["Name"], dimension["Value"].startswith("app/cats/"))
    assert 2 == len([one for one in world.said(Act.MADE) if "CloudWatch alarm" in one])
    assert (0, 1) == (changed, len(world.said(Act.CHANGED)))


def test_an_alarm_that_the_file_names_must_be_there(world: World) -> None:
    text = TEXT.replace("{failures: 2}", "{alarms: [queue-depth]}")
    with pytest.raises(MissingPieces, match="CloudWatch alarm queue-depth"):
        world.deploy("1.0.0", text)
    world.client("cloudwatch").put_metric_alarm(
        AlarmName="queue-depth", Namespace="N", MetricName="M", Statistic="Sum", Period=60, EvaluationPeriods=1, Threshold=1,
        ComparisonOperator="GreaterThanThreshold",
    )  # fmt: skip

    world.deploy("1.0.0", text)

    assert ["queue-depth"] == world.ecs.calls[-1][1]["deploymentConfiguration"]["alarms"]["alarmNames"]


def test_an_alarm_that_has_gone_off_before_is_no_guard_and_that_is_said(world: World) -> None:
    text = TEXT.replace("{failures: 2}", "{alarms: [5xx: {above: 1%}]}")
    world.deploy("1.0.0", text)
    world.client("cloudwatch").set_alarm_state(AlarmName="cats-5xx", StateValue="ALARM", StateReason="test")
    assert not any("in ALARM already" in told for told in world.said(Act.NOTE))

    world.deploy("2.0.1", text)

    assert any("cats-5xx is in ALARM already" in told for told in world.said(Act.NOTE))


def test_what_a_release_replaces_is_what_serves_not_what_was_under_way(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    world.deploy("1.0.0")
    serves = world.definition()["taskDefinition"]["taskDefinitionArn"]
    world.deploy("2.0.1")
    plain = world.ecs.describe_services

    def under_way(**request: Any) -> Any:
        answer = plain(**request)
        [primary] = answer["services"][0]["deployments"]
        old = {"id": "ecs-svc/1", "status": "ACTIVE", "rolloutState": "COMPLETED", "taskDefinition": serves}
        answer["services"][0]["deployments"] = [{**primary, "rolloutState": "IN_PROGRESS"}, old]
        return answer

    monkeypatch.setattr(world.ecs, "describe_services", under_way)

    release = deploy(world.session(), "2.0.1", Options(force=True, wait=False))

    assert ("1.0.0", "1") == (release.started.asked.from_version, release.started.followed.source)


def test_what_the_file_has_no_longer_is_taken_from_ecs_too(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    world.deploy("1.0.0")
    plain = world.ecs.describe_services

    def as_it_was(**request: Any) -> Any:
        answer = plain(**request)
        answer["services"][0]["deploymentConfiguration"] = {
            "strategy": "BLUE_GREEN",
            "bakeTimeInMinutes": 5,
            "lifecycleHooks": [{"targetType": "PAUSE", "lifecycleStages": ["POST_SCALE_UP"]}],
            "alarms": {"alarmNames": ["a"], "enable": True, "rollback": True},
        }
        return answer

    monkeypatch.setattr(world.ecs, "describe_services", as_it_was)

    world.deploy("2.0.1")

    told = world.ecs.calls[-1][1]["deploymentConfiguration"]
    assert (0, [], {"alarmNames": [], "enable": False, "rollback": False}) == (
        told["bakeTimeInMinutes"],
        told["lifecycleHooks"],
        told["alarms"],
    )


def test_elsewhere_what_a_shift_needs_is_named_where_it_is_missing(world: World) -> None:
    world.deploy("1.0.0")  # a rolling service stands, with its load balancer
    hooks = "hooks: [{stages: [POST_SCALE_UP], function: smoke}], "
    text = shifting("blue-green", hooks, balancer="port: 8080, test_listener: {header: X-Test}")
    text = text.replace("{failures: 2}", "{alarms: [5xx: {above: 1%}]}")

    with pytest.raises(MissingPieces) as told:
        deploy(world.session(text, environment="staging"), "1.0.0", Options())

    assert {
        "target group cats-alternate (health: /health)",
        "IAM role ecsInfrastructureRoleForLoadBalancers",
        "IAM role ecsLifecycleHookRole",
        "CloudWatch alarm cats-5xx (5xx above 1% for 1m)",
    } == set(told.value.pieces)


def test_elsewhere_a_production_rule_that_leads_to_one_group_only_is_missing_something(world: World) -> None:
    world.deploy("1.0.0", shifting("blue-green"))
    weigh(world, rules(world, 8080)[0], {group(world, "cats"): 100})

    with pytest.raises(MissingPieces) as told:
        deploy(world.session(shifting("blue-green"), environment="staging"), "1.0.0", Options())

    assert ("production rule of listener 8080: forwards to cats and cats-alternate by weight",) == told.value.pieces
